//! Custody: who stood behind an address, folded from the events that concern it. Whoever has an index gives only those,
//! whoever reads a log through gives all: both come to the same.

mod asked;
mod told;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use mooring_domain::{
    Commit, CommitPosition, Event, Timestamp,
    event::{
        BindingFacts, EipDescribed, EipFacts, HavipCreated, HavipFacts, VnicCreated, VnicFacts, VpcCreated,
    },
    id::{BindingId, EipId, HavipId, VnicId, VpcId},
    name::{Label, ProjectId},
};

pub use asked::CustodyAsked;

/// What changed who held it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The commit.
    pub at: CommitPosition,
    /// By the log's clock.
    pub recorded_at: Timestamp,
    /// By the clock of the gateway that saw a holder change.
    pub observed_at: Option<Timestamp>,
    /// Who asked.
    pub actor: String,
    /// [`Event::word`].
    pub kind: &'static str,
}

/// Who held it for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Since when.
    pub began: Change,
    /// Until when; none: it had not ended at the time that is asked about.
    pub ended: Option<Change>,
    /// Who.
    pub held: Held,
}

/// All that stood behind an address at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The EIP that it was, or that fronted it.
    pub eip: Option<EipFacts>,
    /// The HAVIP that it was, or that it fronted.
    pub havip: Option<HavipFacts>,
    /// What bound them.
    pub binding: Option<BindingId>,
    /// Who held the HAVIP.
    pub holder: Option<VnicFacts>,
    /// The vNIC whose own address it was.
    pub own: Option<VnicCreated>,
}

/// What an address can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Eip(EipId),
    Havip(HavipId),
    Vnic(VnicId),
}

/// Which VPC is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfVpc {
    pub(crate) project: ProjectId,
    pub(crate) label: Option<Label>,
    /// Every VPC that this is, or was, the name of.
    pub(crate) ids: Vec<VpcId>,
}

/// A fold that is under way.
#[derive(Debug)]
pub struct Custodian {
    address: IpAddr,
    vpc: Option<OfVpc>,
    to: Option<Timestamp>,
    eips: BTreeMap<EipId, EipFacts>,
    havips: BTreeMap<HavipId, HavipFacts>,
    vnics: BTreeMap<VnicId, VnicCreated>,
    bound: HashMap<BindingId, BindingFacts>,
    of_eip: HashMap<EipId, BindingId>,
    of_havip: HashMap<HavipId, BindingId>,
    holders: HashMap<HavipId, VnicFacts>,
    open: BTreeMap<Subject, usize>,
    spans: Vec<Span>,
}

impl Custodian {
    fn new(address: IpAddr, vpc: Option<OfVpc>, to: Option<Timestamp>) -> Self {
        Self {
            address,
            vpc,
            to,
            eips: BTreeMap::new(),
            havips: BTreeMap::new(),
            vnics: BTreeMap::new(),
            bound: HashMap::new(),
            of_eip: HashMap::new(),
            of_havip: HashMap::new(),
            holders: HashMap::new(),
            open: BTreeMap::new(),
            spans: Vec::new(),
        }
    }

    /// The kinds of events that change who holds an address.
    pub const KINDS: [&'static str; 13] = [
        "vpc_created",
        "vnic_created",
        "vnic_deleted",
        "havip_created",
        "havip_updated",
        "havip_deleted",
        "eip_allocated",
        "eip_updated",
        "eip_released",
        "bound",
        "unbound",
        "holder_changed",
        "holder_withdrawn",
    ];

    /// What another commit makes of it, unless it was recorded after the time that is asked about. Commits come in the order
    /// of the log.
    pub fn commit(&mut self, commit: &Commit) {
        if self.to.is_some_and(|to| commit.recorded_at > to) {
            return;
        }
        for event in &commit.events {
            for subject in self.event(event) {
                self.look(subject, commit, event);
            }
        }
    }

    /// Takes an event in; the answer is whose custody may have changed.
    fn event(&mut self, event: &Event) -> Vec<Subject> {
        match event {
            Event::VpcCreated(vpc) => self.vpc_created(vpc),
            Event::VnicCreated(created) => {
                if created.vnic.address == self.address && self.is_in(created.vpc) {
                    self.vnics.insert(created.vnic.id, created.clone());
                }
                vec![Subject::Vnic(created.vnic.id)]
            }
            Event::VnicDeleted(deleted) => self.vnic_deleted(deleted),
            Event::HavipCreated(created) => {
                let havip = &created.havip;
                if havip.address == self.address && self.is_in(havip.vpc) {
                    self.havips.insert(havip.id, havip.clone());
                }
                vec![Subject::Havip(havip.id)]
            }
            Event::HavipUpdated(havip) => self.havip_updated(havip),
            Event::HavipDeleted(havip) => {
                self.havips.remove(&havip.id);
                self.holders.remove(&havip.id);
                vec![Subject::Havip(havip.id)]
            }
            Event::EipAllocated(EipDescribed { eip, .. }) => {
                if eip.address == self.address {
                    self.eips.insert(eip.id, eip.clone());
                }
                vec![Subject::Eip(eip.id)]
            }
            // The same stands behind it under another name.
            Event::EipUpdated(EipDescribed { eip, .. }) => {
                self.eips.entry(eip.id).and_modify(|known| known.clone_from(eip));
                Vec::new()
            }
            Event::EipReleased(released) => {
                self.eips.remove(&released.eip.id);
                vec![Subject::Eip(released.eip.id)]
            }
            Event::Bound(facts) => self.bound(facts),
            Event::Unbound(facts) if self.bound.remove(&facts.binding).is_none() => Vec::new(),
            Event::Unbound(facts) => {
                self.of_eip.remove(&facts.eip.id);
                self.of_havip.remove(&facts.havip.id);
                vec![Subject::Eip(facts.eip.id), Subject::Havip(facts.havip.id)]
            }
            Event::HolderChanged(changed) => {
                self.holders.insert(changed.havip.id, changed.holder.clone());
                self.of_held(changed.havip.id)
            }
            Event::HolderWithdrawn(withdrawn) => {
                self.holders.remove(&withdrawn.havip.id);
                self.of_held(withdrawn.havip.id)
            }
            _ => Vec::new(),
        }
    }

