//! What resource knows of one region: the things, who has which address, and what is held.

use std::{net::IpAddr, ops::Bound};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Cooling, Entry, Facts, FreeRanges, Quotas, Table};
use crate::{
    CommitPosition, Timestamp,
    address::Mac,
    event::{EipDescribed, HavipCreated, PoolCreated, SubnetCreated, VnicCreated, VpcCreated},
    id::{BindingId, EipId, HavipId, PoolId, SubnetId, VnicId, VpcId},
    packed::{PackedMap, PackedSet},
};

/// Who has a private address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressOwner {
    /// A vNIC.
    Vnic(VnicId),
    /// A HAVIP.
    Havip(HavipId),
}

/// What a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Cannot be released.
    pub eip: EipId,
    /// Cannot be deleted.
    pub havip: HavipId,
    /// The binding that held the EIP before and may hold it still: the EIP moves.
    pub moved_from: Option<BindingId>,
    /// Where the hold was stored.
    pub at: CommitPosition,
}

/// The folded state of a region's resource stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(super) pools: Table<PoolCreated>,
    pub(super) vpcs: Table<VpcCreated>,
    pub(super) subnets: Table<SubnetCreated>,
    pub(super) vnics: Table<VnicCreated>,
    pub(super) havips: Table<HavipCreated>,
    pub(super) eips: Table<EipDescribed>,
    pub(super) pool_blocks: PackedMap<IpAddr, (IpNet, PoolId)>,
    pub(super) pool_free: PackedMap<PoolId, FreeRanges>,
    pub(super) pool_allocated: PackedMap<PoolId, u64>,
    pub(super) subnet_blocks: PackedMap<(VpcId, IpAddr), (IpNet, SubnetId)>,
    pub(super) subnet_free: PackedMap<SubnetId, FreeRanges>,
    pub(super) cooling: Cooling,
    pub(super) quotas: Quotas,
    pub(super) eip_by_address: PackedMap<IpAddr, EipId>,
    pub(super) addresses: PackedMap<(VpcId, IpAddr), AddressOwner>,
    pub(super) macs: PackedMap<(VpcId, Mac), VnicId>,
    pub(super) memberships: PackedSet<(VnicId, HavipId)>,
    pub(super) holds: PackedMap<BindingId, Held>,
    pub(super) eip_held_by: PackedMap<EipId, BindingId>,
    pub(super) havip_held_by: PackedMap<HavipId, BindingId>,
    pub(super) released: PackedMap<BindingId, Timestamp>,
    pub(super) released_in_order: PackedSet<(Timestamp, BindingId)>,
}

impl State {
    /// Pools, by region.
    pub fn pools(&self) -> &Table<PoolCreated> {
        &self.pools
    }

    /// VPCs, by project.
    pub fn vpcs(&self) -> &Table<VpcCreated> {
        &self.vpcs
    }

    /// Subnets, by project.
    pub fn subnets(&self) -> &Table<SubnetCreated> {
        &self.subnets
    }

    /// vNICs, by project; their display name is the instance's.
    pub fn vnics(&self) -> &Table<VnicCreated> {
        &self.vnics
    }

    /// HAVIPs with their members, by project.
    pub fn havips(&self) -> &Table<HavipCreated> {
        &self.havips
    }

    /// EIPs, by project.
    pub fn eips(&self) -> &Table<EipDescribed> {
        &self.eips
    }

    /// The addresses that cool.
    pub fn cooling(&self) -> &Cooling {
        &self.cooling
    }

    /// The EIP with this address, whoever owns it.
    pub fn eip_at(&self, address: IpAddr) -> Option<&Entry<EipDescribed>> {
        self.eip_by_address.get(&address).and_then(|id| self.eips.get(*id))
    }

    /// How many of a pool's addresses are allocated; 0 for an unknown pool.
    pub fn allocated(&self, pool: PoolId) -> u64 {
        self.pool_allocated.get(&pool).copied().unwrap_or_default()
    }

    /// Who has a private address.
    pub fn address_owner(&self, vpc: VpcId, address: IpAddr) -> Option<AddressOwner> {
        self.addresses.get(&(vpc, address)).copied()
    }

    /// The word for who has an address, and its name.
    pub(super) fn named(&self, owner: AddressOwner) -> (&'static str, Option<String>) {
        match owner {
            AddressOwner::Vnic(id) => ("vNIC", self.vnics.get(id).map(|entry| entry.facts.name())),
            AddressOwner::Havip(id) => ("HAVIP", self.havips.get(id).map(|entry| entry.facts.name())),
        }
    }

    /// The vNIC with this MAC.
    pub fn vnic_by_mac(&self, vpc: VpcId, mac: Mac) -> Option<&Entry<VnicCreated>> {
        self.macs.get(&(vpc, mac)).and_then(|id| self.vnics.get(*id))
    }

    /// The HAVIPs that a vNIC is a member of, in id order.
    pub fn memberships(&self, vnic: VnicId) -> impl Iterator<Item = &Entry<HavipCreated>> {
        let (first, last) = (HavipId::new(Uuid::nil()), HavipId::new(Uuid::max()));
        let of_vnic = self.memberships.range((vnic, first)..=(vnic, last));
        of_vnic.filter_map(|(_, havip)| self.havips.get(*havip))
    }

    /// What a binding holds.
    pub fn hold(&self, binding: BindingId) -> Option<Held> {
        self.holds.get(&binding).copied()
    }

    /// Every hold, in the order of binding ids.
    pub fn holds(&self) -> impl Iterator<Item = (BindingId, Held)> {
        self.holds.iter().map(|(binding, held)| (*binding, *held))
    }

    /// Who holds, in id order, after `after`.
    pub fn holding(&self, after: BindingId) -> impl Iterator<Item = BindingId> + use<'_> {
        self.holds.range((Bound::Excluded(after), Bound::Unbounded)).map(|(binding, _)| *binding)
    }

    /// The binding that holds an EIP.
    pub fn eip_held_by(&self, eip: EipId) -> Option<BindingId> {
        self.eip_held_by.get(&eip).copied()
    }

    /// The binding that holds a HAVIP.
    pub fn havip_held_by(&self, havip: HavipId) -> Option<BindingId> {
        self.havip_held_by.get(&havip).copied()
    }

    /// When a binding let go for ever; forgotten after [`super::RELEASED_ARE_REMEMBERED`].
    pub fn released_at(&self, binding: BindingId) -> Option<Timestamp> {
        self.released.get(&binding).copied()
    }
}
