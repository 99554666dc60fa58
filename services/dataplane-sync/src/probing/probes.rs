//! The holders of one VPC that are this gateway's to probe. A holder that has answered none of several probes is silent,
//! until it is heard again: by an answer, or because it announces itself.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use mooring_domain::{Timestamp, address::Mac};

/// So many probes without an answer are silence.
const TRIES: u32 = 5;
/// Between two questions to everybody who has the HAVIP of a silent holder.
const ASKS_ALL: Duration = Duration::from_secs(10);

/// Now, by the clock that never jumps and by the one that people have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) time: Timestamp,
}

/// How often a holder is probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Between two probes of one that answers.
    pub(crate) every: Duration,
    /// Between two of one that has not answered.
    again: Duration,
}

impl Pace {
    /// So that silence is known in this time.
    pub(crate) fn within(silent_after: Duration) -> Self {
        // A third of it, and five tenths.
        Self { every: silent_after / 3, again: silent_after / 10 }
    }

    /// Not more often than this.
    pub(crate) fn at_least(self, every: Duration) -> Self {
        Self { every: self.every.max(every), ..self }
    }
}

/// What this gateway says of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// Nothing yet: it has not been probed for long enough.
    None,
    /// Heard last at this time.
    Heard(Timestamp),
    /// Not heard since this time.
    Silent(Timestamp),
}

#[derive(Clone, Debug)]
struct Probed {
    holder: Mac,
    /// When it was heard last, or else first looked after.
    since: Timestamp,
    heard: bool,
    unanswered: u32,
    next: Instant,
    /// When everybody is asked who has it, if it is silent then.
    asks_all: Instant,
}

impl Probed {
    fn is_silent(&self, now: Moment) -> bool {
        self.unanswered > TRIES || (self.unanswered == TRIES && self.next <= now.instant)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    pace: Pace,
    probed: BTreeMap<Ipv4Addr, Probed>,
}

impl Probes {
    /// These are probed from now on; what is known of those that were probed before is kept.
    pub(crate) fn follow(&mut self, holders: impl IntoIterator<Item = (Ipv4Addr, Mac)>, now: Moment) {
        let mut before = std::mem::take(&mut self.probed);
        let kept = |(havip, holder)| {
            let known = before.remove(&havip).filter(|known| known.holder == holder);
            let (heard, unanswered, next, asks_all) = (false, 0, now.instant, now.instant);
            let new = Probed { holder, since: now.time, heard, unanswered, next, asks_all };
            (havip, known.unwrap_or(new))
        };
        self.probed = holders.into_iter().map(kept).collect();
    }

    /// How many are probed.
    pub(crate) fn len(&self) -> usize {
        self.probed.len()
    }

    /// How often from now on.
    pub(crate) fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Somebody was heard to have an address.
    pub(crate) fn heard(&mut self, havip: Ipv4Addr, mac: Mac, now: Moment) {
        let every = self.pace.every;
        if let Some(probed) = self.probed.get_mut(&havip).filter(|probed| probed.holder == mac) {
            (probed.since, probed.heard, probed.unanswered) = (now.time, true, 0);
            (probed.next, probed.asks_all) = (now.instant + every, now.instant);
        }
    }

    /// Who is to be probed now: as many as `take` allows of so many, those that have waited longest first.
    pub(crate) fn due(&self, now: Moment, take: impl FnOnce(usize) -> usize) -> Vec<(Ipv4Addr, Mac)> {
        let mut due: Vec<_> = self.probed.iter().filter(|(_, probed)| probed.next <= now.instant).collect();
        if due.is_empty() {
            return Vec::new();
        }
        due.sort_by_key(|(_, probed)| probed.next);
        due.truncate(take(due.len()));
        due.into_iter().map(|(havip, probed)| (*havip, probed.holder)).collect()
    }

    /// These were probed.
    pub(crate) fn sent(&mut self, probes: &[(Ipv4Addr, Mac)], now: Moment) {
        for (havip, _) in probes {
            let Some(probed) = self.probed.get_mut(havip) else { continue };
            probed.unanswered = (probed.unanswered + 1).min(TRIES + 1);
            let pause = if probed.unanswered > TRIES { self.pace.every } else { self.pace.again };
            probed.next = now.instant + pause;
        }
    }

