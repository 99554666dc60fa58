//! What an event concerns: the words under which an index has it, and a filter asks for it. One fold, for the index and
//! for whoever reads a log without one, so that both find the same.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use mooring_domain::{
    Commit, Event,
    event::{BindRequested, BindingFacts, EipFacts, HavipFacts},
    id::{BindingId, EipId, HavipId},
    name::{Label, ProjectId},
};
use serde::{Deserialize, Serialize};

/// Something that an event can concern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// The EIP, its bindings, or who held what it fronted.
    Eip(EipId),
    /// The HAVIP, its bindings, or its holders.
    Havip(HavipId),
    /// Whatever belongs to the project.
    Project(ProjectId),
    /// Who asked.
    Actor(Arc<str>),
    /// [`Event::word`].
    Kind(&'static str),
    /// An EIP, a HAVIP or a vNIC that comes to be with this address, or a vNIC that had it.
    Address(IpAddr),
    /// An EIP, a HAVIP or a VPC (its collection) that has this name from then on.
    Named(&'static str, ProjectId, Label),
}

impl Term {
    /// Its key; none is the beginning of another.
    pub(super) fn key(&self) -> Box<[u8]> {
        let (tag, content) = match self {
            Self::Eip(id) => (b'e', id.uuid().as_bytes().to_vec()),
            Self::Havip(id) => (b'h', id.uuid().as_bytes().to_vec()),
            Self::Project(project) => (b'p', project.as_str().as_bytes().to_vec()),
            Self::Actor(actor) => (b'a', actor.as_bytes().to_vec()),
            Self::Kind(word) => (b'k', word.as_bytes().to_vec()),
            Self::Address(address) => (b'i', address.to_string().into_bytes()),
            Self::Named(collection, project, label) => {
                (b'n', format!("{collection}/{project}/{label}").into_bytes())
            }
        };
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&[b'p', tag], &length[..], &content].concat().into()
    }
}

/// A binding that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unfinished {
    eip: EipId,
    havip: HavipId,
    project: ProjectId,
    /// The EIP fronts the HAVIP.
    bound: bool,
}

/// What has to be known of earlier events: which EIP fronts which HAVIP.
#[derive(Clone, Debug, Default)]
pub struct Concerns {
    bindings: HashMap<BindingId, Unfinished>,
    fronted: HashMap<HavipId, EipId>,
    changed: BTreeSet<BindingId>,
}

impl Concerns {
    /// What the next event of the log concerns.
    pub fn of(&mut self, commit: &Commit, event: &Event) -> Vec<Term> {
        self.learn(event);
        let mut terms = vec![Term::Actor(commit.actor.0.clone()), Term::Kind(event.word())];
        self.subjects(event, &mut terms);
        self.forget(event);
        terms
    }

    fn subjects(&self, event: &Event, terms: &mut Vec<Term>) {
        match event {
            Event::PoolCreated(_)
            | Event::PoolUpdated(_)
            | Event::PoolDeleted(_)
            | Event::GatewayRegistered(_)
            | Event::GatewayDecommissioned(_) => {}
            Event::GatewayDriftFound(drift) => terms.push(Term::Project(drift.project.clone())),
            Event::VpcCreated(_)
            | Event::VpcDeleted(_)
            | Event::SubnetCreated(_)
            | Event::SubnetUpdated(_)
            | Event::SubnetDeleted(_)
            | Event::VnicCreated(_)
            | Event::VnicDeleted(_) => of_network(event, terms),
            Event::HavipCreated(created) => {
                terms.extend([Term::Address(created.havip.address), named(&created.havip)]);
                of_havip(&created.havip, terms);
            }
            Event::HavipUpdated(updated) => {
                terms.push(named(&updated.havip));
                self.of_held(&updated.havip, terms);
            }
            Event::HavipDeleted(havip) => of_havip(havip, terms),
            Event::EipAllocated(described) => {
                terms.extend([Term::Address(described.eip.address), eip_named(&described.eip)]);
                of_eip(&described.eip, terms);
            }
            Event::QuotasChanged(changed) => terms.push(Term::Project(changed.scope.project.clone())),
            Event::EipUpdated(described) => {
                // It may be under another name from here on.
                terms.push(eip_named(&described.eip));
                of_eip(&described.eip, terms);
            }
            Event::EipReleased(released) => of_eip(&released.eip, terms),
            Event::HoldPlaced(facts)
            | Event::Bound(facts)
            | Event::UnbindRequested(facts)
            | Event::Unbound(facts) => of_pair(facts.eip.id, &facts.eip.project, &facts.havip, terms),
            Event::HoldReleased(released) => match (&released.held, self.bindings.get(&released.binding)) {
                (Some((eip, havip)), _) => of_pair(eip.id, &eip.project, havip, terms),
                (None, Some(Unfinished { eip, havip, project, .. })) => {
                    let project = Term::Project(project.clone());
                    terms.extend([project, Term::Eip(*eip), Term::Havip(*havip)]);
                }
                (None, None) => {}
            },
            Event::BindRequested(request) => of_request(request, terms),
            Event::BindFailed(failed) => of_request(&failed.request, terms),
            Event::HolderChanged(changed) => self.of_held(&changed.havip, terms),
            Event::ClaimRejected(rejected) => self.of_held(&rejected.havip, terms),
            Event::HolderContested(contested) => self.of_held(&contested.havip, terms),
            Event::HolderSettled(settled) => self.of_held(&settled.havip, terms),
            Event::HolderWithdrawn(withdrawn) => self.of_held(&withdrawn.havip, terms),
            Event::LeaseRenewed(renewed) => self.of_held(&renewed.havip, terms),
            Event::HolderSilent(facts) | Event::HolderHeard(facts) => self.of_held(&facts.havip, terms),
            Event::FailoverMeasured(measured) => self.of_held(&measured.havip, terms),
        }
    }

