//! Puts together what a kernel did and what the log says of it, in whichever order they come.
//!
//! Another gateway's claim may be the one on which the log's word rests: two gateways see one announcement.

use std::collections::{BTreeMap, VecDeque};

use mooring_domain::{Timestamp, holder::CLOCK_TOLERANCE};

use super::{Moved, Stored};

/// How many moves may wait for the log, and how many changes of the log for a move: where this gateway saw no claim, none
/// comes.
const MOST: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// By the claim's number.
    moved: BTreeMap<u64, Moved>,
    /// The oldest first.
    stored: VecDeque<Stored>,
    /// Moves that wait no more.
    lost: u64,
}

impl Matching {
    /// A kernel was changed.
    pub(super) fn moved(&mut self, moved: Moved) -> Option<(Moved, Stored)> {
        let stored = nearest(self.stored.iter().map(|stored| (moved, *stored)));
        if let Some((_, found)) = stored {
            self.stored.retain(|stored| *stored != found);
            return stored;
        }
        // The log's word is always here before a worker can know it: there is none on this claim.
        if moved.held {
            return None;
        }
        self.moved.insert(moved.number, moved);
        if self.moved.len() > MOST {
            self.moved.pop_first();
            self.lost += 1;
        }
        None
    }

    /// The log says who holds a HAVIP.
    pub(super) fn stored(&mut self, stored: Stored) -> Option<(Moved, Stored)> {
        let moved = match stored.number.and_then(|number| self.moved.get(&number)) {
            Some(moved) if moved.led == stored.led => Some((*moved, stored)),
            _ => nearest(self.moved.values().map(|moved| (*moved, stored))),
        };
        if let Some((moved, _)) = moved {
            self.moved.remove(&moved.number);
            return Some((moved, stored));
        }
        self.stored.push_back(stored);
        if self.stored.len() > MOST {
            self.stored.pop_front();
        }
        None
    }

    /// How many moves wait no more since the last call: there were too many.
    pub(super) const fn take_lost(&mut self) -> u64 {
        std::mem::replace(&mut self.lost, 0)
    }
}

/// The pair that belongs together: by the claim's number, or else by what two gateways saw at about the same time.
fn nearest(pairs: impl Iterator<Item = (Moved, Stored)>) -> Option<(Moved, Stored)> {
    let apart = |(moved, stored): &(Moved, Stored)| apart(moved.claimed_at, stored.claimed_at);
    let fits = |pair: &(Moved, Stored)| {
        let (moved, stored) = pair;
        let same = stored.number.map_or(apart(pair) <= CLOCK_TOLERANCE, |number| number == moved.number);
        let repeated = moved.held && moved.claimed_at > stored.followed_at;
        moved.led == stored.led && same && !repeated
    };
    pairs.filter(fits).min_by_key(apart)
}

fn apart(one: Timestamp, other: Timestamp) -> std::time::Duration {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
mod tests {
    use mooring_domain::{Position, address::Mac};

    use super::{super::Led, *};

    const SECOND: u64 = 1_000_000_000;

    fn led(mac: u8) -> Led {
        Led {
            vpc: "01976e2a-0000-7000-8000-000000000001".parse().unwrap(),
            address: "10.0.1.50".parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, mac]),
        }
    }

    fn moved(number: u64, mac: u8, seconds: u64) -> Moved {
        let at = Timestamp(seconds * SECOND);
        Moved { led: led(mac), held: false, number, claimed_at: at, decided_at: at, applied_at: at }
    }

    fn stored(number: Option<u64>, mac: u8, seconds: u64) -> Stored {
        let at = Timestamp(seconds * SECOND);
        Stored { led: led(mac), number, claimed_at: at, position: Position(7), followed_at: at }
    }

    #[test]
    fn a_move_and_the_logs_word_on_its_claim_are_a_receipt_whichever_comes_first() {
        let (ours, word) = (moved(5, 1, 10), stored(Some(5), 1, 10));
        let mut matching = Matching::default();
        assert_eq!((matching.moved(ours), matching.stored(word)), (None, Some((ours, word))));
        assert_eq!((matching.stored(word), matching.moved(ours)), (None, Some((ours, word))));
        assert_eq!(matching.moved(ours), None, "each is used once");
    }

    #[test]
    fn a_log_that_is_quicker_than_the_gateway_gives_a_receipt_and_a_holder_that_repeats_itself_none() {
        let held = |number, seconds| Moved { held: true, ..moved(number, 1, seconds) };
        let mut matching = Matching::default();
        assert_eq!(matching.moved(held(4, 9)), None);
        let word = stored(Some(5), 1, 10);
        assert_eq!((matching.stored(word), matching.moved(held(5, 10))), (None, Some((held(5, 10), word))));
        assert_eq!(matching.moved(held(6, 10)), None);
        // Another gateway's word, on what this one has not seen.
        assert_eq!(matching.stored(stored(None, 1, 20)), None);
        assert_eq!(matching.moved(held(7, 21)), None, "announced behind it");
    }

    #[test]
    fn what_two_gateways_saw_at_once_is_one_change() {
        let mut matching = Matching::default();
        let (first, second) = (moved(5, 1, 10), moved(7, 1, 20));
        assert_eq!([matching.moved(first), matching.moved(second)], [None, None]);
        assert_eq!(matching.stored(stored(None, 2, 20)), None, "another holder");
        assert_eq!(matching.stored(stored(None, 1, 15)), None, "another time");
        let word = stored(None, 1, 21);
        assert_eq!(matching.stored(word), Some((second, word)));
        assert_eq!(matching.stored(stored(Some(6), 1, 10)), None, "another claim of ours");
    }

    #[test]
    fn what_never_comes_to_anything_is_forgotten_and_counted() {
        let mut matching = Matching::default();
        let most = u64::try_from(MOST).unwrap();
        for number in 0..most + 3 {
            assert_eq!(matching.moved(moved(number, 1, number * 10)), None);
        }
        assert_eq!((matching.take_lost(), matching.take_lost()), (3, 0));
        assert_eq!(matching.stored(stored(Some(2), 1, 20)), None);
        assert!(matching.stored(stored(Some(3), 1, 30)).is_some());
    }
}
