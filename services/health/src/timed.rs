//! Looks whether contested HAVIPs have settled and leases have ended: nobody's claim says so, only that none comes.

use std::time::Duration;

use mooring_domain::{
    Decider,
    holder::{Command, Havip, HolderCore},
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
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = drained.clone().stopped() => return,
        }
        let state = ledger.view().state;
        let settle = |havip: &Havip| {
            let heard = heard.lock().heard(havip);
            Command::Settle { havip: havip.facts.id, heard, since, now: now() }
        };
        let expire = |havip| Command::Expire { havip, since, now: now() };
        // A command costs a question to the log: only what would come to something is asked.
        let comes_to_something =
            |command: &Command| HolderCore::decide(&state, command).is_ok_and(|events| !events.is_empty());
        let expired = state.expired(now()).map(expire);
        let commands: Vec<_> =
            state.contested().map(settle).chain(expired).filter(comes_to_something).collect();
        if commands.is_empty() {
            continue;
        }
        for outcome in ledger.submit_all(&Caller::new(ACTOR), commands).await {
            if let Err(error) = outcome {
                // Holders may have been unable to say anything, too.
                since = now();
                tracing::info!(%error, "what has settled or ended is told later");
            }
        }
    }
}