    /// These could not be asked: it is tried again, and counts for nothing.
    pub(crate) fn unsent(&mut self, probes: &[(Ipv4Addr, Mac)], now: Moment) {
        for (havip, _) in probes {
            if let Some(probed) = self.probed.get_mut(havip) {
                probed.next = now.instant + self.pace.again;
            }
        }
    }

    /// Whose holders are silent, and for whom everybody is to be asked: who took over may not have been heard. At once, and
    /// then once in a while.
    pub(crate) fn lost(&mut self, now: Moment) -> Vec<Ipv4Addr> {
        let mut lost = Vec::new();
        for (havip, probed) in &mut self.probed {
            if probed.is_silent(now) && probed.asks_all <= now.instant {
                probed.asks_all = now.instant + ASKS_ALL;
                lost.push(*havip);
            }
        }
        lost
    }

    /// What there is to say of each, `Silent` once the last try has had its time.
    pub(crate) fn opinions(&self, now: Moment) -> impl Iterator<Item = (Ipv4Addr, Mac, Opinion)> {
        self.probed.iter().map(move |(havip, probed)| {
            let opinion = match (probed.is_silent(now), probed.heard) {
                (true, _) => Opinion::Silent(probed.since),
                (false, true) => Opinion::Heard(probed.since),
                (false, false) => Opinion::None,
            };
            (*havip, probed.holder, opinion)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAVIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
    const HOLDER: Mac = Mac([2, 0, 0, 0, 0, 10]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 11]);
    const AFTER: Duration = Duration::from_secs(3);

    struct Clock(Instant);

    impl Clock {
        fn at(&self, milliseconds: u64) -> Moment {
            let time = Timestamp(milliseconds * 1_000_000);
            Moment { instant: self.0 + Duration::from_millis(milliseconds), time }
        }
    }

    fn probing() -> (Probes, Clock) {
        let (mut probes, clock) = (Probes::default(), Clock(Instant::now()));
        probes.set_pace(Pace::within(AFTER));
        probes.follow([(HAVIP, HOLDER)], clock.at(0));
        (probes, clock)
    }

    /// Looks every 50 ms from here to there, and answers as long as `answers`; when probes went out.
    fn look(probes: &mut Probes, clock: &Clock, times: std::ops::Range<u64>, answers: bool) -> Vec<u64> {
        let mut sent = Vec::new();
        for at in times.step_by(50) {
            let due = probes.due(clock.at(at), |all| all);
            probes.sent(&due, clock.at(at));
            if !due.is_empty() {
                sent.push(at);
            }
            if answers && !due.is_empty() {
                probes.heard(HAVIP, HOLDER, clock.at(at + 1));
            }
        }
        sent
    }

    fn opinion(probes: &Probes, now: Moment) -> Opinion {
        probes.opinions(now).next().unwrap().2
    }

    #[test]
    fn one_that_answers_is_probed_three_times_in_that_time() {
        let (mut probes, clock) = probing();
        assert_eq!(opinion(&probes, clock.at(0)), Opinion::None);
        assert_eq!(look(&mut probes, &clock, 0..3100, true).len(), 3);
        assert!(matches!(opinion(&probes, clock.at(3100)), Opinion::Heard(_)));
    }

    #[test]
    fn silence_is_known_in_time_and_so_is_its_end() {
        let (mut probes, clock) = probing();
        look(&mut probes, &clock, 0..50, true);
        let last = Timestamp(1_000_000);
        let tries = look(&mut probes, &clock, 50..2950, false);
        assert!(tries.len() >= 5, "{tries:?}");
        assert_eq!(opinion(&probes, clock.at(2950)), Opinion::Silent(last));
        // It is probed on, at the same pace as one that answers.
        assert_eq!(look(&mut probes, &clock, 3000..8000, false).len(), 5);
        assert_eq!(opinion(&probes, clock.at(8000)), Opinion::Silent(last));
        probes.heard(HAVIP, HOLDER, clock.at(8001));
        assert_eq!(opinion(&probes, clock.at(8001)), Opinion::Heard(Timestamp(8_001_000_000)));
    }

    #[test]
    fn for_a_silent_holder_everybody_is_asked_at_once_and_then_once_in_a_while() {
        let (mut probes, clock) = probing();
        look(&mut probes, &clock, 0..1450, false);
        assert_eq!(probes.lost(clock.at(1450)), [Ipv4Addr::UNSPECIFIED; 0]);
        look(&mut probes, &clock, 1450..1550, false);
        assert_eq!(probes.lost(clock.at(1550)), [HAVIP]);
        let asked = (1550..21_600).step_by(50).filter(|at| !probes.lost(clock.at(*at)).is_empty());
        assert_eq!(asked.collect::<Vec<_>>(), [11_550, 21_550]);
        probes.heard(HAVIP, HOLDER, clock.at(21_600));
        assert_eq!(probes.lost(clock.at(40_000)), [Ipv4Addr::UNSPECIFIED; 0]);
    }

    /// Silence is told by the clock that never jumps.
    #[test]
    fn a_clock_that_jumps_makes_nobody_silent_and_hides_no_silence() {
        let (mut probes, clock) = probing();
        look(&mut probes, &clock, 0..50, true);
        for time in [Timestamp(0), Timestamp(u64::MAX / 2)] {
            assert!(matches!(opinion(&probes, Moment { time, ..clock.at(100) }), Opinion::Heard(_)));
        }
        look(&mut probes, &clock, 50..2950, false);
        for time in [Timestamp(0), Timestamp(u64::MAX / 2)] {
            assert!(matches!(opinion(&probes, Moment { time, ..clock.at(2950) }), Opinion::Silent(_)));
        }
    }

    #[test]
    fn four_lost_answers_are_no_silence() {
        let (mut probes, clock) = probing();
        look(&mut probes, &clock, 0..50, true);
        assert_eq!(look(&mut probes, &clock, 50..2150, false).len(), 4);
        probes.heard(HAVIP, HOLDER, clock.at(2150));
        assert_eq!(opinion(&probes, clock.at(2150)), Opinion::Heard(Timestamp(2_150_000_000)));
        assert_eq!(look(&mut probes, &clock, 2150..3100, false), Vec::<u64>::new());
    }

    #[test]
    fn who_cannot_be_asked_is_not_silent() {
        let (mut probes, clock) = probing();
        look(&mut probes, &clock, 0..50, true);
        for at in (50..10_000).step_by(50) {
            let due = probes.due(clock.at(at), |all| all);
            probes.unsent(&due, clock.at(at));
        }
        assert!(matches!(opinion(&probes, clock.at(10_000)), Opinion::Heard(_)));
    }

    #[test]
    fn whoever_is_not_the_holder_is_not_heard_and_a_new_holder_begins_anew() {
        let (mut probes, clock) = probing();
        look(&mut probes, &clock, 0..2950, false);
        probes.heard(HAVIP, OTHER, clock.at(2950));
        assert_eq!(opinion(&probes, clock.at(2950)), Opinion::Silent(Timestamp(0)));
        probes.follow([(HAVIP, HOLDER)], clock.at(2960));
        assert_eq!(opinion(&probes, clock.at(2960)), Opinion::Silent(Timestamp(0)), "nothing is forgotten");
        probes.follow([(HAVIP, OTHER)], clock.at(2970));
        assert_eq!(opinion(&probes, clock.at(2970)), Opinion::None);
        probes.follow([], clock.at(2980));
        assert_eq!(probes.len(), 0);
    }

    #[test]
    fn where_there_is_no_room_for_all_those_come_first_that_have_waited_longest() {
        let (mut probes, clock) = (Probes::default(), Clock(Instant::now()));
        probes.set_pace(Pace::within(AFTER).at_least(Duration::from_secs(4)));
        let all = (1..=9).map(|last| (Ipv4Addr::new(10, 0, 1, last), HOLDER));
        probes.follow(all.clone(), clock.at(0));
        let mut order = Vec::new();
        for at in 0..3 {
            let due = probes.due(clock.at(at), |wanted| wanted.min(3));
            probes.sent(&due, clock.at(at));
            due.iter().for_each(|(havip, mac)| probes.heard(*havip, *mac, clock.at(at)));
            order.extend(due);
        }
        assert_eq!(order, all.collect::<Vec<_>>());
        assert_eq!(probes.due(clock.at(3999), |all| all), []);
        assert_eq!(probes.due(clock.at(4000), |all| all).len(), 3);
    }
}
