//! What health answers about failovers.

use std::time::Duration;

use mooring_domain::{
    CommitPosition,
    event::FailoverTimes,
    holder::{Havip, Receipt},
    id,
    name::{Name, Scope},
};

use crate::health::v1::{Failover, FailoverPercentiles};

/// A failover, by its receipt and where that is.
pub fn failover(havip: &Havip, at: CommitPosition, receipt: &Receipt) -> Failover {
    let Receipt { holder, times, .. } = receipt;
    let FailoverTimes { claim, started_at, decided_at, applied_at, stored, followed_at } = times;
    let scope = Scope { project: havip.facts.project.clone(), region: havip.facts.region.clone() };
    Failover {
        id: format!("{}/{}/{}", claim.gateway, started_at.0 / 1_000_000, claim.number),
        havip: Name::<id::Havip> { scope: scope.clone(), id: havip.facts.id }.to_string(),
        gateway: claim.gateway.to_string(),
        vnic: Name::<id::Vnic> { scope, id: holder.id }.to_string(),
        instance: holder.instance.to_string(),
        mac: claim.mac.to_string(),
        claimed_at: claim.observed_at.0,
        decided_at: decided_at.0,
        applied_at: applied_at.0,
        stored_position: stored.0,
        followed_at: followed_at.0,
        position: at.position.0,
    }
}

/// What so many percent of these did not exceed; nothing of nothing.
pub fn percentiles(mut all: Vec<Duration>) -> Option<FailoverPercentiles> {
    all.sort_unstable();
    let at = |percent: usize| {
        let rank = (all.len() * percent).div_ceil(100);
        let value = all.get(rank.checked_sub(1)?)?;
        u64::try_from(value.as_nanos()).ok()
    };
    Some(FailoverPercentiles { p50: at(50)?, p90: at(90)?, p99: at(99)?, max: at(100)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values_and_of_nothing_there_is_none() {
        let nanoseconds = |all: std::ops::RangeInclusive<u64>| all.rev().map(Duration::from_nanos).collect();
        let of =
            |all| percentiles(nanoseconds(all)).map(|found| [found.p50, found.p90, found.p99, found.max]);
        assert_eq!(of(1..=200), Some([100, 180, 198, 200]));
        assert_eq!(of(7..=7), Some([7; 4]));
        #[allow(clippy::reversed_empty_ranges, reason = "nothing")]
        let nothing = of(1..=0);
        assert_eq!(nothing, None);
    }
}
