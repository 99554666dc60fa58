//! When workers tick: those of many VPCs together, a few at each of several moments. A thread that is woken for each VPC by itself
//! is woken all the time.

use std::{sync::LazyLock, time::Duration};

use mooring_domain::id::VpcId;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// So many moments between two ticks of a VPC: no failover waits for the ticks of all.
const MOMENTS: u32 = 8;

/// The ticks of one VPC.
pub(super) fn of(vpc: VpcId, every: Duration) -> Interval {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let mut ticks = interval_at(first(vpc, every, *BEGIN, Instant::now()), every);
    // A tick that came late is followed by one in its time.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

fn first(vpc: VpcId, every: Duration, begin: Instant, now: Instant) -> Instant {
    let moment = vpc.uuid().as_u128() % u128::from(MOMENTS);
    let begin = begin + every / MOMENTS * moment as u32;
    let passed = now.saturating_duration_since(begin).as_nanos().div_ceil(every.as_nanos().max(1));
    begin + every.saturating_mul(u32::try_from(passed).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use mooring_domain::id::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn many_vpcs_tick_at_few_moments_whenever_they_began() {
        let (begin, every) = (Instant::now(), Duration::from_millis(48));
        let mut moments: Vec<_> = (0..300_u32)
            .map(|number| {
                let now = begin + Duration::from_millis(u64::from(number) * 7);
                let first = first(Id::new(Uuid::from_u128(number.into())), every, begin, now);
                assert!(first >= now && first <= now + every + every);
                (first - begin).as_nanos() % every.as_nanos()
            })
            .collect();
        moments.sort_unstable();
        moments.dedup();
        assert_eq!(moments.len(), MOMENTS as usize, "{moments:?}");
    }
}
