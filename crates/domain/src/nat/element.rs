//! One thing that a VPC's kernel has because the log says so: an element of a set, a neighbour, a route. For saying what
//! differs between two kernels, or a kernel and the fold, by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use ipnet::IpNet;

use super::Actual;
use crate::address::Mac;

/// An element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// A private block.
    Subnet(IpNet),
    /// A public block that is ours.
    Pool(IpNet),
    /// An EIP and the HAVIP that it becomes.
    EipToHavip(IpAddr, IpAddr),
    /// A HAVIP and the EIP that it becomes.
    HavipToEip(IpAddr, IpAddr),
    /// A HAVIP that the fence knows.
    Havip(IpAddr),
    /// A HAVIP that nobody holds.
    Unheld(IpAddr),
    /// A HAVIP and the MAC that may send from it.
    Holder(IpAddr, Mac),
    /// A permanent neighbour on the inside.
    Neighbour(IpAddr, Mac),
    /// A local route to an EIP.
    Route(IpAddr),
}

impl Element {
    /// The name of what it is in: nftables' set, or the kernel's table.
    pub const fn set(&self) -> &'static str {
        match self {
            Self::Subnet(_) => "subnets",
            Self::Pool(_) => "pools",
            Self::EipToHavip(..) => "eip_to_havip",
            Self::HavipToEip(..) => "havip_to_eip",
            Self::Havip(_) => "havips",
            Self::Unheld(_) => "unheld",
            Self::Holder(..) => "holders",
            Self::Neighbour(..) => "neighbours",
            Self::Route(_) => "routes",
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.set();
        match self {
            Self::Subnet(block) | Self::Pool(block) => write!(f, "{set} {block}"),
            Self::EipToHavip(from, to) | Self::HavipToEip(from, to) => write!(f, "{set} {from} : {to}"),
            Self::Havip(address) | Self::Unheld(address) | Self::Route(address) => {
                write!(f, "{set} {address}")
            }
            Self::Holder(address, mac) | Self::Neighbour(address, mac) => {
                write!(f, "{set} {address} . {mac}")
            }
        }
    }
}

impl Actual {
    /// Everything in it, by set.
    pub fn elements(&self) -> impl Iterator<Item = Element> {
        let pair =
            |make: fn(IpAddr, IpAddr) -> Element| move |(from, to): (&IpAddr, &IpAddr)| make(*from, *to);
        let subnets = self.subnets.iter().map(|block| Element::Subnet(*block));
        let pools = self.pools.iter().map(|block| Element::Pool(*block));
        let holders = self.fence.iter().map(|(address, mac)| Element::Holder(*address, *mac));
        let neighbours = self.neighbours.iter().map(|(address, mac)| Element::Neighbour(*address, *mac));
        subnets
            .chain(pools)
            .chain(self.eip_to_havip.iter().map(pair(Element::EipToHavip)))
            .chain(self.havip_to_eip.iter().map(pair(Element::HavipToEip)))
            .chain(self.havips.iter().copied().map(Element::Havip))
            .chain(self.unheld.iter().copied().map(Element::Unheld))
            .chain(holders)
            .chain(neighbours)
            .chain(self.routes.iter().copied().map(Element::Route))
    }
}

/// An element that is not as it should be. One of the two is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Difference {
    /// What should be there; `None`: what was found is foreign.
    pub wanted: Option<Element>,
    /// What is there; `None`: what is wanted is missing.
    pub found: Option<Element>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.wanted, self.found) {
            (Some(wanted), Some(found)) => write!(f, "{wanted} is changed: {found}"),
            (Some(wanted), None) => write!(f, "{wanted} is missing"),
            (None, Some(found)) => write!(f, "{found} is foreign"),
            (None, None) => Ok(()),
        }
    }
}

/// Every element of which one has what the other has not, by set. Rules are not among them: see [`Actual::ruleset`].
pub fn differences(wanted: &Actual, found: &Actual) -> Vec<Difference> {
    let mut all = Vec::new();
    of_set(&wanted.subnets, &found.subnets, |block| Element::Subnet(*block), &mut all);
    of_set(&wanted.pools, &found.pools, |block| Element::Pool(*block), &mut all);
    of_map(&wanted.eip_to_havip, &found.eip_to_havip, Element::EipToHavip, &mut all);
    of_map(&wanted.havip_to_eip, &found.havip_to_eip, Element::HavipToEip, &mut all);
    of_set(&wanted.havips, &found.havips, |havip| Element::Havip(*havip), &mut all);
    of_set(&wanted.unheld, &found.unheld, |havip| Element::Unheld(*havip), &mut all);
    of_set(&wanted.fence, &found.fence, |(havip, mac)| Element::Holder(*havip, *mac), &mut all);
    of_map(&wanted.neighbours, &found.neighbours, Element::Neighbour, &mut all);
    of_set(&wanted.routes, &found.routes, |eip| Element::Route(*eip), &mut all);
    all
}

fn of_set<T: Ord>(
    wanted: &BTreeSet<T>,
    found: &BTreeSet<T>,
    element: fn(&T) -> Element,
    all: &mut Vec<Difference>,
) {
    let missing = wanted.difference(found).map(element);
    all.extend(missing.map(|element| Difference { wanted: Some(element), found: None }));
    let foreign = found.difference(wanted).map(element);
    all.extend(foreign.map(|element| Difference { wanted: None, found: Some(element) }));
}

fn of_map<V: Copy + Eq>(
    wanted: &BTreeMap<IpAddr, V>,
    found: &BTreeMap<IpAddr, V>,
    element: fn(IpAddr, V) -> Element,
    all: &mut Vec<Difference>,
) {
    for (key, value) in wanted.iter().filter(|(key, value)| found.get(key) != Some(value)) {
        let other = found.get(key).map(|other| element(*key, *other));
        all.push(Difference { wanted: Some(element(*key, *value)), found: other });
    }
    let foreign = found.iter().filter(|(key, _)| !wanted.contains_key(key));
    all.extend(foreign.map(|(key, value)| Difference { wanted: None, found: Some(element(*key, *value)) }));
}
