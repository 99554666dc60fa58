//! What the kernels of a region's gateways should have.

use std::net::IpAddr;

use imbl::{OrdMap, OrdSet, ordmap::DiffItem};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    Position,
    address::Mac,
    id::{PoolId, SubnetId, VpcId},
    name::{Label, ProjectId},
};

/// The version of [`Desired`]'s serialized form; grows with every change of it, or of what [`super::fold`] makes of an
/// event. A snapshot of another version is ignored.
pub const DESIRED_VERSION: u32 = 3;

/// The whole region, at a position.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The record folded last.
    pub position: Position,
    /// Every pool's blocks: the public addresses that are ours.
    pub pools: OrdMap<PoolId, Vec<IpNet>>,
    /// Every VPC.
    pub vpcs: OrdMap<VpcId, VpcDesired>,
    /// Every VPC that was deleted: a gateway that was away meanwhile may still have something of it.
    pub gone: OrdMap<VpcId, Gone>,
}

/// A VPC that was deleted: what says where it lived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gone {
    /// The owner.
    pub project: ProjectId,
    /// For the operator's patterns.
    pub display_name: Label,
    /// The record that deleted it.
    pub position: Position,
}

/// One VPC's router namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VpcDesired {
    /// The owner.
    pub project: ProjectId,
    /// For the operator's patterns, such as `vpc-{name}`.
    pub display_name: Label,
    /// The VPC's private blocks: what must not leave untranslated.
    pub subnets: OrdSet<IpNet>,
    /// EIP → HAVIP, one to one.
    pub nat: OrdMap<IpAddr, IpAddr>,
    /// HAVIP → the holder's MAC, `None` while nobody holds it.
    pub holders: OrdMap<IpAddr, Option<Mac>>,
    /// HAVIP → the MACs of its members.
    pub members: OrdMap<IpAddr, OrdSet<Mac>>,
    /// HAVIP that any vNIC of its subnet may hold → that subnet.
    pub open: OrdMap<IpAddr, SubnetId>,
    /// Subnet → the MACs of its vNICs.
    pub vnics: OrdMap<SubnetId, OrdSet<Mac>>,
    /// The record that changed this VPC last.
    pub position: Position,
}

impl VpcDesired {
    /// A VPC with nothing in it yet.
    pub fn new(project: ProjectId, display_name: Label, position: Position) -> Self {
        Self {
            project,
            display_name,
            subnets: OrdSet::new(),
            nat: OrdMap::new(),
            holders: OrdMap::new(),
            members: OrdMap::new(),
            open: OrdMap::new(),
            vnics: OrdMap::new(),
            position,
        }
    }

    /// Whether the vNIC with this MAC may hold the HAVIP: then its claim moves it, and a fenced packet of its makes the gateway
    /// ask.
    pub fn may_hold(&self, havip: IpAddr, mac: Mac) -> bool {
        let of_subnet = || self.open.get(&havip).and_then(|subnet| self.vnics.get(subnet));
        self.members.get(&havip).is_some_and(|members| members.contains(&mac))
            || of_subnet().is_some_and(|vnics| vnics.contains(&mac))
    }

    /// Somebody holds a HAVIP, or nobody; whoever may not, does not, whatever else is decided meanwhile.
    pub(super) fn hold(&mut self, havip: IpAddr, holder: Option<Mac>) {
        let holder = holder.filter(|mac| self.may_hold(havip, *mac));
        self.holders.insert(havip, holder);
    }

    /// The HAVIPs that are new since `before`, or newly bound, or that more may hold than before, in order: what was announced
    /// before was nobody's or a stranger's. What both have in common is not walked through: a VPC with thousands of HAVIPs changes
    /// one at a time.
    pub fn appeared_since(&self, before: &Self) -> Vec<IpAddr> {
        let new = before.holders.diff(&self.holders).filter_map(|change| match change {
            DiffItem::Add(havip, _) => Some(*havip),
            _ => None,
        });
        let bound = before.nat.diff(&self.nat).filter_map(|change| match change {
            DiffItem::Add(_, havip) | DiffItem::Update { new: (_, havip), .. } => Some(*havip),
            DiffItem::Remove(..) => None,
        });
        let more = self.joined_since(before).into_iter().chain(self.opened_since(before));
        let mut havips: Vec<_> = new.chain(bound).chain(more).collect();
        havips.sort_unstable();
        havips.dedup();
        havips
    }

