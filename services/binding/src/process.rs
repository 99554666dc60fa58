//! The process manager: takes every unfinished binding of a region to its end, whatever happened before.
//!
//! It keeps nothing: each round looks at the folded state, so a start, a retry and a first run are the same code.
//! Release first, then the terminal event: a terminal binding never has a hold.

use std::time::Duration;

use mooring_domain::{
    Rejection,
    binding::{Binding, BindingCore, Command, Phase, State},
    id::BindingId,
};
use mooring_ledger::{Caller, Ledger, Refused};
use mooring_runtime::{crash, plant, shutdown::Shutdown};
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use crate::{
    early::Early,
    reports::Reports,
    resource::{BATCH, Hold, Pair, Refusal, Resource},
    there::There,
    unclaimed::Unclaimed,
};

/// Who acts when it is not a caller's request.
pub(crate) const ACTOR: &str = "binding/process-manager";
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Callers whose bindings came to their end together come back together. As many as in the last round are waited for, so
/// long after it at most: a round costs hardly more with all of them than with half of them, and rounds don't overlap.
const TOGETHER: Duration = Duration::from_millis(5);

/// A step that failed; the round is tried again.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("resource: {0}")]
    Resource(#[from] Status),
    #[error("the log: {0}")]
    Log(#[from] Refused),
    #[error("what is to be bound is held for a request that is not in the log; it is let go")]
    Unclaimed,
}

/// How many bindings the next round waits for, and until when.
struct Crowd {
    size: usize,
    until: Instant,
}

pub(crate) struct Process {
    ledger: Ledger<BindingCore>,
    reports: Reports,
    resource: Resource,
    early: Early,
    unclaimed: Unclaimed,
    there: There,
}

impl Process {
    pub(crate) fn new(reports: Reports, unclaimed: Unclaimed, there: There) -> Self {
        let Unclaimed { ledger, early, resource } = unclaimed.clone();
        Self { ledger, reports, resource, early, unclaimed, there }
    }

    /// Until the word is said; what was begun then is finished.
    pub(crate) async fn run(self, drained: Shutdown) {
        let mut state = self.ledger.changed();
        let mut reports = self.reports.watch();
        let mut early = self.early.watch();
        let mut pause = FIRST_PAUSE;
        let mut crowd = Crowd { size: 0, until: Instant::now() };
        loop {
            state.mark_unchanged();
            reports.mark_unchanged();
            early.mark_unchanged();
            let due = self.gather(&crowd).await;
            let (bound, unbound) = tokio::join!(self.associate(), self.unassociate());
            if let Err(error) = bound.and(unbound) {
                tracing::warn!(%error, "unfinished bindings are tried again");
                tokio::select! {
                    () = tokio::time::sleep(jittered(pause)) => {}
                    () = drained.clone().stopped() => return,
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            pause = FIRST_PAUSE;
            if due > 0 {
                let left = self.due().max(self.early.under_way());
                crowd = Crowd { size: due + left, until: Instant::now() + TOGETHER };
            }
            tokio::select! {
                changed = state.changed() => if changed.is_err() { return },
                _ = reports.changed() => {}
                _ = early.changed() => {}
                () = drained.clone().stopped() => return,
            }
        }
    }

    /// Waits until as many bindings are due as are expected, for a moment; how many are.
    async fn gather(&self, crowd: &Crowd) -> usize {
        let (mut state, mut reports) = (self.ledger.changed(), self.reports.watch());
        let mut early = self.early.watch();
        loop {
            state.mark_unchanged();
            reports.mark_unchanged();
            early.mark_unchanged();
            let due = self.due();
            let changed = async {
                tokio::select! {
                    changed = state.changed() => changed,
                    changed = reports.changed() => changed,
                    changed = early.changed() => changed,
                }
            };
            if due == 0 || due >= crowd.size || !matches!(timeout_at(crowd.until, changed).await, Ok(Ok(())))
            {
                return due;
            }
        }
    }

    /// How many bindings a round would take further.
    fn due(&self) -> usize {
        let state = self.ledger.view().state;
        state.unfinished().filter(|binding| self.is_due(&state, binding)).take(BATCH).count()
    }

    fn is_due(&self, state: &State, binding: &Binding) -> bool {
        match &binding.phase {
            Phase::Associating => {
                let left = binding.request.moved_from.and_then(|left| state.get(left));
                let is_out = left.is_none_or(|left| self.is_out(state, left));
                is_out && !self.early.awaits(binding.request.binding)
            }
            Phase::Unassociating(_) => state.goes_after(binding).is_none() && self.is_out(state, binding),
            _ => false,
        }
    }

    /// Whether no gateway has to take it out any more, or yet.
    fn is_out(&self, state: &State, binding: &Binding) -> bool {
        match &binding.phase {
            Phase::Unassociating(facts) => {
                self.reports.in_the_way(state, facts.havip.vpc, binding.at.position).is_empty()
            }
            _ => true,
        }
    }

    fn unfinished(&self, wanted: impl Fn(&Binding) -> bool) -> Vec<Binding> {
        let state = self.ledger.view().state;
        state.unfinished().filter(|binding| wanted(binding)).take(BATCH).cloned().collect()
    }

    async fn submit_all(&self, commands: impl IntoIterator<Item = Command>) -> Vec<Result<(), Refused>> {
        let outcomes = self.ledger.submit_all(&Caller::new(ACTOR), commands).await;
        outcomes.into_iter().map(|outcome| outcome.map(drop)).collect()
    }

    /// ASSOCIATING: hold, then decide on the facts.
    async fn associate(&self) -> Result<(), StepError> {
        let state = self.ledger.view().state;
        let bindings =
            self.unfinished(|binding| binding.phase == Phase::Associating && self.is_due(&state, binding));
        if bindings.is_empty() {
            return Ok(());
        }
        let holds = self.hold(&bindings).await?;
        let failed = self.confirm(&bindings, holds).await?;
        plant::panics("bind.after-bound");
        crash::point("bind.after-bound");
        let (failed, blocked) = self.sort(failed).await?;
        self.fail(failed).await?;
        if blocked { Err(StepError::Unclaimed) } else { Ok(()) }
    }

    /// Those that have failed, and whether there are others, which only wait for holds that nobody claims.
    async fn sort(
        &self,
        refused: Vec<(BindingId, Refusal)>,
    ) -> Result<(Vec<(BindingId, Refusal)>, bool), StepError> {
        let (mut failed, mut blocked) = (Vec::new(), false);
        let state = self.ledger.view().state;
        for (id, refusal) in refused {
            match refusal.held_by {
                // Its request will be refused or never come: this binding has what it asked for.
                Some(other) if other != id && state.get(other).is_none() => {
                    blocked = true;
                    self.unclaimed.let_go(&[other]).await?;
                }
                _ => failed.push((id, refusal)),
            }
        }
        Ok((failed, blocked))
    }

    /// What became of each hold; resource is asked for those that are not known to stand.
    async fn hold(&self, bindings: &[Binding]) -> Result<Vec<Hold>, StepError> {
        let early: Vec<_> = bindings.iter().map(|binding| self.early.take(binding.request.binding)).collect();
        let missing = bindings.iter().zip(&early).filter(|(_, early)| early.is_none());
        let missing: Vec<_> = missing.map(|(binding, _)| Pair::from(&binding.request)).collect();
        let mut asked = match missing.is_empty() {
            true => Vec::new(),
            false => {
                crash::point("bind.before-hold");
                self.resource.hold(&missing).await?
            }
        }
        .into_iter();
        crash::point("bind.after-hold");
        Ok(early.into_iter().filter_map(|early| early.map(Ok).or_else(|| asked.next())).collect())
    }

    /// Decides on the facts. Answers with what has to fail.
    async fn confirm(
        &self,
        bindings: &[Binding],
        holds: Vec<Hold>,
    ) -> Result<Vec<(BindingId, Refusal)>, StepError> {
        let (mut held, mut commands, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        let state = self.ledger.view().state;
        for (request, hold) in bindings.iter().map(|binding| &binding.request).zip(holds) {
            let binding = request.binding;
            let left = request.moved_from.and_then(|left| state.get(left));
            match hold {
                Ok((eip, havip)) => {
                    held.push(binding);
                    commands.push(match left.is_some_and(|left| !left.is_unfinished()) {
                        true => Command::Leave { binding, eip, havip },
                        false => Command::Confirm { binding, eip, havip },
                    });
                }
                Err(refusal) => failed.push((binding, refusal)),
            }
        }
        for (binding, outcome) in held.into_iter().zip(self.submit_all(commands).await) {
            match outcome {
                Ok(()) => {}
                Err(Refused::Rejected(Rejection { reason, message, .. })) => {
                    failed.push((binding, Refusal { reason: reason.to_owned(), message, held_by: None }));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(failed)
    }

    async fn fail(&self, failed: Vec<(BindingId, Refusal)>) -> Result<(), StepError> {
        if failed.is_empty() {
            return Ok(());
        }
        let state = self.ledger.view().state;
        let requests = failed.iter().filter_map(|(id, _)| state.get(*id)).map(|binding| &binding.request);
        requests.for_each(|request| self.there.forget(&Pair::from(request)));
        crash::point("fail.before-release");
        self.resource.release(failed.iter().map(|(id, _)| *id)).await?;
        crash::point("fail.after-release");
        let commands = failed.into_iter().map(|(binding, refusal)| Command::Fail {
            binding,
            reason: refusal.reason.into(),
            message: refusal.message.into(),
        });
        self.submit_all(commands).await.into_iter().collect::<Result<(), _>>()?;
        crash::point("fail.after-failed");
        Ok(())
    }

    /// UNASSOCIATING, and every registered gateway has taken it out: release, then it is gone.
    async fn unassociate(&self) -> Result<(), StepError> {
        let state = self.ledger.view().state;
        let bindings =
            self.unfinished(|binding| binding.phase != Phase::Associating && self.is_due(&state, binding));
        if bindings.is_empty() {
            return Ok(());
        }
        crash::point("unbind.before-release");
        self.resource.release(bindings.iter().map(|binding| binding.request.binding)).await?;
        crash::point("unbind.after-release");
        let complete = |binding: &Binding| Command::Complete { binding: binding.request.binding };
        self.submit_all(bindings.iter().map(complete)).await.into_iter().collect::<Result<(), _>>()?;
        crash::point("unbind.after-unbound");
        Ok(())
    }
}

/// Between half of a pause and all of it, so that managers that failed together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() & 0xff;
    let share = u32::try_from(random).unwrap_or_default();
    pause / 2 + pause / 2 * share / 255
}
