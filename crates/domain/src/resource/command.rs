//! What may be asked of resource. New ids and the time come with the command.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

use super::Edit;
use crate::{
    Expected, Timestamp,
    address::Mac,
    event::{Damping, EipDetails, HolderRules},
    id::{self, BindingId, EipId, HavipId, Id, Kind, PoolId, SubnetId, VnicId, VpcId},
    labels::{Description, Labels},
    name::{Label, ProjectId, RegionId, Scope},
};

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The operator brings public addresses.
    CreatePool(CreatePool),
    /// The operator changes a pool.
    UpdatePool(UpdatePool),
    /// The operator takes a pool away.
    DeletePool(DeletePool),
    /// A project makes a VPC.
    CreateVpc(CreateVpc),
    /// A project makes a subnet in a VPC.
    CreateSubnet(CreateSubnet),
    /// An instance gets an interface in a subnet.
    CreateVnic(CreateVnic),
    /// A project gives a VPC up.
    DeleteVpc(Delete<id::Vpc>),
    /// A project changes what may change of a subnet.
    UpdateSubnet(UpdateSubnet),
    /// A project gives a subnet up.
    DeleteSubnet(Delete<id::Subnet>),
    /// An instance loses an interface.
    DeleteVnic(Delete<id::Vnic>),
    /// A project makes a HAVIP in a subnet.
    CreateHavip(CreateHavip),
    /// A project changes what may change of a HAVIP.
    UpdateHavip(UpdateHavip),
    /// A project gives a HAVIP up.
    DeleteHavip(DeleteHavip),
    /// A project takes an address out of a pool.
    AllocateEip(AllocateEip),
    /// A project says something else about its EIP.
    UpdateEip(UpdateEip),
    /// A project gives an EIP back.
    ReleaseEip(ReleaseEip),
    /// The operator gives a project other limits.
    UpdateQuotas(UpdateQuotas),
    /// A binding holds an EIP and a HAVIP.
    Hold(Hold),
    /// A binding lets go of what it holds, for ever.
    ReleaseHold(ReleaseHold),
}

/// See [`Command::CreatePool`].
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePool {
    /// The new pool's id.
    pub id: PoolId,
    /// Its region.
    pub region: RegionId,
    /// Unique in the region.
    pub display_name: Label,
    /// Its blocks, at least one.
    pub cidrs: Vec<IpNet>,
    /// How long a released address is kept from everybody else. Zero: not at all.
    pub cooling: Duration,
}

/// See [`Command::UpdatePool`].
#[derive(Clone, Debug, PartialEq)]
pub struct UpdatePool {
    /// Its region.
    pub region: RegionId,
    /// Which one.
    pub id: PoolId,
    /// What the caller takes it to be at.
    pub expected: Expected,
    /// What is to be another than it is.
    pub change: PoolChange,
    /// The caller's present time: what cools is not empty.
    pub now: Timestamp,
}

/// What is to change of a pool; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolChange {
    /// Unique in the region.
    pub display_name: Option<Label>,
    /// All of its blocks. No EIP is left without one.
    pub cidrs: Option<Vec<IpNet>>,
    /// The same, by what comes and goes.
    pub cidrs_edit: Edit<IpNet>,
    /// How long an address that is released from then on is kept from everybody else.
    pub cooling: Option<Duration>,
    /// Whether nothing new is allocated from it.
    pub draining: Option<bool>,
}

/// See [`Command::DeletePool`].
#[derive(Clone, Debug, PartialEq)]
pub struct DeletePool {
    /// Its region.
    pub region: RegionId,
    /// Which one.
    pub id: PoolId,
    /// What the caller takes it to be at.
    pub expected: Expected,
    /// The caller's present time: what cools is not empty.
    pub now: Timestamp,
}

/// See [`Command::CreateVpc`].
#[derive(Clone, Debug, PartialEq)]
pub struct CreateVpc {
    /// The new VPC's id.
    pub id: VpcId,
    /// Owner and region.
    pub scope: Scope,
    /// Unique in the scope.
    pub display_name: Label,
}

/// See [`Command::CreateSubnet`].
#[derive(Clone, Debug, PartialEq)]
pub struct CreateSubnet {
    /// The new subnet's id.
    pub id: SubnetId,
    /// Owner and region.
    pub scope: Scope,
    /// Unique in the scope.
    pub display_name: Label,
    /// A VPC of the scope.
    pub vpc: VpcId,
    /// Overlaps no other subnet of the VPC.
    pub cidr: IpNet,
    /// The router's address. `None`: the first host address.
    pub gateway_address: Option<IpAddr>,
    /// Blocks of it that nobody may take an address of.
    pub reserved: Vec<IpNet>,
}

/// See [`Command::UpdateSubnet`].
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateSubnet {
    /// Owner and region.
    pub scope: Scope,
    /// Which one.
    pub id: SubnetId,
    /// What the caller takes it to be at.
    pub expected: Expected,
    /// What is to be another than it is.
    pub change: SubnetChange,
}

/// What is to change of a subnet; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubnetChange {
    /// Unique in the scope.
    pub display_name: Option<Label>,
    /// All of its reserved blocks. Nobody has an address of them.
    pub reserved: Option<Vec<IpNet>>,
    /// The same, by what comes and goes.
    pub reserved_edit: Edit<IpNet>,
}

