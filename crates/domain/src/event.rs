//! The facts that the log stores, in the domain's types. `proto/mooring/event/v1` is their stored form.

mod eip;
mod failover;
mod lease;
mod quotas;
mod rules;
mod word;

use std::{net::IpAddr, sync::Arc, time::Duration};

pub use failover::{FailoverMeasured, FailoverTimes};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    address::Mac,
    commit::{Position, Timestamp},
    id::{self, BindingId, EipId, HavipId, PoolId, SubnetId, VnicId, VpcId},
    name::{GatewayName, Label, Name, ProjectId, RegionId, Scope},
    nat::Difference,
};

pub use eip::{EipDescribed, EipDetails, EipReleased};
pub use lease::{HolderWithdrawn, LeaseRenewed, OVER_GRPC, Withdrawal};
pub use quotas::{Limits, QuotasChanged};
pub use rules::{Damping, HolderRules};

/// Everything about an EIP that another stream's event repeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EipFacts {
    /// The EIP.
    pub id: EipId,
    /// Its owner.
    pub project: ProjectId,
    /// Its region.
    pub region: RegionId,
    /// Where its address comes from.
    pub pool: PoolId,
    /// The public address.
    pub address: IpAddr,
    /// Unique in project and region.
    pub display_name: Label,
}

/// Everything about a HAVIP that another stream's event repeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HavipFacts {
    /// The HAVIP.
    pub id: HavipId,
    /// Its owner.
    pub project: ProjectId,
    /// Its region.
    pub region: RegionId,
    /// Its VPC: (VPC, address) is the key of a private address.
    pub vpc: VpcId,
    /// Its subnet.
    pub subnet: SubnetId,
    /// The private address.
    pub address: IpAddr,
    /// Unique in project and region.
    pub display_name: Label,
}

/// An instance's interface in a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VnicFacts {
    /// The vNIC.
    pub id: VnicId,
    /// Unicast, unique in the VPC.
    pub mac: Mac,
    /// Its own address.
    pub address: IpAddr,
    /// The instance's name.
    pub instance: Label,
}

/// One announcement of a HAVIP by a MAC, as a gateway saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimFacts {
    /// Who saw it.
    pub gateway: GatewayName,
    /// Grows by one with every claim of that gateway since it started.
    pub number: u64,
    /// The sender.
    pub mac: Mac,
    /// By the gateway's clock.
    pub observed_at: Timestamp,
}

/// Why a claim moved nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClaimRejection {
    /// The MAC belongs to a vNIC of the VPC that is no member of the HAVIP.
    NotAMember,
    /// No vNIC of the VPC has that MAC.
    UnknownMac,
}

impl ClaimRejection {
    /// The stable word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotAMember => "NOT_A_MEMBER",
            Self::UnknownMac => "UNKNOWN_MAC",
        }
    }
}

/// A pool exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolCreated {
    /// The pool.
    pub id: PoolId,
    /// Its region.
    pub region: RegionId,
    /// Unique in the region.
    pub display_name: Label,
    /// Its address blocks.
    pub cidrs: Vec<IpNet>,
    /// How long a released address is kept from everybody else.
    pub cooling: Duration,
    /// Nothing new is allocated from it. None is made like this.
    pub draining: bool,
}

/// A VPC exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcCreated {
    /// The VPC.
    pub id: VpcId,
    /// Its owner.
    pub project: ProjectId,
    /// Its region.
    pub region: RegionId,
    /// Unique in project and region.
    pub display_name: Label,
}

/// A subnet exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetCreated {
    /// The subnet.
    pub id: SubnetId,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its owner.
    pub project: ProjectId,
    /// Its region.
    pub region: RegionId,
    /// Unique in project and region.
    pub display_name: Label,
    /// Its addresses.
    pub cidr: IpNet,
    /// The router's address in it.
    pub gateway_address: IpAddr,
    /// Blocks of it that neither a vNIC nor a HAVIP may take an address of.
    pub reserved: Vec<IpNet>,
}

/// A vNIC exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VnicCreated {
    /// The vNIC.
    pub vnic: VnicFacts,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Its owner.
    pub project: ProjectId,
    /// Its region.
    pub region: RegionId,
}

