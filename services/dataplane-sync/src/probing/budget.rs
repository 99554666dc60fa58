//! How much a gateway asks holders in a second, whichever VPCs that is for: a thousand probes at most, and where many HAVIPs
//! are to be asked for at once four thousand questions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mooring_domain::{id::VpcId, name::RegionId};

/// Probes in any second.
pub(crate) const PER_SECOND: u32 = 1000;
/// Of these, so many may go out at once.
const BURST: u32 = 50;
/// Between two when they are spread evenly.
const GAP: Duration = gap(PER_SECOND, BURST);
/// Questions in any second: their answers are claims, and a watcher has room for some thousands.
const QUESTIONS: u32 = 4000;
/// Of these, so many may go out at once.
pub(crate) const QUESTIONS_AT_ONCE: u32 = 200;

const fn gap(per_second: u32, burst: u32) -> Duration {
    Duration::from_micros(1_000_000 / (per_second - burst) as u64)
}

/// One gateway's. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    probes: Allowance,
    questions: Allowance,
    /// How many are probed in each VPC,
    probed: BTreeMap<(RegionId, VpcId), usize>,
    /// and in all of them.
    all: usize,
}

/// So many at once, and more when those are paid for.
#[derive(Debug)]
struct Allowance {
    /// When all that was taken is paid for.
    paid: Instant,
    gap: Duration,
    burst: u32,
}

impl Allowance {
    const fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self { paid: now, gap: gap(per_second, burst), burst }
    }

    fn take(&mut self, wanted: usize, now: Instant) -> usize {
        let begin = self.paid.max(now);
        let owed = begin.saturating_duration_since(now);
        let room = (self.gap * self.burst).saturating_sub(owed).as_nanos() / self.gap.as_nanos();
        let taken = wanted.min(room as usize);
        self.paid = begin + self.gap * taken as u32;
        taken
    }
}

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        let probes = Allowance::new(PER_SECOND, BURST, now);
        let questions = Allowance::new(QUESTIONS, QUESTIONS_AT_ONCE, now);
        Self(Arc::new(Mutex::new(State { probes, questions, probed: BTreeMap::new(), all: 0 })))
    }

    /// How many of so many probes may go out now.
    pub(crate) fn take(&self, wanted: usize, now: Instant) -> usize {
        self.state().probes.take(wanted, now)
    }

    /// How many of so many questions may go out now.
    pub(crate) fn take_questions(&self, wanted: usize, now: Instant) -> usize {
        self.state().questions.take(wanted, now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many are probed in a VPC from now on; how often each of the gateway's can be, at most.
    pub(crate) fn share(&self, region: &RegionId, vpc: VpcId, probed: usize) -> Duration {
        let mut state = self.state();
        let key = (region.clone(), vpc);
        let before = match probed {
            0 => state.probed.remove(&key),
            _ => state.probed.insert(key, probed),
        };
        state.all = state.all + probed - before.unwrap_or_default();
        GAP.saturating_mul(u32::try_from(state.all).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use mooring_domain::id::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn in_no_second_more_go_out_than_may_however_often_somebody_asks() {
        let start = Instant::now();
        let budget = Budget::new(start);
        let ticks = (0..4000).map(|tick| start + Duration::from_millis(tick));
        let taken: Vec<usize> = ticks.map(|now| budget.take(7, now)).collect();
        for second in taken.windows(1000) {
            let sent: usize = second.iter().sum();
            assert!(sent <= PER_SECOND as usize, "{sent}");
            assert!(sent >= (PER_SECOND - 2 * BURST) as usize, "what is allowed is used: {sent}");
        }
    }

    #[test]
    fn questions_have_an_allowance_of_their_own() {
        let start = Instant::now();
        let budget = Budget::new(start);
        let ticks = (0..100).map(|tick| start + Duration::from_millis(50 * tick));
        let taken: Vec<usize> = ticks.map(|now| budget.take_questions(1_000_000, now)).collect();
        assert!(taken.iter().all(|taken| *taken <= QUESTIONS_AT_ONCE as usize), "{taken:?}");
        let in_a_second = |second: &[usize]| second.iter().sum::<usize>();
        assert!(taken.windows(20).all(|second| in_a_second(second) <= QUESTIONS as usize), "{taken:?}");
        assert!(taken.windows(20).all(|second| in_a_second(second) >= 3700), "{taken:?}");
        assert_eq!(budget.take(7, start), 7);
    }

    #[test]
    fn after_a_pause_no_more_than_a_burst_goes_out() {
        let start = Instant::now();
        let budget = Budget::new(start);
        let later = start + Duration::from_secs(3600);
        assert_eq!([budget.take(500, later), budget.take(500, later)], [BURST as usize, 0]);
    }

    #[test]
    fn what_a_gateway_probes_is_counted_over_all_vpcs() {
        let budget = Budget::new(Instant::now());
        let (region, vpc) = ("r1".parse().unwrap(), |n| Id::new(Uuid::from_u128(n)));
        assert_eq!(budget.share(&region, vpc(1), 100), GAP * 100);
        assert_eq!(budget.share(&region, vpc(2), 300), GAP * 400);
        assert_eq!(budget.share(&region, vpc(1), 0), GAP * 300);
    }
}
