//! An audit on a clock: every VPC's kernel is read back once in so long, one after the other, and held against what was
//! put there. What changed without a word from the kernel is found by it, mended and recorded as any other drift.

use std::time::Duration;

use clap::Args;
use mooring_domain::id::VpcId;
use tokio::time::sleep;

use crate::vpcs::Vpcs;

/// A reading that took a second is followed by this many seconds without one: at most a hundredth of a processor is read
/// with. The VPC that is read waits with its own changes meanwhile.
const PAUSES: u32 = 99;

/// Flatten it into a gateway's parser.
#[derive(Clone, Copy, Debug, Args)]
pub struct AuditArgs {
    /// How often every VPC's kernel tables are read back and compared, such as 5min or 30s; 0s: only at the start and where
    /// the kernel tells of a change. One after the other, and never for more than a hundredth of the time.
    #[arg(
        long,
        env = "MOORING_AUDIT_EVERY",
        value_name = "TIME",
        default_value = "5min",
        value_parser = humantime::parse_duration
    )]
    pub audit_every: Duration,
}

/// Reads them back in turn, for as long as the process lives.
pub(crate) async fn run(AuditArgs { audit_every: every }: AuditArgs, vpcs: Vpcs) {
    if every.is_zero() {
        return;
    }
    let (mut last, mut took) = (None, Duration::ZERO);
    loop {
        let all = vpcs.ids();
        sleep(pause(every, all.len(), took)).await;
        last = next(&all, last);
        took = match last {
            Some(vpc) => vpcs.read_back(vpc).await.unwrap_or_default(),
            None => Duration::ZERO,
        };
    }
}

/// Until the next of so many is read, when reading the last one took so long.
fn pause(every: Duration, vpcs: usize, took: Duration) -> Duration {
    let share = every / u32::try_from(vpcs).unwrap_or(u32::MAX).max(1);
    share.saturating_sub(took).max(took.saturating_mul(PAUSES))
}

/// The one behind the last one, in their order, and the first behind the end.
fn next(all: &[VpcId], last: Option<VpcId>) -> Option<VpcId> {
    all.iter().find(|vpc| Some(**vpc) > last).or(all.first()).copied()
}

#[cfg(test)]
mod tests {
    use mooring_domain::id::Id;
    use uuid::Uuid;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn each_comes_once_in_a_round_also_those_that_are_new() {
        let vpc = |number| Id::new(Uuid::from_u128(number));
        let mut all = vec![vpc(1), vpc(4), vpc(7)];
        assert_eq!(next(&all, None), Some(vpc(1)));
        assert_eq!(next(&all, Some(vpc(1))), Some(vpc(4)));
        all.insert(2, vpc(5));
        assert_eq!(next(&all, Some(vpc(4))), Some(vpc(5)));
        assert_eq!(next(&all, Some(vpc(7))), Some(vpc(1)));
        assert_eq!(next(&[], Some(vpc(7))), None);
    }

    #[test]
    fn a_round_takes_as_long_as_it_was_told_and_longer_where_reading_is_slow() {
        let (quick, slow) = (Duration::from_millis(2), Duration::from_secs(2));
        assert_eq!(pause(MINUTE, 60, Duration::ZERO), Duration::from_secs(1));
        assert_eq!(pause(MINUTE, 60, quick) + quick, Duration::from_secs(1));
        assert_eq!(pause(MINUTE, 60, slow) + slow, slow * 100, "a hundredth of the time");
        assert_eq!(pause(MINUTE, 0, Duration::ZERO), MINUTE);
    }
}
