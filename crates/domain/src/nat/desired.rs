//! What the kernels of a region's gateways should have.

use std::net::IpAddr;

use imbl::{OrdMap, OrdSet};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    Position,
    address::Mac,
    id::{PoolId, VpcId},
    name::{Label, ProjectId},
};

/// The version of [`Desired`]'s serialized form; grows with every change of it, or of what [`super::fold`] makes of an
/// event. A snapshot of another version is ignored.
pub const DESIRED_VERSION: u32 = 1;

/// The whole region, at a position.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The record folded last.
    pub position: Position,
    /// Every pool's blocks: the public addresses that are ours.
    pub pools: OrdMap<PoolId, Vec<IpNet>>,
    /// Every VPC.
    pub vpcs: OrdMap<VpcId, VpcDesired>,
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
    /// HAVIP → the MACs of its members: whose fenced packet makes the gateway ask.
    pub members: OrdMap<IpAddr, OrdSet<Mac>>,
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
            position,
        }
    }
}
