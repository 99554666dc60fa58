//! Which EIPs front something, or are on their way: all that a reader of EIPs has to know of bindings, and little of what
//! binding itself keeps of them.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use crate::{
    Commit, Decider, Event, Rejection, Stream,
    event::{BindRequested, EipFacts},
    id::{self, BindingId, EipId},
    name::{Name, ProjectId, Scope},
    packed::PackedMap,
};

/// How far a binding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Requested.
    Associating,
    /// The EIP fronts the HAVIP.
    InUse,
    /// Gateways are taking it out.
    Unassociating,
}

/// The binding that has taken an EIP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fronts {
    id: BindingId,
    scope: Scope,
    /// How far it is.
    pub stage: Stage,
}

impl Fronts {
    pub(super) const fn new(id: BindingId, scope: Scope, stage: Stage) -> Self {
        Self { id, scope, stage }
    }

    /// The binding's name.
    pub fn binding(&self) -> Name<id::Binding> {
        Name { scope: self.scope.clone(), id: self.id }
    }
}

/// What binding's events say of EIPs, each project's by itself, as in binding's own state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fronting {
    by_eip: PackedMap<(EipId, ProjectId), Fronts>,
    /// Those that an EIP is to move to: until then it is the old one that has taken it.
    moving: PackedMap<BindingId, Scope>,
}

impl Fronting {
    /// Its project's binding that has taken an EIP.
    pub fn of(&self, eip: &EipFacts) -> Option<Fronts> {
        self.of_eip(&eip.project, eip.id).cloned()
    }

    /// A project's binding that has taken an EIP.
    pub fn of_eip(&self, project: &ProjectId, eip: EipId) -> Option<&Fronts> {
        self.by_eip.get(&(eip, project.clone()))
    }

    /// How far a project's binding of an EIP is; nothing once it has failed or ended, or its EIP has moved on.
    pub fn stage(&self, binding: BindingId, project: &ProjectId, eip: EipId) -> Option<Stage> {
        let fronts = self.of_eip(project, eip).filter(|fronts| fronts.id == binding);
        let moving = || self.moving.contains_key(&binding).then_some(Stage::Associating);
        fronts.map(|fronts| fronts.stage).or_else(moving)
    }

    fn requested(&mut self, request: &BindRequested) {
        let scope = Scope { project: request.project.clone(), region: request.region.clone() };
        match request.moved_from {
            Some(_) => drop(self.moving.insert(request.binding, scope)),
            None => {
                let fronts = Fronts { id: request.binding, scope, stage: Stage::Associating };
                self.by_eip.insert((request.eip, request.eip_project.clone()), fronts);
            }
        }
    }

    fn bound(&mut self, id: BindingId, key: (EipId, ProjectId)) {
        match self.moving.remove(&id) {
            Some(scope) => drop(self.by_eip.insert(key, Fronts { id, scope, stage: Stage::InUse })),
            None => self.enter(id, &key, Stage::InUse),
        }
    }

    fn enter(&mut self, id: BindingId, key: &(EipId, ProjectId), stage: Stage) {
        if let Some(fronts) = self.by_eip.get_mut(key).filter(|fronts| fronts.id == id) {
            fronts.stage = stage;
        }
    }

    fn gone(&mut self, id: BindingId, key: &(EipId, ProjectId)) {
        self.moving.remove(&id);
        if self.by_eip.get(key).is_some_and(|fronts| fronts.id == id) {
            self.by_eip.remove(key);
        }
    }
}

/// Folds [`Fronting`]. It decides nothing: no command of it can be made.
#[derive(Clone, Copy, Debug)]
pub enum FrontingCore {}

impl Decider for FrontingCore {
    const STREAM: Stream = Stream::Binding;
    // Under the name that binding's own state had at its versions up to 5.
    const STATE_VERSION: u32 = 6;
    const READS: &'static [Stream] = &[Self::STREAM];
    type State = Fronting;
    type Command = Infallible;

    fn decide(_: &Fronting, command: &Infallible) -> Result<Vec<Event>, Rejection> {
        match *command {}
    }

    fn evolve(state: &mut Fronting, commit: &Commit) {
        for event in &commit.events {
            match event {
                Event::BindRequested(request) => state.requested(request),
                Event::Bound(facts) => {
                    state.bound(facts.binding, (facts.eip.id, facts.eip.project.clone()));
                }
                Event::UnbindRequested(facts) => {
                    let key = (facts.eip.id, facts.eip.project.clone());
                    state.enter(facts.binding, &key, Stage::Unassociating);
                }
                Event::Unbound(facts) => {
                    state.gone(facts.binding, &(facts.eip.id, facts.eip.project.clone()));
                }
                Event::BindFailed(failed) => {
                    let key = (failed.request.eip, failed.request.eip_project.clone());
                    state.gone(failed.request.binding, &key);
                }
                _ => {}
            }
        }
    }
}
