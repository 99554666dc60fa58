//! What of a storm of claims goes on. Of a member's claims of one HAVIP the first goes on at once, and the last one always,
//! with a pause between: whoever announced last has the last word. Of everybody else's claims so many go on, and no more.
//!
//! It keeps no more than one claim for each member of each HAVIP.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use mooring_domain::address::Mac;
use mooring_domain::holder::{Said, Sighting};

/// Between two claims of one HAVIP by one member that go on.
const PAUSE: Duration = Duration::from_millis(10);
/// Before a claim that found no room is tried again.
const AGAIN: Duration = Duration::from_millis(1);
/// So many claims of strangers go on
const STRANGERS: u32 = 32;
/// in this time.
const SHARE: Duration = Duration::from_millis(200);

/// A claim on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) address: Ipv4Addr,
    pub(super) claim: Sighting,
    pub(super) said: Said,
}

impl Claimed {
    fn key(&self) -> (Ipv4Addr, Mac) {
        (self.address, self.claim.mac)
    }
}

#[derive(Debug)]
struct Waiting {
    until: Instant,
    latest: Option<Claimed>,
}

#[derive(Debug, Default)]
pub(super) struct Sieve {
    members: HashMap<(Ipv4Addr, Mac), Waiting>,
    /// When the share of strangers began, and how many went on of it.
    share: Option<(Instant, u32)>,
}

impl Sieve {
    /// Whether a member's claim goes on now. Otherwise it waits; whether another one waited and is dropped for it.
    pub(super) fn member(&mut self, claimed: Claimed, now: Instant) -> Result<(), bool> {
        match self.members.get_mut(&claimed.key()) {
            Some(waiting) if now < waiting.until || waiting.latest.is_some() => {
                // That it announced itself is not forgotten for an answer that came behind it.
                let announced = waiting.latest.is_some_and(|before| before.said == Said::Announced);
                let said = if announced { Said::Announced } else { claimed.said };
                Err(waiting.latest.replace(Claimed { said, ..claimed }).is_some())
            }
            _ => {
                let waiting = Waiting { until: now + PAUSE, latest: None };
                self.members.insert(claimed.key(), waiting);
                Ok(())
            }
        }
    }

    /// Whether a stranger's claim goes on.
    pub(super) fn stranger(&mut self, now: Instant) -> bool {
        let (begun, gone) = self.share.filter(|(begun, _)| now < *begun + SHARE).unwrap_or((now, 0));
        self.share = Some((begun, gone + 1));
        gone < STRANGERS
    }

    /// A member's claim found no room: it waits, unless a later one does.
    pub(super) fn back(&mut self, claimed: Claimed, now: Instant) {
        let waiting = Waiting { until: now + AGAIN, latest: None };
        let waiting = self.members.entry(claimed.key()).or_insert(waiting);
        waiting.until = now + AGAIN;
        waiting.latest.get_or_insert(claimed);
    }

    /// What has waited long enough, in the order in which it was seen.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Claimed> {
        let mut due = Vec::new();
        self.members.retain(|_, waiting| {
            if now < waiting.until {
                return true;
            }
            waiting.until = now + PAUSE;
            let latest = waiting.latest.take();
            due.extend(latest);
            latest.is_some()
        });
        due.sort_by_key(|claimed| claimed.claim.observed_at);
        due
    }

    /// When something has waited long enough.
    pub(super) fn next(&self) -> Option<Instant> {
        self.members.values().filter(|waiting| waiting.latest.is_some()).map(|waiting| waiting.until).min()
    }
}

#[cfg(test)]
mod tests {
    use mooring_domain::Timestamp;

    use super::*;

    const A: Mac = Mac([2, 0, 0, 0, 0, 10]);
    const B: Mac = Mac([2, 0, 0, 0, 0, 11]);

    fn claimed(mac: Mac, at: u64) -> Claimed {
        let claim = Sighting { mac, observed_at: Timestamp(at) };
        Claimed { address: Ipv4Addr::new(10, 0, 1, 50), claim, said: Said::Announced }
    }

    #[test]
    fn the_first_claim_of_each_member_goes_on_at_once_and_the_last_one_after_a_pause() {
        let (mut sieve, start) = (Sieve::default(), Instant::now());
        assert_eq!(sieve.member(claimed(A, 1), start), Ok(()));
        assert_eq!(sieve.member(claimed(B, 2), start), Ok(()));
        assert_eq!((sieve.next(), sieve.due(start)), (None, vec![]));
        for at in 3..1000 {
            let dropped = sieve.member(claimed(if at % 2 == 0 { A } else { B }, at), start);
            assert_eq!(dropped, Err(at > 4), "claim {at}");
        }
        assert_eq!((sieve.next(), sieve.due(start)), (Some(start + PAUSE), vec![]));
        // B's was the last one that was seen, so it goes last.
        assert_eq!(sieve.due(start + PAUSE), [claimed(A, 998), claimed(B, 999)]);
        assert_eq!(sieve.due(start + PAUSE * 2), []);
        assert!(sieve.members.is_empty(), "it keeps nothing: {:?}", sieve.members);
    }

    #[test]
    fn a_storm_that_goes_on_gets_on_once_in_each_pause() {
        let (mut sieve, start) = (Sieve::default(), Instant::now());
        let mut gone = 0;
        for at in 0..1000 {
            let now = start + PAUSE * at / 100;
            gone += sieve.due(now).len();
            gone += usize::from(sieve.member(claimed(A, at.into()), now).is_ok());
        }
        assert_eq!(gone, 10);
    }

    #[test]
    fn what_found_no_room_goes_on_later_unless_there_is_a_later_one() {
        let (mut sieve, start) = (Sieve::default(), Instant::now());
        assert_eq!(sieve.member(claimed(A, 1), start), Ok(()));
        sieve.back(claimed(A, 1), start);
        assert_eq!(sieve.due(start + AGAIN), [claimed(A, 1)]);
        sieve.back(claimed(A, 1), start + AGAIN);
        assert_eq!(sieve.member(claimed(A, 2), start + AGAIN), Err(true));
        assert_eq!(sieve.due(start + AGAIN * 2), [claimed(A, 2)]);
    }

    #[test]
    fn strangers_have_a_share_and_no_more() {
        let (mut sieve, start) = (Sieve::default(), Instant::now());
        let mut gone = |now| (0..1000).filter(|_| sieve.stranger(now)).count();
        assert_eq!([gone(start), gone(start + SHARE / 2), gone(start + SHARE)], [32, 0, 32]);
    }
}