    fn vpc_created(&mut self, vpc: &VpcCreated) -> Vec<Subject> {
        if let Some(asked) = &mut self.vpc
            && asked.project == vpc.project
            && asked.label.as_ref() == Some(&vpc.display_name)
        {
            asked.ids.push(vpc.id);
        }
        Vec::new()
    }

    fn bound(&mut self, facts: &BindingFacts) -> Vec<Subject> {
        let left = self.of_eip.insert(facts.eip.id, facts.binding);
        // An EIP that has moved fronts the other no more, whenever that binding is over.
        let left = left.and_then(|left| self.bound.remove(&left)).map(|left| left.havip.id);
        if let Some(havip) = left {
            self.of_havip.remove(&havip);
        }
        self.of_havip.insert(facts.havip.id, facts.binding);
        self.bound.insert(facts.binding, facts.clone());
        let havips = left.into_iter().chain([facts.havip.id]).map(Subject::Havip);
        [Subject::Eip(facts.eip.id)].into_iter().chain(havips).collect()
    }

    /// What it held is health's to say: an index knows no HAVIP of it.
    fn vnic_deleted(&mut self, deleted: &VnicCreated) -> Vec<Subject> {
        self.vnics.remove(&deleted.vnic.id);
        vec![Subject::Vnic(deleted.vnic.id)]
    }

    /// Whoever may hold it no more does not. A holder is always of the HAVIP's subnet.
    fn havip_updated(&mut self, havip: &HavipCreated) -> Vec<Subject> {
        let may_hold = |vnic: &VnicFacts| havip.rules.whole_subnet || havip.members.contains(vnic);
        if self.holders.get(&havip.havip.id).is_some_and(|holder| !may_hold(holder)) {
            self.holders.remove(&havip.havip.id);
        }
        self.of_held(havip.havip.id)
    }

    /// Behind what another holder of a HAVIP stands.
    fn of_held(&self, havip: HavipId) -> Vec<Subject> {
        let fronting = self.of_havip.get(&havip).and_then(|binding| self.bound.get(binding));
        let eip = fronting.map(|facts| Subject::Eip(facts.eip.id));
        [Subject::Havip(havip)].into_iter().chain(eip).collect()
    }

    fn is_in(&self, vpc: VpcId) -> bool {
        self.vpc.as_ref().is_none_or(|asked| asked.ids.contains(&vpc))
    }

    /// Ends a span, and begins the next, if something has changed.
    fn look(&mut self, subject: Subject, commit: &Commit, event: &Event) {
        let held = self.held(subject);
        let open = self.open.get(&subject).copied();
        if open.map(|open| &self.spans[open].held) == held.as_ref() {
            return;
        }
        let observed_at = match event {
            Event::HolderChanged(changed) => Some(changed.claim.observed_at),
            _ => None,
        };
        let change = Change {
            at: commit.at,
            recorded_at: commit.recorded_at,
            observed_at,
            actor: commit.actor.0.to_string(),
            kind: event.word(),
        };
        if let Some(open) = open {
            self.spans[open].ended = Some(change.clone());
            self.open.remove(&subject);
        }
        if let Some(held) = held {
            self.open.insert(subject, self.spans.len());
            self.spans.push(Span { began: change, ended: None, held });
        }
    }

    /// Who stands behind the address now; none where it is nobody's.
    fn held(&self, subject: Subject) -> Option<Held> {
        let facts = |binding: Option<&BindingId>| binding.and_then(|binding| self.bound.get(binding));
        match subject {
            Subject::Vnic(id) => {
                self.vnics.get(&id).map(|own| Held { own: Some(own.clone()), ..Held::default() })
            }
            Subject::Eip(id) => {
                let eip = Some(self.eips.get(&id)?.clone());
                let facts = facts(self.of_eip.get(&id));
                let havip = facts.map(|facts| facts.havip.clone());
                let holder = havip.as_ref().and_then(|havip| self.holders.get(&havip.id)).cloned();
                Some(Held { eip, havip, binding: facts.map(|facts| facts.binding), holder, own: None })
            }
            Subject::Havip(id) => {
                let havip = Some(self.havips.get(&id)?.clone());
                let facts = facts(self.of_havip.get(&id));
                let eip = facts.map(|facts| facts.eip.clone());
                let holder = self.holders.get(&id).cloned();
                Some(Held { eip, havip, binding: facts.map(|facts| facts.binding), holder, own: None })
            }
        }
    }
}
