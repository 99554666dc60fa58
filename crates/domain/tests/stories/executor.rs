//! A whole region without I/O: three cores over one log, and the process manager that walks bindings to their end.
//!
//! [`Region::advance`] takes a number of steps and then stops, as a process that is killed there; whoever goes on knows
//! only what the log says.

use std::collections::{BTreeMap, BTreeSet};

use mooring_domain::{
    Commit, CommitPosition, Decider, Event, Position, Rejection, Stream, Timestamp,
    binding::{self, BindingCore, Phase},
    event::{BindRequested, EipFacts, HavipFacts},
    holder::{self, HolderCore},
    id::{BindingId, EipId, HavipId},
    resource::{self, Hold, ReleaseHold, ResourceCore},
};

use super::fixture::*;

#[derive(Clone, Debug, PartialEq, Default)]
pub struct States {
    pub resource: resource::State,
    pub binding: binding::State,
    pub holder: holder::State,
}

impl States {
    /// What a commit makes of all three: each core is given every stream's commits.
    pub fn evolve(&mut self, commit: &Commit) {
        ResourceCore::follow(&mut self.resource, commit);
        BindingCore::follow(&mut self.binding, commit);
        HolderCore::follow(&mut self.holder, commit);
    }
}

#[derive(Clone, Debug)]
pub enum Ask {
    Resource(resource::Command),
    Binding(binding::Command),
    Holder(holder::Command),
}

pub struct Region {
    pub states: States,
    pub log: Vec<Commit>,
    pub now: Timestamp,
    /// What was ever requested: delayed messages about it may still come.
    pub requests: Vec<BindRequested>,
}

impl Default for Region {
    fn default() -> Self {
        let (states, log, requests) = (States::default(), Vec::new(), Vec::new());
        Self { states, log, now: Timestamp(HOUR), requests }
    }
}

impl Region {
    pub fn decide(&self, ask: &Ask) -> Result<Vec<Event>, Rejection> {
        match ask {
            Ask::Resource(command) => ResourceCore::decide(&self.states.resource, command),
            Ask::Binding(command) => BindingCore::decide(&self.states.binding, command),
            Ask::Holder(command) => HolderCore::decide(&self.states.holder, command),
        }
    }

    /// Decides and stores. What is written must change something, and asking again must write nothing.
    pub fn ask(&mut self, ask: &Ask) -> Result<Vec<Event>, Rejection> {
        let events = self.decide(ask)?;
        if events.is_empty() {
            return Ok(events);
        }
        let before = self.states.clone();
        self.store(ask, events.clone());
        assert_ne!(before, self.states, "{events:?} changed nothing");
        let again = self.decide(ask).unwrap_or_default();
        assert_eq!(again, [], "{ask:?} would be written twice");
        Ok(events)
    }

    fn store(&mut self, ask: &Ask, events: Vec<Event>) {
        let stream = match ask {
            Ask::Resource(_) => Stream::Resource,
            Ask::Binding(_) => Stream::Binding,
            Ask::Holder(_) => Stream::Health,
        };
        // Three commits to a record.
        let count = self.log.len() as u64;
        let at = CommitPosition { position: Position(count / 3 + 1), index: (count % 3) as u32 };
        self.requests.extend(events.iter().filter_map(|event| match event {
            Event::BindRequested(request) => Some(request.clone()),
            _ => None,
        }));
        let commit = commit(stream, at, self.now, events);
        self.states.evolve(&commit);
        self.log.push(commit);
    }

    /// Takes up to `steps` steps for a binding; true when it has nothing left to do.
    pub fn advance(&mut self, binding: BindingId, steps: usize) -> bool {
        (0..steps).any(|_| !self.step(binding)) || !self.is_unfinished(binding)
    }

    /// Twice: what an EIP has moved from can go when it has arrived.
    pub fn advance_all(&mut self) {
        for _ in 0..2 {
            let unfinished: Vec<_> =
                self.states.binding.unfinished().map(|binding| binding.request.binding).collect();
            for binding in unfinished {
                self.advance(binding, 8);
            }
        }
        let left: Vec<_> = self.states.binding.unfinished().collect();
        assert!(left.is_empty(), "{left:?} are never finished");
    }

    fn is_unfinished(&self, binding: BindingId) -> bool {
        self.states.binding.get(binding).is_some_and(|binding| binding.is_unfinished())
    }

