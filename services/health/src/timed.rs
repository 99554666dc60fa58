//! Looks whether contested HAVIPs have settled and leases have ended: nobody's claim says so, only that none comes.

use std::time::{Duration, Instant};

use mooring_domain::{
    Decider, Timestamp,
    holder::{CLOCK_TOLERANCE, Command, Havip, HolderCore},
};
use mooring_ledger::{Caller, Ledger, now};
use mooring_runtime::shutdown::Shutdown;

use crate::heard::OfRegion;

/// Who acts when it is not a gateway's claim.
const ACTOR: &str = "health/timed";
const INTERVAL: Duration = Duration::from_millis(500);

/// Of one region, until the word is said.
pub(crate) async fn run(ledger: Ledger<HolderCore>, heard: OfRegion, drained: Shutdown) {
    let (mut since, mut ticks) = (now(), tokio::time::interval(INTERVAL));
    let mut clock = Clock { looked: Instant::now(), said: since };
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = drained.clone().stopped() => return,
        }
        let now = now();
        if clock.was_set(Instant::now(), now) {
            // By the new clock nobody was silent for long: every holder gets the time of a lease.
            since = now;
            tracing::info!("the clock was set");
        }
        let state = ledger.view().state;
        let settle = |havip: &Havip| {
            let heard = heard.lock().heard(havip);
            Command::Settle { havip: havip.facts.id, heard, since, now }
        };
        let expire = |havip| Command::Expire { havip, since, now };
        // A command costs a question to the log: only what would come to something is asked.
        let comes_to_something =
            |command: &Command| HolderCore::decide(&state, command).is_ok_and(|events| !events.is_empty());
        let expired = state.expired(now).map(expire);
        let commands: Vec<_> =
            state.contested().map(settle).chain(expired).filter(comes_to_something).collect();
        if commands.is_empty() {
            continue;
        }
        for outcome in ledger.submit_all(&Caller::new(ACTOR), commands).await {
            if let Err(error) = outcome {
                // Holders may have been unable to say anything, too.
                since = mooring_ledger::now();
                tracing::info!(%error, "what has settled or ended is told later");
            }
        }
    }
}

/// The wall clock, against the one that never jumps.
struct Clock {
    looked: Instant,
    said: Timestamp,
}

impl Clock {
    /// Whether it was set since it was looked at last.
    fn was_set(&mut self, looked: Instant, said: Timestamp) -> bool {
        let expected = self.said.plus(looked.duration_since(self.looked));
        *self = Self { looked, said };
        said.since(expected).max(expected.since(said)) > CLOCK_TOLERANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_found_once_and_one_that_is_slewed_never() {
        let (begun, second) = (Instant::now(), 1_000_000_000);
        let hour = 3600 * second;
        let mut clock = Clock { looked: begun, said: Timestamp(10 * hour) };
        let mut looks = |after: u64, said: u64| {
            clock.was_set(begun + Duration::from_secs(after), Timestamp(10 * hour + said))
        };
        assert_eq!([looks(1, second), looks(3, 3 * second - second / 2)], [false, false]);
        assert_eq!([looks(4, hour), looks(5, hour + second)], [true, false]);
        assert_eq!([looks(6, 6 * second), looks(600, 600 * second)], [true, false]);
    }
}