/// See [`Command::CreateVnic`].
#[derive(Clone, Debug, PartialEq)]
pub struct CreateVnic {
    /// The new vNIC's id.
    pub id: VnicId,
    /// Owner and region.
    pub scope: Scope,
    /// The instance's name, unique in the subnet.
    pub instance: Label,
    /// A subnet of the scope.
    pub subnet: SubnetId,
    /// Unicast, unique in the VPC.
    pub mac: Mac,
    /// A host address of the subnet, free in the VPC.
    pub address: IpAddr,
}

/// A project gives one of its things up.
#[derive(Clone, Debug, PartialEq)]
pub struct Delete<K: Kind> {
    /// Owner and region.
    pub scope: Scope,
    /// Which one.
    pub id: Id<K>,
    /// What the caller takes it to be at.
    pub expected: Expected,
}

/// See [`Command::CreateHavip`].
#[derive(Clone, Debug, PartialEq)]
pub struct CreateHavip {
    /// The new HAVIP's id.
    pub id: HavipId,
    /// Owner and region.
    pub scope: Scope,
    /// Unique in the scope.
    pub display_name: Label,
    /// A subnet of the scope.
    pub subnet: SubnetId,
    /// A free host address of the subnet. `None`: the highest.
    pub address: Option<IpAddr>,
    /// vNICs of the subnet, at most [`super::MAX_MEMBERS`], and no more than the project's quota.
    pub members: Vec<VnicId>,
    /// Who else may claim it, and how often it may change hands.
    pub rules: HolderRules,
}

/// See [`Command::UpdateHavip`].
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateHavip {
    /// Owner and region.
    pub scope: Scope,
    /// Which one.
    pub id: HavipId,
    /// What the caller takes it to be at.
    pub expected: Expected,
    /// What is to be another than it is.
    pub change: HavipChange,
}

/// What is to change of a HAVIP; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HavipChange {
    /// Unique in the scope.
    pub display_name: Option<Label>,
    /// All of them, as in [`CreateHavip::members`].
    pub members: Option<Vec<VnicId>>,
    /// The same, by who comes and goes.
    pub members_edit: Edit<VnicId>,
    /// Whether any vNIC of its subnet may claim it.
    pub whole_subnet: Option<bool>,
    /// How often it may change hands.
    pub damping: Option<Damping>,
    /// Whether it may be announced over gRPC.
    pub announce: Option<bool>,
}

/// See [`Command::DeleteHavip`].
pub type DeleteHavip = Delete<id::Havip>;

/// See [`Command::AllocateEip`].
#[derive(Clone, Debug, PartialEq)]
pub struct AllocateEip {
    /// The new EIP's id.
    pub id: EipId,
    /// Owner and region.
    pub scope: Scope,
    /// Unique in the scope. `None`: the address.
    pub display_name: Option<Label>,
    /// A free address of a pool. `None`: the pool's lowest.
    pub address: Option<IpAddr>,
    /// The pool. `None`: the one that has the address, or the first with a free one.
    pub pool: Option<PoolId>,
    /// What the project says about it.
    pub details: EipDetails,
    /// The caller's present time: of the addresses that cool, some may be done.
    pub now: Timestamp,
}

/// See [`Command::UpdateEip`]. `None` is what stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateEip {
    /// Owner and region.
    pub scope: Scope,
    /// Which one.
    pub id: EipId,
    /// Unique in the scope. `Some(None)`: the address.
    pub display_name: Option<Option<Label>>,
    /// For people.
    pub description: Option<Description>,
    /// These and no others.
    pub labels: Option<Labels>,
    /// Whether it can't be released.
    pub delete_protection: Option<bool>,
    /// What the caller takes it to be at.
    pub expected: Expected,
}

/// See [`Command::ReleaseEip`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseEip {
    /// Owner and region.
    pub scope: Scope,
    /// Which one.
    pub id: EipId,
    /// What the caller takes it to be at.
    pub expected: Expected,
    /// The caller's present time: from then on its address cools.
    pub now: Timestamp,
}

/// See [`Command::UpdateQuotas`]. `None` is what stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateQuotas {
    /// Whose, and where.
    pub scope: Scope,
    /// See [`crate::event::Limits`].
    pub eips: Option<u64>,
    /// See [`crate::event::Limits`].
    pub havips_per_vpc: Option<u64>,
    /// See [`crate::event::Limits`].
    pub havips_per_instance: Option<u64>,
    /// See [`crate::event::Limits`].
    pub members_per_havip: Option<u64>,
    /// What the operator takes them to be at.
    pub expected: Expected,
}

/// See [`Command::Hold`].
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// The holding binding.
    pub binding: BindingId,
    /// What it is to hold.
    pub eip: EipId,
    /// What it is to hold.
    pub havip: HavipId,
    /// Whose both are said to be. None: anybody's.
    pub project: Option<ProjectId>,
    /// The binding that the EIP leaves for this one, and that goes on holding it until it is released.
    pub moved_from: Option<BindingId>,
    /// The region of all three.
    pub region: RegionId,
    /// The caller's present time: a hold for a binding too old to know whether it was released is refused.
    pub now: Timestamp,
}

/// See [`Command::ReleaseHold`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseHold {
    /// The binding.
    pub binding: BindingId,
    /// Where it may hold.
    pub region: RegionId,
}
