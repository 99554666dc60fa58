//! What binding knows of one region.

use std::{ops::Bound, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Fronts, Stage};
use crate::{
    CommitPosition, Timestamp,
    event::{BindRequested, BindingFacts, GatewayFacts},
    id::{self, BindingId, EipId, HavipId},
    name::{GatewayName, Name, ProjectId, Scope},
    packed::{Grouped, PackedMap, PackedSet},
};

/// Where a binding is on its way. After `Unassociating` it is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Phase {
    /// Requested: EIP and HAVIP are taken, resource has still to hold them.
    Associating,
    /// The EIP fronts the HAVIP.
    InUse(BindingFacts),
    /// Gateways are taking it out.
    Unassociating(BindingFacts),
    /// It came to nothing: EIP and HAVIP are free.
    Failed {
        /// A stable word.
        reason: Arc<str>,
        /// For people.
        message: Arc<str>,
    },
}

/// A binding that is on its way, in use, or failed not long ago.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// What was asked.
    pub request: BindRequested,
    /// Where it is on its way.
    pub phase: Phase,
    /// The commit that changed it last: its revision. In `Unassociating`, the position that gateways must have applied.
    pub at: CommitPosition,
}

impl Binding {
    /// Owner and region.
    pub fn scope(&self) -> Scope {
        Scope { project: self.request.project.clone(), region: self.request.region.clone() }
    }

    /// Its name: `projects/{project}/regions/{region}/bindings/{id}`.
    pub fn name(&self) -> Name<id::Binding> {
        Name { scope: self.scope(), id: self.request.binding }
    }

    /// The name of the binding that the EIP left, or leaves, for this one.
    pub fn moved_from(&self) -> Option<Name<id::Binding>> {
        self.request.moved_from.map(|id| Name { scope: self.scope(), id })
    }

    /// The EIP's name, as asked.
    pub fn eip(&self) -> Name<id::Eip> {
        self.request.eip_name()
    }

    /// The HAVIP's name, as asked.
    pub fn havip(&self) -> Name<id::Havip> {
        self.request.havip_name()
    }

    /// Everything about it, once it was in use.
    pub fn facts(&self) -> Option<&BindingFacts> {
        match &self.phase {
            Phase::InUse(facts) | Phase::Unassociating(facts) => Some(facts),
            Phase::Associating | Phase::Failed { .. } => None,
        }
    }

    /// What a reader of its EIP is told of it; nothing once it has failed.
    pub fn fronts(&self) -> Option<Fronts> {
        let stage = match &self.phase {
            Phase::Associating => Stage::Associating,
            Phase::InUse(_) => Stage::InUse,
            Phase::Unassociating(_) => Stage::Unassociating,
            Phase::Failed { .. } => return None,
        };
        Some(Fronts::new(self.request.binding, self.scope(), stage))
    }

    /// Whether the process manager has something left to do for it.
    pub fn is_unfinished(&self) -> bool {
        matches!(self.phase, Phase::Associating | Phase::Unassociating(_))
    }
}

/// A gateway that registered once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    /// Its name and region.
    pub facts: GatewayFacts,
    /// False after the operator decommissioned it: nobody waits for it.
    pub registered: bool,
    /// The commit that registered or decommissioned it last.
    pub at: CommitPosition,
    /// What it found changed behind its back.
    pub drifts: Drifts,
}

/// The drifts that a gateway told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drifts {
    /// How many, those that were too many to record among them.
    pub count: u64,
    /// The commit with the last one.
    pub last: Option<CommitPosition>,
}

/// The folded state of a region's binding stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(super) bindings: PackedMap<BindingId, Arc<Binding>>,
    pub(super) by_scope: Grouped<Scope, BindingId>,
    /// Each project has its own entries: whoever names what isn't theirs takes it from nobody, and learns nothing of whose
    /// it is. Of several only the owner's binding gets a hold.
    pub(super) by_eip: PackedMap<(EipId, ProjectId), BindingId>,
    pub(super) by_havip: PackedMap<(HavipId, ProjectId), BindingId>,
    /// From the binding that an EIP leaves to the one it moves to, until that is in use or has failed.
    pub(super) moves: PackedMap<BindingId, BindingId>,
    pub(super) unfinished: PackedSet<BindingId>,
    pub(super) failed_in_order: PackedSet<(Timestamp, BindingId)>,
    pub(super) gateways: PackedMap<GatewayName, Gateway>,
}

impl State {
    /// The binding with this id, whoever owns it. `None` also when it is gone.
    pub fn get(&self, binding: BindingId) -> Option<&Binding> {
        self.bindings.get(&binding).map(|binding| &**binding)
    }

    /// A project's binding that has taken an EIP.
    pub fn of_eip(&self, project: &ProjectId, eip: EipId) -> Option<&Binding> {
        self.by_eip.get(&(eip, project.clone())).and_then(|id| self.get(*id))
    }

    /// A project's binding that has taken a HAVIP.
    pub fn of_havip(&self, project: &ProjectId, havip: HavipId) -> Option<&Binding> {
        self.by_havip.get(&(havip, project.clone())).and_then(|id| self.get(*id))
    }

    /// The binding that the EIP of this one moves to.
    pub fn moving_to(&self, binding: BindingId) -> Option<&Binding> {
        self.moves.get(&binding).and_then(|id| self.get(*id))
    }

    /// The binding that has to come to its end before this one goes: what its EIP moves to has to be in use, or to have
    /// failed, and what the EIP came from has to be gone. So an EIP that is moved again at once lets go of its HAVIPs in turn.
    pub fn goes_after(&self, binding: &Binding) -> Option<&Binding> {
        let came_from = || binding.request.moved_from.and_then(|left| self.get(left));
        self.moving_to(binding.request.binding).or_else(came_from)
    }

    /// A scope's bindings in id order, after `after` if given; failed ones of the last day too.
    pub fn list(&self, scope: &Scope, after: Option<BindingId>) -> impl Iterator<Item = &Binding> + use<'_> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_scope.range(scope, (from, Bound::Unbounded)).filter_map(|id| self.get(*id))
    }

    /// Every binding that takes an EIP and a HAVIP, or failed in the last day, in id order.
    pub fn iter(&self) -> impl Iterator<Item = &Binding> + use<'_> {
        self.bindings.values().map(|binding| &**binding)
    }

    /// The bindings with something left to do, in id order: what a start takes up again.
    pub fn unfinished(&self) -> impl Iterator<Item = &Binding> + use<'_> {
        self.unfinished.iter().filter_map(|id| self.get(*id))
    }

    /// The failed ones that can still be read, the oldest first.
    pub fn failed(&self) -> impl Iterator<Item = BindingId> + use<'_> {
        self.failed_in_order.iter().map(|(_, id)| *id)
    }

    /// A gateway that registered once.
    pub fn gateway(&self, name: &GatewayName) -> Option<&Gateway> {
        self.gateways.get(name)
    }

    /// Every gateway that ever registered, by name.
    pub fn gateways(&self) -> impl Iterator<Item = &Gateway> {
        self.gateways.values()
    }

    /// The gateways that an unbind waits for, by name.
    pub fn registered_gateways(&self) -> impl Iterator<Item = &Gateway> {
        self.gateways.values().filter(|gateway| gateway.registered)
    }
}
