//! What health knows of one region.

use std::{net::IpAddr, ops::Bound, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Failovers, Silence, leases::Leases};
use crate::{
    CommitPosition, Position, Rejection, Timestamp,
    address::Mac,
    event::{ClaimFacts, HavipFacts, HolderRules, VnicFacts},
    id::{self, HavipId, SubnetId, VpcId},
    name::{Name, Scope},
    packed::{Grouped, PackedMap, PackedSet},
};

/// Who holds a HAVIP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    /// The holder.
    pub vnic: VnicFacts,
    /// What that rests on.
    pub claim: ClaimFacts,
    /// Where the change was stored.
    pub at: CommitPosition,
    /// How long after the claim it keeps it at least.
    pub backoff: Duration,
    /// It is not heard any more.
    pub silence: Option<Box<Silence>>,
    /// Where it announced itself over gRPC.
    pub lease: Option<Lease>,
}

/// How long a holder that announced itself over gRPC holds a HAVIP.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// From one announcement on.
    pub length: Duration,
    /// When, unless there is another one.
    pub ends: Timestamp,
}

impl Lease {
    pub(super) fn began(self) -> Timestamp {
        self.ends.minus(self.length)
    }

    /// Whether it began before the clock was set back.
    pub(super) fn is_ahead_of(self, now: Timestamp) -> bool {
        self.began().is_ahead_of(now)
    }
}

impl Holding {
    /// When its back-off ends.
    pub fn until(&self) -> Timestamp {
        self.claim.observed_at.plus(self.backoff)
    }
}

/// Two claim a HAVIP in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contest {
    /// Who claimed it and does not hold it, or held it before.
    pub rival: VnicFacts,
    /// When the last claim was seen that an event tells of.
    pub seen: Timestamp,
    /// The rival's claim was postponed, and the holder has been the same since.
    pub postponed: bool,
}

/// A HAVIP as health sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Havip {
    /// The HAVIP.
    pub facts: HavipFacts,
    /// The vNICs that may claim it, in the order of their MACs.
    pub members: Arc<[VnicFacts]>,
    /// Who else may, and how often it may change hands.
    pub rules: HolderRules,
    /// Its holder; `None` while nobody is.
    pub holding: Option<Holding>,
    /// The last record that says who holds it; it stays when the holder lets go.
    pub(super) changed: Position,
    /// Who else claims it.
    pub contest: Option<Box<Contest>>,
    /// Who held it until it might no more; nobody does since, and health has not said so yet.
    pub excluded: Option<Box<VnicFacts>>,
}

impl Havip {
    /// Its name.
    pub fn name(&self) -> Name<id::Havip> {
        let HavipFacts { id, project, region, .. } = &self.facts;
        Name { scope: Scope { project: project.clone(), region: region.clone() }, id: *id }
    }

    fn member(&self, mac: Mac) -> Option<&VnicFacts> {
        let at = self.members.binary_search_by_key(&mac, |member| member.mac).ok()?;
        self.members.get(at)
    }

    /// Whether somebody claimed it before the present holder's back-off had ended.
    pub(super) fn is_postponed(&self) -> bool {
        self.contest.as_ref().is_some_and(|contest| contest.postponed)
    }
}

/// A vNIC, and where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Placed {
    pub(super) vnic: VnicFacts,
    pub(super) subnet: SubnetId,
}

/// The folded state of a region's health stream, and of what it needs from the resource stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(super) havips: PackedMap<HavipId, Arc<Havip>>,
    pub(super) by_scope: Grouped<Scope, HavipId>,
    pub(super) by_address: PackedMap<(VpcId, IpAddr), HavipId>,
    pub(super) vnics: PackedMap<(VpcId, Mac), Placed>,
    pub(super) contested: PackedSet<HavipId>,
    pub(super) leases: Leases,
    pub(super) excluded: PackedSet<HavipId>,
    pub(super) rejected: PackedMap<(HavipId, Mac), Timestamp>,
    pub(super) rejected_in_order: PackedSet<(Timestamp, HavipId, Mac)>,
    pub(super) failovers: Failovers,
}

impl State {
    /// The HAVIP with this id, whoever owns it.
    pub fn get(&self, havip: HavipId) -> Option<&Havip> {
        self.havips.get(&havip).map(|havip| &**havip)
    }

    /// How long failovers took.
    pub const fn failovers(&self) -> &Failovers {
        &self.failovers
    }

    /// How many HAVIPs there are.
    pub(super) fn count(&self) -> usize {
        self.havips.len()
    }

    /// The vNIC with this MAC, if it may hold the HAVIP.
    pub(super) fn may_hold<'a>(&'a self, havip: &'a Havip, mac: Mac) -> Option<&'a VnicFacts> {
        let of_subnet = || {
            let placed = self.vnics.get(&(havip.facts.vpc, mac)).filter(|_| havip.rules.whole_subnet)?;
            (placed.subnet == havip.facts.subnet).then_some(&placed.vnic)
        };
        havip.member(mac).or_else(of_subnet)
    }

    /// The vNICs of a VPC.
    pub(super) fn vnics_of(&self, vpc: VpcId) -> impl Iterator<Item = &VnicFacts> {
        let of_vpc = self.vnics.range((vpc, Mac([0; 6]))..=(vpc, Mac([0xff; 6])));
        of_vpc.map(|(_, placed)| &placed.vnic)
    }

    /// The HAVIPs whose holder's lease may have ended by then.
    pub fn expired(&self, by: Timestamp) -> impl Iterator<Item = HavipId> {
        self.leases.may_have_ended(by)
    }

    /// The HAVIPs whose holders may hold them no more, which is still to be said.
    pub fn excluded(&self) -> impl Iterator<Item = HavipId> {
        self.excluded.iter().copied()
    }

    /// The HAVIP of that name.
    pub fn named(&self, name: &Name<id::Havip>) -> Result<&Havip, Rejection> {
        let havip = self.get(name.id).filter(|havip| {
            havip.facts.project == name.scope.project && havip.facts.region == name.scope.region
        });
        havip.ok_or_else(|| Rejection::not_found("havip", name))
    }

    /// The HAVIPs that two claim in turn.
    pub fn contested(&self) -> impl Iterator<Item = &Havip> {
        self.contested.iter().filter_map(|id| self.get(*id))
    }

    /// The HAVIP with this address.
    pub fn at(&self, vpc: VpcId, address: IpAddr) -> Option<&Havip> {
        self.by_address.get(&(vpc, address)).and_then(|id| self.get(*id))
    }

    /// A scope's HAVIPs in id order, after `after` if given.
    pub fn list(&self, scope: &Scope, after: Option<HavipId>) -> impl Iterator<Item = &Havip> + use<'_> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_scope.range(scope, (from, Bound::Unbounded)).filter_map(|id| self.get(*id))
    }
}
