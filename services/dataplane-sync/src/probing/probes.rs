//! The holders of one VPC that are this gateway's to probe. A holder that has answered none of several probes is silent,
//! until it is heard again: by an answer, or because it announces itself.
//!
//! Some hosts announce themselves and never answer a probe. One that was silent and announced itself several times, without an
//! answer between, is given more time from then on, twice as much after each further time: soon it is judged by how often
//! it announces itself, and the log is not filled with what is no news.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use mooring_domain::{Timestamp, address::Mac};

use super::budget::PER_SECOND;

/// So many probes without an answer are silence.
const TRIES: u32 = 5;
/// So many silences that ended without an answer to a probe are believed.
const BELIEVED: u32 = 3;
/// At most so long nothing may be heard of a holder that answers no probe.
const LONGEST: Duration = Duration::from_secs(600);
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

    /// For how long one is spared after so many silences that ended without an answer.
    fn spared(self, unproven: u32) -> Duration {
        match unproven.checked_sub(BELIEVED) {
            None => Duration::ZERO,
            Some(more) => (self.every * 3).saturating_mul(2_u32.saturating_pow(more + 1)).min(LONGEST),
        }
    }

    /// Not more often than this.
    pub(crate) fn at_least(self, every: Duration) -> Self {
        Self { every: self.every.max(every), ..self }
    }
}

/// How somebody was heard to have an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It answered a probe.
    Answer,
    /// It claimed it.
    Claim,
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
    /// So many silences ended with a claim since it last answered a probe.
    unproven: u32,
    /// Before which nothing heard is no silence.
    spared: Instant,
    next: Instant,
    /// When everybody is asked who has it, if it is silent then.
    asks_all: Instant,
}

impl Probed {
    fn is_silent(&self, now: Moment) -> bool {
        let tried = self.unanswered > TRIES || (self.unanswered == TRIES && self.next <= now.instant);
        tried && self.spared <= now.instant
    }

    /// It is silent, or may be as soon as time has passed.
    const fn is_quiet(&self) -> bool {
        self.unanswered >= TRIES
    }

    fn heard(&mut self, sign: Sign, now: Moment, pace: Pace) {
        self.unproven = match sign {
            Sign::Answer => 0,
            Sign::Claim => self.unproven + u32::from(self.is_silent(now)),
        };
        self.spared = now.instant + pace.spared(self.unproven);
        (self.since, self.heard, self.unanswered) = (now.time, true, 0);
        (self.next, self.asks_all) = (now.instant + pace.every, now.instant);
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    pace: Pace,
    probed: BTreeMap<Ipv4Addr, Probed>,
    /// When whose turn is: most looks are at few of them.
    turns: BTreeSet<(Instant, Ipv4Addr)>,
    /// Those that answered none of several probes.
    quiet: BTreeSet<Ipv4Addr>,
}

impl Probes {
    /// This holder is probed from now on, or nobody for this HAVIP. What is known of one that was probed before is kept.
    pub(crate) fn follow(&mut self, havip: Ipv4Addr, holder: Option<Mac>, now: Moment) {
        if self.probed.get(&havip).map(|probed| probed.holder) == holder {
            return;
        }
        if let Some(before) = self.probed.remove(&havip) {
            self.turns.remove(&(before.next, havip));
            self.quiet.remove(&havip);
        }
        let Some(holder) = holder else { return };
        let (since, at) = (now.time, now.instant);
        let (heard, unanswered, unproven) = (false, 0, 0);
        let new = Probed { holder, since, heard, unanswered, unproven, spared: at, next: at, asks_all: at };
        self.turns.insert((at, havip));
        self.probed.insert(havip, new);
    }

    /// Whatever changes one goes through here.
    fn change(&mut self, havip: Ipv4Addr, change: impl FnOnce(&mut Probed, Pace)) {
        let Some(probed) = self.probed.get_mut(&havip) else { return };
        let before = (probed.next, havip);
        change(probed, self.pace);
        if probed.next != before.0 {
            self.turns.remove(&before);
            self.turns.insert((probed.next, havip));
        }
        match probed.is_quiet() {
            true => self.quiet.insert(havip),
            false => self.quiet.remove(&havip),
        };
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
    pub(crate) fn heard(&mut self, (havip, mac): (Ipv4Addr, Mac), sign: Sign, now: Moment) {
        if self.probed.get(&havip).is_some_and(|probed| probed.holder == mac) {
            self.change(havip, |probed, pace| probed.heard(sign, now, pace));
        }
    }

    /// Who is to be probed now: as many as `take` allows of so many, those that have waited longest first.
    pub(crate) fn due(&self, now: Moment, take: impl FnOnce(usize) -> usize) -> Vec<(Ipv4Addr, Mac)> {
        let due = self.turns.range(..=(now.instant, Ipv4Addr::BROADCAST)).take(PER_SECOND as usize);
        let wanted = due.clone().count();
        if wanted == 0 {
            return Vec::new();
        }
        let due = due.take(take(wanted));
        due.filter_map(|(_, havip)| Some((*havip, self.probed.get(havip)?.holder))).collect()
    }

    /// These were probed.
    pub(crate) fn sent(&mut self, probes: &[(Ipv4Addr, Mac)], now: Moment) {
        for (havip, _) in probes {
            self.change(*havip, |probed, pace| {
                probed.unanswered = (probed.unanswered + 1).min(TRIES + 1);
                let pause = if probed.unanswered > TRIES { pace.every } else { pace.again };
                probed.next = now.instant + pause;
            });
        }
    }

    /// These could not be asked: it is tried again, and counts for nothing.
    pub(crate) fn unsent(&mut self, probes: &[(Ipv4Addr, Mac)], now: Moment) {
        for (havip, _) in probes {
            self.change(*havip, |probed, pace| probed.next = now.instant + pace.again);
        }
    }

    /// Of the silent ones those for whom everybody is to be asked: who took over may not have been heard. At once, and then
    /// once in a while.
    pub(crate) fn lost(&mut self, now: Moment) -> Vec<Ipv4Addr> {
        let mut lost = Vec::new();
        for havip in &self.quiet {
            let Some(probed) = self.probed.get_mut(havip) else { continue };
            if probed.is_silent(now) && probed.asks_all <= now.instant {
                probed.asks_all = now.instant + ASKS_ALL;
                lost.push(*havip);
            }
        }
        lost
    }

    /// Of how many the answer to several probes is missing.
    pub(crate) fn quiet(&self) -> usize {
        self.quiet.len()
    }

    /// The silent ones.
    pub(crate) fn silent(&self, now: Moment) -> impl Iterator<Item = Ipv4Addr> {
        let is_silent =
            move |havip: &&Ipv4Addr| self.probed.get(havip).is_some_and(|probed| probed.is_silent(now));
        self.quiet.iter().filter(is_silent).copied()
    }

    /// What there is to say of one, `Silent` once the last try has had its time.
    pub(crate) fn opinion(&self, havip: Ipv4Addr, now: Moment) -> Option<(Mac, Opinion)> {
        let probed = self.probed.get(&havip)?;
        let opinion = match (probed.is_silent(now), probed.heard) {
            (true, _) => Opinion::Silent(probed.since),
            (false, true) => Opinion::Heard(probed.since),
            (false, false) => Opinion::None,
        };
        Some((probed.holder, opinion))
    }
}

#[cfg(test)]
mod stories;
