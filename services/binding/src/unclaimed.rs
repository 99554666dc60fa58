//! Lets go of what is held for a request that will never be in the log: it was refused after its hold had been asked for,
//! or the process died between the two.
//!
//! The requests of this process are known one by one. For those of an earlier one all holds are looked through, at the
//! start and a few times after it: what it asked for may be late.

use std::time::Duration;

use mooring_domain::{binding::BindingCore, id::BindingId};
use mooring_ledger::Ledger;
use mooring_runtime::shutdown::Shutdown;
use tokio::{sync::mpsc, time::Instant};
use tonic::Status;
use uuid::Uuid;

use crate::{
    early::Early,
    resource::{BATCH, Resource},
};

/// When the holds are looked through, after the start.
const LOOKS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(10),
];
/// Before what could not be let go is tried again, and how often requests of unknown outcome are looked for.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(crate) struct Unclaimed {
    pub(crate) ledger: Ledger<BindingCore>,
    pub(crate) early: Early,
    pub(crate) resource: Resource,
}

impl Unclaimed {
    /// Until the word is said.
    pub(crate) async fn run(self, mut lost: mpsc::UnboundedReceiver<BindingId>, drained: Shutdown) {
        let (start, mut looks) = (Instant::now(), LOOKS.into_iter().peekable());
        let (mut waiting, mut every) = (Vec::new(), tokio::time::interval(PAUSE));
        loop {
            tokio::select! {
                _ = every.tick() => {}
                count = lost.recv_many(&mut waiting, BATCH), if waiting.is_empty() => if count == 0 { return },
                () = drained.clone().stopped() => return,
            }
            self.early.give_up();
            if looks.peek().is_some_and(|after| start.elapsed() >= *after) && self.tried(self.look().await) {
                looks.next();
            }
            if !waiting.is_empty() && self.tried(self.let_go(&waiting).await) {
                self.early.forget(&waiting);
                waiting.clear();
            }
        }
    }

    fn tried(&self, outcome: Result<(), Status>) -> bool {
        outcome
            .inspect_err(|error| tracing::info!(%error, "holds that nobody claims are let go later"))
            .is_ok()
    }

    /// Whether no request stands behind a hold of this binding, and none will.
    fn is_unclaimed(&self, binding: BindingId) -> bool {
        // In this order: a request that is not on its way any more is in the ledger's state, or never comes.
        !self.early.may_land(binding) && self.ledger.view().state.get(binding).is_none()
    }

    /// Lets go of what they hold, at most [`BATCH`] of them, where no request stands behind it.
    pub(crate) async fn let_go(&self, bindings: &[BindingId]) -> Result<(), Status> {
        let gone: Vec<_> = bindings.iter().copied().filter(|binding| self.is_unclaimed(*binding)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        tracing::info!(?gone, "letting go of holds that no request in the log stands behind");
        self.resource.release(gone.into_iter()).await
    }

    async fn look(&self) -> Result<(), Status> {
        let mut after = BindingId::new(Uuid::nil());
        loop {
            let holding = self.resource.holding(after).await?;
            let Some(last) = holding.last() else { return Ok(()) };
            after = *last;
            for some in holding.chunks(BATCH) {
                self.let_go(some).await?;
            }
        }
    }
}
