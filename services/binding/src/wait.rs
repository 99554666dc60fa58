//! Waiting for a binding to come to its end, for as long as a caller may be kept.

use std::{sync::Arc, time::Duration};

use mooring_domain::{
    Position,
    binding::{Binding, BindingCore, Phase, State},
    id::{BindingId, VpcId},
    name::GatewayName,
};
use mooring_ledger::Ledger;
use mooring_proto::status::failure;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};

use crate::{answer, reports::Reports};

/// How long a caller is kept; what it asked for goes on after that.
const KEPT: Duration = Duration::from_secs(20);

/// Waits for one binding of a region.
pub(crate) struct Wait<'a> {
    ledger: &'a Ledger<BindingCore>,
    reports: &'a Reports,
    /// Whether the caller may know what goes on at gateways.
    tells_causes: bool,
    deadline: Instant,
}

impl<'a> Wait<'a> {
    /// Why a gateway has not put something in or taken it out is the operator's to know.
    pub(crate) fn new(ledger: &'a Ledger<BindingCore>, reports: &'a Reports, tells_causes: bool) -> Self {
        Self { ledger, reports, tells_causes, deadline: Instant::now() + KEPT }
    }

    /// Until the binding has left ASSOCIATING: as it is then, `None` when it is gone.
    pub(crate) async fn decided(&self, id: BindingId) -> Result<Option<Binding>, Status> {
        let pending =
            |state: &State| state.get(id).is_some_and(|binding| binding.phase == Phase::Associating);
        let state = self.until(|state| !pending(state)).await.map_err(|()| self.undecided(id))?;
        Ok(state.get(id).cloned())
    }

    /// Until the binding is gone.
    pub(crate) async fn gone(&self, id: BindingId) -> Result<(), Status> {
        let gone = self.until(|state| state.get(id).is_none()).await;
        gone.map(drop)
            .map_err(|()| self.still(id, "waiting for gateways to take it out", &self.holding_up(id)))
    }

    /// Until every registered gateway has the binding in its kernel.
    pub(crate) async fn applied(&self, id: BindingId) -> Result<(), Status> {
        let missing = self.reported(|| self.not_applied(id)).await;
        missing.map_err(|missing| self.still(id, "waiting for gateways to put it in", &missing))
    }

    /// Until these gateways, or every registered one, have kernels that are at a position. Their names.
    pub(crate) async fn at(
        &self,
        gateways: &[GatewayName],
        vpc: Option<VpcId>,
        position: Position,
    ) -> Result<Vec<GatewayName>, Status> {
        let asked = || {
            let state = self.ledger.view().state;
            let registered = state.registered_gateways().map(|known| known.facts.gateway.clone());
            registered.filter(|known| gateways.is_empty() || gateways.contains(known)).collect::<Vec<_>>()
        };
        let missing = || {
            let causes = asked().into_iter().map(|name| (self.reports.behind(&name, vpc, position), name));
            causes.filter_map(|(cause, name)| Some(format!("{name}: {}", cause?))).collect()
        };
        self.reported(missing).await.map_err(|missing| {
            let message = format!("not every gateway is at position {position} yet: {}", missing.join("; "));
            failure(Code::DeadlineExceeded, "STILL_UNDER_WAY", message, true)
        })?;
        Ok(asked())
    }

    /// Until nothing is missing that gateways have to report; what it is if the time is over.
    async fn reported<T>(&self, missing: impl Fn() -> Vec<T>) -> Result<(), Vec<T>> {
        let (mut state, mut reports) = (self.ledger.changed(), self.reports.watch());
        loop {
            state.mark_unchanged();
            reports.mark_unchanged();
            let missing = missing();
            if missing.is_empty() {
                return Ok(());
            }
            // A decommissioned gateway reports nothing; the state says that nobody waits for it.
            let changed = async {
                tokio::select! {
                    changed = state.changed() => changed,
                    changed = reports.changed() => changed,
                }
            };
            if !matches!(timeout_at(self.deadline, changed).await, Ok(Ok(()))) {
                return Err(missing);
            }
        }
    }

    async fn until(&self, reached: impl Fn(&State) -> bool) -> Result<Arc<State>, ()> {
        let mut changed = self.ledger.changed();
        loop {
            changed.mark_unchanged();
            let state = self.ledger.view().state;
            if reached(&state) {
                return Ok(state);
            }
            if !matches!(timeout_at(self.deadline, changed.changed()).await, Ok(Ok(()))) {
                return Err(());
            }
        }
    }

    fn not_applied(&self, id: BindingId) -> Vec<GatewayName> {
        let state = self.ledger.view().state;
        let Some(binding) = state.get(id) else { return Vec::new() };
        let names = state.registered_gateways().map(|gateway| gateway.facts.gateway.clone());
        names.filter(|name| !answer::applied(binding, self.reports.of(name).as_deref())).collect()
    }

    /// A move waits for gateways, too.
    fn undecided(&self, id: BindingId) -> Status {
        let state = self.ledger.view().state;
        let left = state.get(id).and_then(|binding| binding.request.moved_from);
        let holding_up =
            left.map(|left| (left, self.holding_up(left))).filter(|(_, names)| !names.is_empty());
        match holding_up {
            Some((left, names)) => self.still(left, "waiting for gateways to take it out", &names),
            None => self.still(id, "resource has not answered yet", &[]),
        }
    }

    fn holding_up(&self, id: BindingId) -> Vec<GatewayName> {
        let state = self.ledger.view().state;
        match state.get(id).map(|binding| (binding.at.position, &binding.phase)) {
            Some((position, Phase::Unassociating(facts))) => {
                self.reports.in_the_way(&state, facts.havip.vpc, position)
            }
            _ => Vec::new(),
        }
    }

    fn still(&self, id: BindingId, what: &str, gateways: &[GatewayName]) -> Status {
        let state = self.ledger.view().state;
        let binding =
            state.get(id).and_then(|binding| Some((binding.facts()?.havip.vpc, binding.at.position)));
        let cause = |gateway: &GatewayName| match binding {
            Some((vpc, position)) if self.tells_causes => {
                format!("{gateway}: {}", self.reports.cause(gateway, vpc, position))
            }
            _ => gateway.to_string(),
        };
        let names: Vec<_> = gateways.iter().map(cause).collect();
        let who = if names.is_empty() { String::new() } else { format!(" ({})", names.join("; ")) };
        let message = format!("binding {id} goes on in the background: {what}{who}");
        failure(Code::DeadlineExceeded, "STILL_UNDER_WAY", message, true)
    }
}