    /// What happens to a HAVIP's holder concerns the EIP that fronts it.
    fn of_held(&self, havip: &HavipFacts, terms: &mut Vec<Term>) {
        of_havip(havip, terms);
        terms.extend(self.fronted.get(&havip.id).map(|eip| Term::Eip(*eip)));
    }

    fn learn(&mut self, event: &Event) {
        match event {
            Event::BindRequested(request) => {
                let BindRequested { eip, havip, project, .. } = request.clone();
                self.enter(request.binding, Unfinished { eip, havip, project, bound: false });
            }
            Event::Bound(facts) => {
                let BindingFacts { binding, eip, havip } = facts;
                let project = havip.project.clone();
                self.enter(*binding, Unfinished { eip: eip.id, havip: havip.id, project, bound: true });
            }
            _ => {}
        }
    }

    fn forget(&mut self, event: &Event) {
        let ended = match event {
            Event::BindFailed(failed) => failed.request.binding,
            Event::Unbound(facts) => facts.binding,
            _ => return,
        };
        if let Some(ended) = self.bindings.remove(&ended).filter(|ended| ended.bound) {
            self.fronted.remove(&ended.havip);
        }
        self.changed.insert(ended);
    }

    /// A binding as an event says, or as it was stored.
    pub(super) fn enter(&mut self, binding: BindingId, unfinished: Unfinished) {
        if unfinished.bound {
            self.fronted.insert(unfinished.havip, unfinished.eip);
        }
        self.bindings.insert(binding, unfinished);
        self.changed.insert(binding);
    }

    /// The bindings that changed since this was asked last: how they are now, or that they have ended.
    pub(super) fn changed(&mut self) -> Vec<(BindingId, Option<Unfinished>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|binding| (binding, self.bindings.get(&binding).cloned())).collect()
    }
}

fn eip_named(eip: &EipFacts) -> Term {
    Term::Named("eips", eip.project.clone(), eip.display_name.clone())
}

fn of_eip(eip: &EipFacts, terms: &mut Vec<Term>) {
    terms.extend([Term::Project(eip.project.clone()), Term::Eip(eip.id)]);
}

fn named(havip: &HavipFacts) -> Term {
    Term::Named("havips", havip.project.clone(), havip.display_name.clone())
}

fn of_network(event: &Event, terms: &mut Vec<Term>) {
    match event {
        Event::VpcCreated(vpc) => {
            let name = Term::Named("vpcs", vpc.project.clone(), vpc.display_name.clone());
            terms.extend([Term::Project(vpc.project.clone()), name]);
        }
        Event::VpcDeleted(vpc) => terms.push(Term::Project(vpc.project.clone())),
        Event::SubnetCreated(subnet) | Event::SubnetUpdated(subnet) | Event::SubnetDeleted(subnet) => {
            terms.push(Term::Project(subnet.project.clone()))
        }
        Event::VnicCreated(created) | Event::VnicDeleted(created) => {
            terms.extend([Term::Project(created.project.clone()), Term::Address(created.vnic.address)]);
        }
        _ => {}
    }
}

fn of_havip(havip: &HavipFacts, terms: &mut Vec<Term>) {
    terms.extend([Term::Project(havip.project.clone()), Term::Havip(havip.id)]);
}

fn of_pair(eip: EipId, project: &ProjectId, havip: &HavipFacts, terms: &mut Vec<Term>) {
    of_havip(havip, terms);
    terms.push(Term::Eip(eip));
    if *project != havip.project {
        terms.push(Term::Project(project.clone()));
    }
}

fn of_request(request: &BindRequested, terms: &mut Vec<Term>) {
    terms.extend([
        Term::Project(request.project.clone()),
        Term::Eip(request.eip),
        Term::Havip(request.havip),
    ]);
    if request.eip_project != request.project {
        terms.push(Term::Project(request.eip_project.clone()));
    }
}
