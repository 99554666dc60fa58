//! From what a kernel has to what it should have.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use super::VpcDesired;
use crate::address::Mac;

/// What one VPC's kernel has, as read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actual {
    /// Both tables are there with exactly the chains and rules of this version of Mooring, for these links.
    pub ruleset: bool,
    /// Blocks in the set of private sources.
    pub subnets: BTreeSet<IpNet>,
    /// Blocks in the set of public addresses that are ours.
    pub pools: BTreeSet<IpNet>,
    /// `eip_to_havip`.
    pub eip_to_havip: BTreeMap<IpAddr, IpAddr>,
    /// `havip_to_eip`.
    pub havip_to_eip: BTreeMap<IpAddr, IpAddr>,
    /// HAVIPs that the fence knows.
    pub havips: BTreeSet<IpAddr>,
    /// The fence: HAVIP and the MAC that may send from it.
    pub fence: BTreeSet<(IpAddr, Mac)>,
    /// Permanent neighbour entries on the inside.
    pub neighbours: BTreeMap<IpAddr, Mac>,
    /// Local /32 routes with our protocol number.
    pub routes: BTreeSet<IpAddr>,
}

/// One step towards the desired state. The driver takes all nftables steps of a list as one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Make both tables anew, empty of elements; every element that should be there follows in the same list.
    MakeRuleset,
    /// A private block.
    AddSubnet(IpNet),
    /// No private block any more.
    RemoveSubnet(IpNet),
    /// A public block that is ours.
    AddPool(IpNet),
    /// A public block that is ours no more.
    RemovePool(IpNet),
    /// `eip_to_havip` gains an element.
    MapEip(IpAddr, IpAddr),
    /// `eip_to_havip` loses an element.
    UnmapEip(IpAddr),
    /// `havip_to_eip` gains an element.
    MapHavip(IpAddr, IpAddr),
    /// `havip_to_eip` loses an element.
    UnmapHavip(IpAddr),
    /// The fence knows a HAVIP: without a holder it is dropped both ways.
    AddHavip(IpAddr),
    /// The fence forgets a HAVIP.
    RemoveHavip(IpAddr),
    /// The fence lets a MAC send from a HAVIP.
    AllowHolder(IpAddr, Mac),
    /// The fence lets it no more.
    ForbidHolder(IpAddr, Mac),
    /// A permanent neighbour entry on the inside.
    SetNeighbour(IpAddr, Mac),
    /// No neighbour entry on the inside.
    RemoveNeighbour(IpAddr),
    /// A local /32 route on the outside: the kernel answers ARP for the EIP.
    AddRoute(IpAddr),
    /// No such route.
    RemoveRoute(IpAddr),
}

/// The operations that make `actual` equal to `desired`, in the order in which they must take effect:
/// neighbours and routes that go, then the nftables transaction, then neighbours and routes that come.
pub fn diff(desired: &VpcDesired, pools: &BTreeSet<IpNet>, actual: &Actual) -> Vec<Op> {
    let _ = (desired, pools, actual);
    Vec::new()
}