/// A HAVIP exists, like this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HavipCreated {
    /// The HAVIP.
    pub havip: HavipFacts,
    /// The vNICs that may claim it.
    pub members: Vec<VnicFacts>,
    /// Who else may, and how often it may change hands.
    pub rules: HolderRules,
}

/// A binding holds nothing any more, and never will again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldReleased {
    /// The binding.
    pub binding: BindingId,
    /// Where it may have held.
    pub region: RegionId,
    /// What it held; `None` when nothing.
    pub held: Option<(EipFacts, HavipFacts)>,
}

/// A caller asked to bind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindRequested {
    /// The binding.
    pub binding: BindingId,
    /// What is to front.
    pub eip: EipId,
    /// What is to be fronted.
    pub havip: HavipId,
    /// The HAVIP's project as the request had it: the binding's.
    pub project: ProjectId,
    /// The region of both.
    pub region: RegionId,
    /// The EIP's project as the request had it.
    pub eip_project: ProjectId,
    /// The binding that the EIP leaves for this one: a move. `None`: the EIP was free.
    pub moved_from: Option<BindingId>,
}

impl BindRequested {
    /// The EIP's name, as asked.
    pub fn eip_name(&self) -> Name<id::Eip> {
        let scope = Scope { project: self.eip_project.clone(), region: self.region.clone() };
        Name { scope, id: self.eip }
    }

    /// The HAVIP's name, as asked.
    pub fn havip_name(&self) -> Name<id::Havip> {
        let scope = Scope { project: self.project.clone(), region: self.region.clone() };
        Name { scope, id: self.havip }
    }
}

/// The facts of a binding that is, or was, in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingFacts {
    /// The binding.
    pub binding: BindingId,
    /// What fronts.
    pub eip: EipFacts,
    /// What is fronted.
    pub havip: HavipFacts,
}

/// A bind came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindFailed {
    /// What was asked.
    pub request: BindRequested,
    /// A stable word, as in `ErrorInfo.reason`.
    pub reason: Arc<str>,
    /// For people.
    pub message: Arc<str>,
}

/// A gateway of a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayFacts {
    /// The gateway.
    pub gateway: GatewayName,
    /// Its region.
    pub region: RegionId,
}

/// A gateway found that somebody had changed one of its kernels behind its back, and mended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayDriftFound {
    /// The gateway.
    pub gateway: GatewayFacts,
    /// The VPC's owner.
    pub project: ProjectId,
    /// Whose kernel it is.
    pub vpc: VpcId,
    /// What the kernel had been made equal to.
    pub position: Position,
    /// By the gateway's clock.
    pub found_at: Timestamp,
    /// By the gateway's clock.
    pub mended_at: Timestamp,
    /// Tables, chains or rules were not ours any more.
    pub rules: bool,
    /// Elements that were missing, foreign or changed: the first of them, at most [`crate::binding::MAX_DIFFERENCES`].
    pub differences: Vec<Difference>,
    /// How many there were in all.
    pub differing: u64,
    /// How many drifts of this gateway, of any VPC, came before this one and are not recorded: there were too many.
    pub unrecorded: u64,
}

/// Another vNIC holds a HAVIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderChanged {
    /// What is held.
    pub havip: HavipFacts,
    /// Who holds it now.
    pub holder: VnicFacts,
    /// Who did before.
    pub previous: Option<VnicFacts>,
    /// What that rests on.
    pub claim: ClaimFacts,
    /// How long it keeps it at least, whoever else claims it.
    pub backoff: Duration,
    /// Set where it was announced over gRPC: how long after the claim it holds it, unless it announces itself again.
    pub lease: Option<Duration>,
}

/// Somebody else who may hold a HAVIP claimed it before its holder had kept it for its back-off: the holder keeps it, and
/// afterwards the claimant is asked whether it still has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderContested {
    /// What is contested.
    pub havip: HavipFacts,
    /// Who keeps it.
    pub holder: VnicFacts,
    /// Who claimed it.
    pub rival: VnicFacts,
    /// The rival's claim.
    pub claim: ClaimFacts,
    /// When the back-off ends, by gateways' clocks.
    pub until: Timestamp,
}

/// Nobody but its holder has claimed a contested HAVIP for long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderSettled {
    /// What was contested.
    pub havip: HavipFacts,
    /// Who holds it.
    pub holder: VnicFacts,
}

