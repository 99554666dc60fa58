//! What a watch of bindings tells: each change that is stored, and how far gateways have got with it.

use std::collections::{BTreeMap, BTreeSet};

use mooring_domain::{
    Event, Position,
    binding::{BindingCore, State},
    event::BindingFacts,
    id::{self, BindingId},
    name::{Name, ProjectId, Scope},
};
use mooring_ledger::{Watch, Watched};
use mooring_proto::{
    binding::v1::{WatchBindingsResponse, binding::Gateway},
    status::{Unserved, from_unserved},
};
use tokio::sync::watch;
use tonic::Status;

use crate::{
    answer,
    reports::{LastReports, Reports},
};

/// Of so many bindings it is known what gateways have still to do; of more only what is stored is told.
const UNAPPLIED: usize = 10_000;

/// Which bindings are watched.
pub(crate) struct Wanted {
    pub(crate) scope: Scope,
    /// None: all of the scope.
    pub(crate) binding: Option<BindingId>,
    pub(crate) reports: Reports,
}

impl Wanted {
    fn is_wanted(&self, binding: BindingId, project: &ProjectId) -> Option<BindingId> {
        (*project == self.scope.project && self.binding.is_none_or(|wanted| wanted == binding))
            .then_some(binding)
    }
}

impl Watched for Wanted {
    type Core = BindingCore;
    type Id = BindingId;
    type Answer = WatchBindingsResponse;

    fn all(&self, state: &State) -> BTreeSet<BindingId> {
        let all = state.list(&self.scope, None).map(|binding| binding.request.binding);
        all.filter(|id| self.binding.is_none_or(|wanted| wanted == *id)).collect()
    }

    fn touched_by(&self, event: &Event) -> Option<BindingId> {
        let of = |facts: &BindingFacts| self.is_wanted(facts.binding, &facts.havip.project);
        match event {
            Event::BindRequested(request) => self.is_wanted(request.binding, &request.project),
            Event::BindFailed(failed) => self.is_wanted(failed.request.binding, &failed.request.project),
            Event::Bound(facts) | Event::UnbindRequested(facts) | Event::Unbound(facts) => of(facts),
            _ => None,
        }
    }

    fn answer(&self, state: &State, some: &[BindingId], position: Position) -> WatchBindingsResponse {
        let mut answer = WatchBindingsResponse { position: position.0, ..Default::default() };
        for binding in some {
            match state.get(*binding) {
                Some(binding) => answer.bindings.push(answer::binding(binding, state, &self.reports)),
                None => {
                    let name = Name::<id::Binding> { scope: self.scope.clone(), id: *binding };
                    answer.gone.push(name.to_string());
                }
            }
        }
        answer
    }
}

/// A watch under way.
pub(crate) struct Watching {
    watch: Watch<Wanted>,
    reports: watch::Receiver<LastReports>,
    /// What was told of those that some gateway has not applied.
    unapplied: BTreeMap<BindingId, Vec<Gateway>>,
}

impl Watching {
    pub(crate) fn new(watch: Watch<Wanted>, reports: &Reports) -> Self {
        Self { watch, reports: reports.watch(), unapplied: BTreeMap::new() }
    }

    /// The next answer, when there is one.
    pub(crate) async fn next(&mut self) -> Result<WatchBindingsResponse, Status> {
        loop {
            let answer = tokio::select! {
                biased;
                answer = self.watch.next() => answer.map_err(from_unserved)?,
                changed = self.reports.changed() => {
                    changed.map_err(|_| from_unserved(Unserved::Closed))?;
                    match self.got_further() {
                        Some(answer) => answer,
                        None => continue,
                    }
                }
            };
            self.note(&answer);
            return Ok(answer);
        }
    }

    /// Those of which gateways have applied more than was told.
    fn got_further(&self) -> Option<WatchBindingsResponse> {
        let ids: Vec<_> = self.unapplied.keys().copied().collect();
        let mut answer = self.watch.again(&ids);
        let told = |name: &str| id_in(name).and_then(|id| self.unapplied.get(&id));
        answer.bindings.retain(|binding| told(&binding.name) != Some(&binding.gateways));
        answer.gone.clear();
        (!answer.bindings.is_empty()).then_some(answer)
    }

    fn note(&mut self, answer: &WatchBindingsResponse) {
        for gone in answer.gone.iter().filter_map(|name| id_in(name)) {
            self.unapplied.remove(&gone);
        }
        for binding in &answer.bindings {
            let Some(id) = id_in(&binding.name) else { continue };
            self.unapplied.remove(&id);
            let is_unapplied = binding.gateways.iter().any(|gateway| !gateway.applied);
            if is_unapplied && self.unapplied.len() < UNAPPLIED {
                self.unapplied.insert(id, binding.gateways.clone());
            }
        }
    }
}

fn id_in(name: &str) -> Option<BindingId> {
    name.parse::<Name<id::Binding>>().ok().map(|name| name.id)
}