    /// One message to one service, chosen from what is stored; false when there is nothing to do.
    fn step(&mut self, id: BindingId) -> bool {
        let Some(binding) = self.states.binding.get(id).cloned() else { return false };
        match binding.phase {
            Phase::Associating => self.associate(&binding.request),
            Phase::Unassociating(_) if self.states.binding.goes_after(&binding).is_some() => return false,
            Phase::Unassociating(_) => self.unassociate(id),
            Phase::InUse(_) | Phase::Failed { .. } => return false,
        }
        true
    }

    fn associate(&mut self, request: &BindRequested) {
        if self.states.resource.released_at(request.binding).is_some() {
            return self.fail(request.binding, "HOLD_RELEASED");
        }
        let Some((eip, havip)) = self.held(request.binding) else {
            if self.hold(request).is_err() {
                self.release(request.binding);
            }
            return;
        };
        let binding = request.binding;
        let left = request.moved_from.and_then(|left| self.states.binding.get(left));
        let next = match left.is_some_and(|left| !left.is_unfinished()) {
            true => binding::Command::Leave { binding, eip, havip },
            false => binding::Command::Confirm { binding, eip, havip },
        };
        if self.ask(&Ask::Binding(next)).is_err() {
            self.release(request.binding);
        }
    }

    fn unassociate(&mut self, binding: BindingId) {
        if self.states.resource.hold(binding).is_some() {
            return self.release(binding);
        }
        self.ask(&Ask::Binding(binding::Command::Complete { binding })).expect("an unbind completes");
    }

    /// What the service answers to a hold: the facts as stored.
    fn held(&self, binding: BindingId) -> Option<(EipFacts, HavipFacts)> {
        let resource = &self.states.resource;
        let held = resource.hold(binding)?;
        let (eip, havip) = (resource.eips().get(held.eip)?, resource.havips().get(held.havip)?);
        Some((eip.facts.eip.clone(), havip.facts.havip.clone()))
    }

    /// The message that may also come late, or twice.
    pub fn hold(&mut self, request: &BindRequested) -> Result<Vec<Event>, Rejection> {
        let BindRequested { binding, eip, havip, moved_from, ref region, .. } = *request;
        let region = region.clone();
        let hold = Hold { binding, eip, havip, project: None, moved_from, region, now: self.now };
        self.ask(&Ask::Resource(resource::Command::Hold(hold)))
    }

    pub fn release(&mut self, binding: BindingId) {
        let release = ReleaseHold { binding, region: region("north") };
        self.ask(&Ask::Resource(resource::Command::ReleaseHold(release)))
            .expect("a release is never refused");
    }

    fn fail(&mut self, binding: BindingId, reason: &str) {
        let fail = binding::Command::Fail { binding, reason: reason.into(), message: "refused".into() };
        self.ask(&Ask::Binding(fail)).expect("what is associating can fail");
    }

    /// Every commit again, from the start.
    pub fn replayed(&self) -> States {
        let mut states = States::default();
        self.log.iter().for_each(|commit| states.evolve(commit));
        states
    }

    /// What the log says of bindings, read without the cores: no EIP fronts two HAVIPs, no HAVIP has two EIPs, and both
    /// are of one region. Only what is being taken out may give way to where its EIP moves. Answers with EIP → HAVIP.
    pub fn check_log(&self) -> BTreeMap<EipId, HavipId> {
        let (mut fronts, mut leaving) = (BTreeMap::new(), BTreeSet::new());
        for event in self.log.iter().flat_map(|commit| &commit.events) {
            match event {
                Event::Bound(facts) => {
                    let (eip, havip) = (facts.eip.id, facts.havip.id);
                    assert_eq!(facts.eip.region, facts.havip.region);
                    assert_eq!(facts.eip.project, facts.havip.project);
                    assert!(!fronts.values().any(|other| *other == havip), "{havip:?} has two EIPs");
                    assert!(!leaving.iter().any(|(_, other)| *other == havip), "{havip:?} has two EIPs");
                    if let Some(before) = fronts.insert(eip, havip) {
                        assert!(leaving.contains(&(eip, before)), "{eip:?} fronts two HAVIPs");
                    }
                }
                Event::UnbindRequested(facts) => drop(leaving.insert((facts.eip.id, facts.havip.id))),
                Event::Unbound(facts) => {
                    let (eip, havip) = (facts.eip.id, facts.havip.id);
                    assert!(leaving.remove(&(eip, havip)), "{eip:?} was not asked to leave {havip:?}");
                    if fronts.get(&eip) == Some(&havip) {
                        fronts.remove(&eip);
                    }
                }
                _ => {}
            }
        }
        fronts
    }
}
