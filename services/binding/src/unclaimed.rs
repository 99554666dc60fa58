//! Lets go of what is held for a request that never came to the log: its caller lost a race, or the process died between
//! the two.

use std::time::Duration;

use mooring_domain::binding::{BindingCore, UnclaimedCore};
use mooring_ledger::{Ledger, Reader, Refused};
use mooring_runtime::shutdown::Shutdown;
use tonic::Status;

use crate::{
    early::Early,
    resource::{BATCH, Pair, Resource},
};

/// How often it is looked for such holds. Whoever is refused because of one looks at once.
const EVERY: Duration = Duration::from_secs(1);

/// Why they could not be let go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SweepError {
    #[error("resource: {0}")]
    Resource(#[from] Status),
    #[error("the log: {0}")]
    Log(#[from] Refused),
}

#[derive(Clone)]
pub(crate) struct Unclaimed {
    pub(crate) holds: Reader<UnclaimedCore>,
    pub(crate) ledger: Ledger<BindingCore>,
    pub(crate) early: Early,
    pub(crate) resource: Resource,
}

impl Unclaimed {
    /// Until the word is said.
    pub(crate) async fn run(self, drained: Shutdown) {
        let mut every = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = drained.clone().stopped() => return,
            }
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "holds that nobody claims are let go later");
            }
        }
    }

    /// Whether such a hold is why this pair could not be held.
    pub(crate) async fn is_in_the_way(&self, pair: &Pair) -> Result<bool, SweepError> {
        let state = self.holds.current().await?.state;
        Ok(state.is_in_the_way(pair.binding, pair.eip, pair.havip))
    }

    /// Lets go of them all.
    pub(crate) async fn sweep(&self) -> Result<(), SweepError> {
        if self.holds.view().state.bindings().next().is_none() {
            return Ok(());
        }
        // In this order: a request that is not on its way any more is in the ledger's state, or never comes.
        let state = self.holds.current().await?.state;
        let gone: Vec<_> = state.bindings().filter(|binding| !self.early.may_land(*binding)).collect();
        let bindings = self.ledger.view().state;
        let orphans: Vec<_> =
            gone.into_iter().filter(|binding| bindings.get(*binding).is_none()).take(BATCH).collect();
        if orphans.is_empty() {
            return Ok(());
        }
        tracing::info!(?orphans, "letting go of holds that no request in the log stands behind");
        Ok(self.resource.release(orphans.into_iter()).await?)
    }
}
