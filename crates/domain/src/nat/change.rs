//! What an event means to kernels. Apart from the event, so that who only folds these need not read the rest of it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{
    Event,
    address::Mac,
    event::BindingFacts,
    id::{PoolId, SubnetId, VpcId},
    name::{Label, ProjectId},
};

/// What an event means to kernels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A pool is gone.
    PoolGone {
        /// Which.
        id: PoolId,
    },
    /// A pool exists, with these blocks from now on.
    Pool {
        /// Which.
        id: PoolId,
        /// Its blocks.
        cidrs: Vec<IpNet>,
    },
    /// A VPC exists.
    Vpc {
        /// Which.
        id: VpcId,
        /// The owner.
        project: ProjectId,
        /// For the operator's patterns.
        display_name: Label,
    },
    /// A VPC has a subnet.
    Subnet {
        /// Where.
        vpc: VpcId,
        /// Its block.
        cidr: IpNet,
    },
    /// A vNIC exists.
    Vnic {
        /// Where.
        vpc: VpcId,
        /// In which of its subnets.
        subnet: SubnetId,
        /// Its MAC.
        mac: Mac,
    },
    /// A VPC is gone.
    VpcGone {
        /// Which.
        id: VpcId,
    },
    /// A VPC has a subnet no more.
    SubnetGone {
        /// Where.
        vpc: VpcId,
        /// Which.
        id: SubnetId,
        /// Its block.
        cidr: IpNet,
    },
    /// A vNIC is gone.
    VnicGone {
        /// Where it was.
        vpc: VpcId,
        /// In which of its subnets.
        subnet: SubnetId,
        /// Its MAC.
        mac: Mac,
    },
    /// A HAVIP exists, or may be held by others than before.
    Havip {
        /// Where.
        vpc: VpcId,
        /// Its address.
        address: IpAddr,
        /// The MACs that may hold it.
        members: Vec<Mac>,
        /// The subnet of which any vNIC may, if so.
        whole_subnet: Option<SubnetId>,
    },
    /// Nobody holds a HAVIP any more.
    HeldNoMore {
        /// Where.
        vpc: VpcId,
        /// The HAVIP.
        havip: IpAddr,
    },
    /// A HAVIP is gone.
    HavipGone {
        /// Where it was.
        vpc: VpcId,
        /// Its address.
        address: IpAddr,
    },
    /// An EIP fronts a HAVIP.
    Bound(Pair),
    /// It does no more.
    Unbound(Pair),
    /// A HAVIP is held.
    Held {
        /// Where.
        vpc: VpcId,
        /// Its address.
        havip: IpAddr,
        /// By whom.
        by: Mac,
    },
}

/// An EIP and the HAVIP that it fronts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The HAVIP's VPC.
    pub vpc: VpcId,
    /// The EIP's address.
    pub eip: IpAddr,
    /// The HAVIP's address.
    pub havip: IpAddr,
}

impl Change {
    /// What this event means to kernels, if anything.
    pub fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::PoolDeleted(pool) => Self::PoolGone { id: pool.id },
            Event::PoolCreated(pool) | Event::PoolUpdated(pool) => {
                Self::Pool { id: pool.id, cidrs: pool.cidrs.clone() }
            }
            Event::VpcCreated(vpc) => {
                let (project, display_name) = (vpc.project.clone(), vpc.display_name.clone());
                Self::Vpc { id: vpc.id, project, display_name }
            }
            Event::SubnetCreated(subnet) => Self::Subnet { vpc: subnet.vpc, cidr: subnet.cidr },
            Event::VnicCreated(created) => {
                Self::Vnic { vpc: created.vpc, subnet: created.subnet, mac: created.vnic.mac }
            }
            Event::VpcDeleted(vpc) => Self::VpcGone { id: vpc.id },
            Event::SubnetDeleted(subnet) => {
                Self::SubnetGone { vpc: subnet.vpc, id: subnet.id, cidr: subnet.cidr }
            }
            Event::VnicDeleted(deleted) => {
                Self::VnicGone { vpc: deleted.vpc, subnet: deleted.subnet, mac: deleted.vnic.mac }
            }
            Event::HavipCreated(created) | Event::HavipUpdated(created) => {
                let members = created.members.iter().map(|member| member.mac).collect();
                let whole_subnet = created.rules.whole_subnet.then_some(created.havip.subnet);
                Self::Havip { vpc: created.havip.vpc, address: created.havip.address, members, whole_subnet }
            }
            Event::HavipDeleted(havip) => Self::HavipGone { vpc: havip.vpc, address: havip.address },
            Event::Bound(facts) => Self::Bound(pair(facts)),
            // This is the moment at which gateways take the element out; `Unbound` then says that all of them have.
            Event::UnbindRequested(facts) => Self::Unbound(pair(facts)),
            Event::HolderChanged(changed) => {
                let (vpc, havip) = (changed.havip.vpc, changed.havip.address);
                Self::Held { vpc, havip, by: changed.holder.mac }
            }
            Event::HolderWithdrawn(withdrawn) => {
                Self::HeldNoMore { vpc: withdrawn.havip.vpc, havip: withdrawn.havip.address }
            }
            Event::SubnetUpdated(_)
            | Event::EipAllocated(_)
            | Event::EipReleased(_)
            | Event::EipUpdated(_)
            | Event::QuotasChanged(_)
            | Event::HoldPlaced(_)
            | Event::HoldReleased(_)
            | Event::BindRequested(_)
            | Event::BindFailed(_)
            | Event::Unbound(_)
            | Event::GatewayRegistered(_)
            | Event::GatewayDecommissioned(_)
            | Event::GatewayDriftFound(_)
            | Event::ClaimRejected(_)
            | Event::HolderContested(_)
            | Event::HolderSettled(_)
            | Event::LeaseRenewed(_)
            | Event::HolderSilent(_)
            | Event::HolderHeard(_)
            | Event::FailoverMeasured(_) => return None,
        })
    }
}

fn pair(facts: &BindingFacts) -> Pair {
    Pair { vpc: facts.havip.vpc, eip: facts.eip.address, havip: facts.havip.address }
}