/// Somebody who may not hold a HAVIP announced it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRejected {
    /// What was announced.
    pub havip: HavipFacts,
    /// The announcement.
    pub claim: ClaimFacts,
    /// The vNIC with that MAC, if there is one.
    pub vnic: Option<VnicFacts>,
    /// Why it moved nothing.
    pub reason: ClaimRejection,
    /// How many rejected claims of this HAVIP, by anybody, came before this one and are not recorded: there were too many.
    pub unrecorded: u64,
}

/// What a gateway that probes a holder found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardFacts {
    /// What it holds.
    pub havip: HavipFacts,
    /// The holder.
    pub holder: VnicFacts,
    /// Who probed it.
    pub gateway: GatewayName,
    /// When it was heard last, by the gateway's clock.
    pub heard_at: Timestamp,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// resource: a pool exists.
    PoolCreated(PoolCreated),
    /// resource: a pool is like this from now on.
    PoolUpdated(PoolCreated),
    /// resource: a pool is gone, as it was.
    PoolDeleted(PoolCreated),
    /// resource: a VPC exists.
    VpcCreated(VpcCreated),
    /// resource: a subnet exists.
    SubnetCreated(SubnetCreated),
    /// resource: a vNIC exists.
    VnicCreated(VnicCreated),
    /// resource: a VPC is gone, as it was.
    VpcDeleted(VpcCreated),
    /// resource: a subnet is like this from now on. Its block, its VPC and its router's address never change.
    SubnetUpdated(SubnetCreated),
    /// resource: a subnet is gone, as it was.
    SubnetDeleted(SubnetCreated),
    /// resource: a vNIC is gone, as it was.
    VnicDeleted(VnicCreated),
    /// resource: a HAVIP exists.
    HavipCreated(HavipCreated),
    /// resource: a HAVIP is like this from now on. Its address, subnet and owner never change.
    HavipUpdated(HavipCreated),
    /// resource: a HAVIP is gone.
    HavipDeleted(HavipFacts),
    /// resource: an EIP belongs to a project.
    EipAllocated(EipDescribed),
    /// resource: what a project says about its EIP is another; all of it, after the change.
    EipUpdated(EipDescribed),
    /// resource: an EIP went back to its pool.
    EipReleased(EipReleased),
    /// resource: the operator gave a project other limits.
    QuotasChanged(QuotasChanged),
    /// resource: a binding holds an EIP and a HAVIP.
    HoldPlaced(BindingFacts),
    /// resource: a binding holds nothing any more.
    HoldReleased(HoldReleased),
    /// binding: from here on the EIP and the HAVIP are taken.
    BindRequested(BindRequested),
    /// binding: the EIP fronts the HAVIP.
    Bound(BindingFacts),
    /// binding: the bind came to nothing.
    BindFailed(BindFailed),
    /// binding: gateways take it out.
    UnbindRequested(BindingFacts),
    /// binding: every gateway has taken it out.
    Unbound(BindingFacts),
    /// binding: a gateway carries traffic.
    GatewayRegistered(GatewayFacts),
    /// binding: a gateway carries nothing any more.
    GatewayDecommissioned(GatewayFacts),
    /// binding: a gateway's kernel had been changed by somebody else.
    GatewayDriftFound(GatewayDriftFound),
    /// health: another vNIC holds a HAVIP.
    HolderChanged(HolderChanged),
    /// health: a claim moved nothing.
    ClaimRejected(ClaimRejected),
    /// health: two claim a HAVIP in turn.
    HolderContested(HolderContested),
    /// health: only one does any more.
    HolderSettled(HolderSettled),
    /// health: a holder let go of a HAVIP, its lease ended, or it may hold it no more.
    HolderWithdrawn(HolderWithdrawn),
    /// health: a holder with a lease announced itself again.
    LeaseRenewed(LeaseRenewed),
    /// health: a holder answers no more. It keeps the traffic until somebody else claims the HAVIP.
    HolderSilent(HeardFacts),
    /// health: a holder that had fallen silent was heard again.
    HolderHeard(HeardFacts),
    /// health: how long a gateway took to follow a holder.
    FailoverMeasured(FailoverMeasured),
}
