//! Looks whether contested HAVIPs have settled and leases have ended: nobody's claim says so, only that none comes. And says of
//! holders that may hold a HAVIP no more that they lost it.

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
    let mut clock = Clock { set: Instant::now(), to: since };
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
        let excluded = state.excluded().map(|havip| Command::Exclude { havip });
        let commands = state.contested().map(settle).chain(expired).chain(excluded);
        let commands: Vec<_> = commands.filter(comes_to_something).collect();
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
    /// Since when nobody has set it, as far as it is known.
    set: Instant,
    /// What it said then.
    to: Timestamp,
}

impl Clock {
    /// Whether somebody has set it. By less than half of what clocks may differ by is not found: forth and back is still
    /// within that, and then no lease is taken for one from the future.
    fn was_set(&mut self, instant: Instant, now: Timestamp) -> bool {
        let expected = self.to.plus(instant.duration_since(self.set));
        let was_set = now.since(expected).max(expected.since(now)) > CLOCK_TOLERANCE / 2;
        if was_set {
            *self = Self { set: instant, to: now };
        }
        was_set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_found_once_also_in_small_steps() {
        let (begun, milliseconds) = (Instant::now(), 1_000_000);
        let (second, hour) = (1000 * milliseconds, 3_600_000 * milliseconds);
        let mut clock = Clock { set: begun, to: Timestamp(10 * hour) };
        let mut looks = |after: u64, said: u64| {
            clock.was_set(begun + Duration::from_secs(after), Timestamp(10 * hour + said))
        };
        let late = |after: u64, by: u64| after * second - by * milliseconds;
        assert_eq!([looks(1, second), looks(3, late(3, 400))], [false, false]);
        assert_eq!([looks(4, hour), looks(5, hour + second)], [true, false]);
        assert_eq!([looks(6, 6 * second), looks(600, 600 * second)], [true, false]);
        let in_steps = [looks(601, late(601, 300)), looks(602, late(602, 600)), looks(603, late(603, 600))];
        assert_eq!(in_steps, [false, true, false]);
    }
}