    /// The HAVIPs that more vNICs may hold than before because their owner said so: whoever has one of them already may have
    /// answered the last question, as a stranger.
    pub fn joined_since(&self, before: &Self) -> Vec<IpAddr> {
        let joined = before.members.diff(&self.members).filter_map(|change| match change {
            DiffItem::Update { old: (_, old), new: (havip, new) } if !new.is_subset(old) => Some(*havip),
            _ => None,
        });
        let opened = before.open.diff(&self.open).filter_map(|change| match change {
            DiffItem::Add(havip, _) if before.holders.contains_key(havip) => Some(*havip),
            _ => None,
        });
        joined.chain(opened).collect()
    }

    /// The HAVIPs that more vNICs may hold than before because their subnet has more.
    fn opened_since(&self, before: &Self) -> Vec<IpAddr> {
        let grown = before.vnics.diff(&self.vnics).filter_map(|change| match change {
            DiffItem::Add(subnet, _) => Some(*subnet),
            DiffItem::Update { old: (_, old), new: (subnet, new) } if !new.is_subset(old) => Some(*subnet),
            _ => None,
        });
        let grown: Vec<_> = grown.collect();
        if grown.is_empty() {
            return Vec::new();
        }
        self.open.iter().filter(|(_, subnet)| grown.contains(subnet)).map(|(havip, _)| *havip).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vpc() -> VpcDesired {
        let mut vpc = VpcDesired::new("p1".parse().unwrap(), "blue".parse().unwrap(), Position(1));
        for n in 1..=200 {
            vpc.holders.insert(IpAddr::from([10, 0, 1, n]), None);
            vpc.nat.insert(IpAddr::from([203, 0, 113, n]), IpAddr::from([10, 0, 1, n]));
        }
        vpc
    }

    #[test]
    fn a_havip_appears_when_it_is_made_bound_or_fronted_by_another_eip() {
        let (before, mut now) = (vpc(), vpc());
        let (made, bound) = (IpAddr::from([10, 0, 1, 250]), IpAddr::from([10, 0, 1, 7]));
        now.holders.insert(made, None);
        now.nat.insert(IpAddr::from([203, 0, 113, 250]), bound);
        now.nat.insert(IpAddr::from([203, 0, 113, 9]), IpAddr::from([10, 0, 1, 9]));
        now.nat.insert(IpAddr::from([203, 0, 113, 8]), IpAddr::from([10, 0, 1, 3]));
        assert_eq!(now.appeared_since(&before), [IpAddr::from([10, 0, 1, 3]), bound, made]);
    }

    #[test]
    fn a_havip_that_any_vnic_of_its_subnet_may_hold_appears_again_with_each_new_vnic() {
        let subnet = SubnetId::new(uuid::Uuid::from_u128(1));
        let mut before = vpc();
        before.open.insert(IpAddr::from([10, 0, 1, 7]), subnet);
        let mut now = before.clone();
        now.vnics.entry(subnet).or_default().insert(Mac([2, 0, 0, 0, 1, 1]));
        assert_eq!(now.appeared_since(&before), [IpAddr::from([10, 0, 1, 7])]);
        let mut more = now.clone();
        more.vnics.entry(subnet).or_default().insert(Mac([2, 0, 0, 0, 1, 2]));
        assert_eq!(more.appeared_since(&now), [IpAddr::from([10, 0, 1, 7])]);
        assert_eq!(now.appeared_since(&more), Vec::<IpAddr>::new(), "one that is gone is none");
    }

    #[test]
    fn a_havip_appears_again_with_each_new_member_and_when_it_is_opened_to_its_subnet() {
        let [one, other] = [7, 8].map(|n| IpAddr::from([10, 0, 1, n]));
        let mut before = vpc();
        before.members.insert(one, [Mac([2, 0, 0, 0, 1, 1]), Mac([2, 0, 0, 0, 1, 2])].into_iter().collect());
        let mut now = before.clone();
        now.members.insert(one, [Mac([2, 0, 0, 0, 1, 1]), Mac([2, 0, 0, 0, 1, 3])].into_iter().collect());
        now.open.insert(other, SubnetId::new(uuid::Uuid::from_u128(1)));
        assert_eq!(now.appeared_since(&before), [one, other]);
        let mut fewer = now.clone();
        fewer.members.insert(one, [Mac([2, 0, 0, 0, 1, 3])].into_iter().collect());
        fewer.open.remove(&other);
        assert_eq!(fewer.appeared_since(&now), Vec::<IpAddr>::new());
    }

    #[test]
    fn a_new_holder_or_something_gone_is_no_appearance() {
        let (before, mut now) = (vpc(), vpc());
        now.holders.insert(IpAddr::from([10, 0, 1, 5]), Some(Mac([2, 0, 0, 0, 1, 1])));
        now.holders.remove(&IpAddr::from([10, 0, 1, 6]));
        now.nat.remove(&IpAddr::from([203, 0, 113, 6]));
        assert_eq!(now.appeared_since(&before), Vec::<IpAddr>::new());
    }
}
