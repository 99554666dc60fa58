//! From what a kernel has to what it should have.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use super::{VpcDesired, wanted::wanted};
use crate::address::Mac;

/// What one VPC's kernel has, as read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actual {
    /// Both tables are there with exactly the chains and rules of this version of Mooring, for these links.
    pub ruleset: bool,
    /// EIPs are answered for by ARP here. Said by the operator's file; not a thing that is in the kernel.
    pub arp: bool,
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
    /// Of these, the ones without a holder: nothing passes towards them.
    pub unheld: BTreeSet<IpAddr>,
    /// The fence: HAVIP and the MAC that may send from it.
    pub fence: BTreeSet<(IpAddr, Mac)>,
    /// Permanent neighbour entries on the inside with our protocol number.
    pub neighbours: BTreeMap<IpAddr, Mac>,
    /// Local /32 routes with our protocol number.
    pub routes: BTreeSet<IpAddr>,
}

/// One step towards the desired state. The driver takes all nftables steps of a list as one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The fence knows a HAVIP: only its holder may send from it.
    AddHavip(IpAddr),
    /// The fence forgets a HAVIP.
    RemoveHavip(IpAddr),
    /// Nobody holds the HAVIP: nothing passes towards it.
    AddUnheld(IpAddr),
    /// Somebody holds the HAVIP, or it is gone.
    RemoveUnheld(IpAddr),
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

/// The operations that make `actual` equal to what is desired, in the order in which they must take effect.
///
/// 1. Routes that go: without its element, an EIP with a local route would be answered by the gateway's own stack.
/// 2. Neighbours that come or change: a fence that opens before them would let the kernel resolve the HAVIP itself.
/// 3. The nftables transaction, what goes before what comes: an address may move from one pair to another.
/// 4. Neighbours that go: the fence is shut by now.
/// 5. Routes that come: the EIP is translated before anybody is told where it is.
pub fn diff(desired: &VpcDesired, pools: &BTreeSet<IpNet>, actual: &Actual) -> Vec<Op> {
    steps(actual, &wanted(desired, pools, actual.arp))
}

/// The same, for whatever should be there.
pub(super) fn steps(actual: &Actual, wanted: &Actual) -> Vec<Op> {
    let kept = if actual.ruleset { actual.clone() } else { without_elements(actual) };
    let mut ops: Vec<Op> = gone(&kept.routes, &wanted.routes).map(Op::RemoveRoute).collect();
    ops.extend(new_pairs(&kept.neighbours, &wanted.neighbours).map(|(ip, mac)| Op::SetNeighbour(ip, mac)));
    if !actual.ruleset {
        ops.push(Op::MakeRuleset);
    }
    removals(&kept, wanted, &mut ops);
    additions(&kept, wanted, &mut ops);
    let left = kept.neighbours.keys().filter(|ip| !wanted.neighbours.contains_key(ip));
    ops.extend(left.map(|ip| Op::RemoveNeighbour(*ip)));
    ops.extend(gone(&wanted.routes, &kept.routes).map(Op::AddRoute));
    ops
}

fn removals(kept: &Actual, wanted: &Actual, ops: &mut Vec<Op>) {
    ops.extend(new_pairs(&wanted.eip_to_havip, &kept.eip_to_havip).map(|(eip, _)| Op::UnmapEip(eip)));
    ops.extend(new_pairs(&wanted.havip_to_eip, &kept.havip_to_eip).map(|(havip, _)| Op::UnmapHavip(havip)));
    ops.extend(gone(&kept.fence, &wanted.fence).map(|(ip, mac)| Op::ForbidHolder(ip, mac)));
    ops.extend(gone(&kept.unheld, &wanted.unheld).map(Op::RemoveUnheld));
    ops.extend(gone(&kept.havips, &wanted.havips).map(Op::RemoveHavip));
    ops.extend(gone(&kept.subnets, &wanted.subnets).map(Op::RemoveSubnet));
    ops.extend(gone(&kept.pools, &wanted.pools).map(Op::RemovePool));
}

fn additions(kept: &Actual, wanted: &Actual, ops: &mut Vec<Op>) {
    ops.extend(gone(&wanted.subnets, &kept.subnets).map(Op::AddSubnet));
    ops.extend(gone(&wanted.pools, &kept.pools).map(Op::AddPool));
    ops.extend(gone(&wanted.havips, &kept.havips).map(Op::AddHavip));
    ops.extend(gone(&wanted.unheld, &kept.unheld).map(Op::AddUnheld));
    ops.extend(gone(&wanted.fence, &kept.fence).map(|(ip, mac)| Op::AllowHolder(ip, mac)));
    ops.extend(new_pairs(&kept.havip_to_eip, &wanted.havip_to_eip).map(|(ip, eip)| Op::MapHavip(ip, eip)));
    ops.extend(new_pairs(&kept.eip_to_havip, &wanted.eip_to_havip).map(|(eip, ip)| Op::MapEip(eip, ip)));
}

/// What is left once both tables are made anew: what is not in them.
fn without_elements(actual: &Actual) -> Actual {
    Actual {
        arp: actual.arp,
        neighbours: actual.neighbours.clone(),
        routes: actual.routes.clone(),
        ..Actual::default()
    }
}

fn gone<'a, T: Copy + Ord>(from: &'a BTreeSet<T>, to: &'a BTreeSet<T>) -> impl Iterator<Item = T> + 'a {
    from.difference(to).copied()
}

/// The pairs of `to` that `from` does not have, or has otherwise.
fn new_pairs<'a, V: Copy + Eq>(
    from: &'a BTreeMap<IpAddr, V>,
    to: &'a BTreeMap<IpAddr, V>,
) -> impl Iterator<Item = (IpAddr, V)> + 'a {
    to.iter().filter(|(key, value)| from.get(key) != Some(value)).map(|(key, value)| (*key, *value))
}
