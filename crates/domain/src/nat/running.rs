//! The running hash of a VPC's elements. It is the sum of one hash for each element, so that it follows a change without
//! looking at the rest, and does not tell in which order elements came: two gateways that have the same have the same hash.
//!
//! Without routes, which are there or not by each gateway's own file, and without rules, which name each gateway's links.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use imbl::ordmap::DiffItem;
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use super::{
    Actual, Element, Op, VpcDesired,
    wanted::{blocks, wanted},
};
use crate::address::Mac;

/// The hash of a set of elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunningHash(pub [u8; 16]);

impl fmt::Display for RunningHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl RunningHash {
    /// Of everything that a kernel has.
    pub fn of(actual: &Actual) -> Self {
        let mut hash = Self::default();
        actual.elements().for_each(|element| hash.add(element));
        hash
    }

    fn add(&mut self, element: Element) {
        self.0 = u128::from_be_bytes(self.0).wrapping_add(hash(element)).to_be_bytes();
    }

    fn remove(&mut self, element: Element) {
        self.0 = u128::from_be_bytes(self.0).wrapping_sub(hash(element)).to_be_bytes();
    }

    /// After a step of a list that begins where the kernel has `before`.
    pub fn step(&mut self, before: &Actual, step: Op) {
        match step {
            Op::MakeRuleset => {
                let outside = |element: &Element| matches!(element, Element::Neighbour(..));
                before.elements().filter(|element| !outside(element)).for_each(|gone| self.remove(gone));
            }
            Op::AddSubnet(block) => self.add(Element::Subnet(block)),
            Op::RemoveSubnet(block) => self.remove(Element::Subnet(block)),
            Op::AddPool(block) => self.add(Element::Pool(block)),
            Op::RemovePool(block) => self.remove(Element::Pool(block)),
            Op::MapEip(eip, havip) => self.add(Element::EipToHavip(eip, havip)),
            Op::MapHavip(havip, eip) => self.add(Element::HavipToEip(havip, eip)),
            Op::AddHavip(havip) => self.add(Element::Havip(havip)),
            Op::RemoveHavip(havip) => self.remove(Element::Havip(havip)),
            Op::AddUnheld(havip) => self.add(Element::Unheld(havip)),
            Op::RemoveUnheld(havip) => self.remove(Element::Unheld(havip)),
            Op::AllowHolder(havip, mac) => self.add(Element::Holder(havip, mac)),
            Op::ForbidHolder(havip, mac) => self.remove(Element::Holder(havip, mac)),
            Op::SetNeighbour(address, mac) => {
                self.forget(before, Op::RemoveNeighbour(address));
                self.add(Element::Neighbour(address, mac));
            }
            Op::UnmapEip(_) | Op::UnmapHavip(_) | Op::RemoveNeighbour(_) => self.forget(before, step),
            Op::AddRoute(_) | Op::RemoveRoute(_) => {}
        }
    }

    /// Steps that name a key alone: what it led to goes.
    fn forget(&mut self, before: &Actual, step: Op) {
        let gone = match step {
            Op::UnmapEip(eip) => before.eip_to_havip.get(&eip).map(|havip| Element::EipToHavip(eip, *havip)),
            Op::UnmapHavip(havip) => {
                before.havip_to_eip.get(&havip).map(|eip| Element::HavipToEip(havip, *eip))
            }
            Op::RemoveNeighbour(address) => {
                before.neighbours.get(&address).map(|mac| Element::Neighbour(address, *mac))
            }
            _ => None,
        };
        gone.into_iter().for_each(|gone| self.remove(gone));
    }
}

/// 0 for what is not counted in.
fn hash(element: Element) -> u128 {
    let mut hasher = Sha256::new();
    hasher.update(element.set());
    let mut address = |address: IpAddr| match address {
        IpAddr::V4(v4) => hasher.update(v4.octets()),
        IpAddr::V6(v6) => hasher.update(v6.octets()),
    };
    match element {
        Element::Route(_) => return 0,
        Element::Subnet(block) | Element::Pool(block) => {
            address(block.network());
            hasher.update([block.prefix_len()]);
        }
        Element::EipToHavip(from, to) | Element::HavipToEip(from, to) => {
            address(from);
            address(to);
        }
        Element::Havip(havip) | Element::Unheld(havip) => address(havip),
        Element::Holder(havip, mac) | Element::Neighbour(havip, mac) => {
            address(havip);
            hasher.update(mac.0);
        }
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let (half, _) = digest.split_at(16);
    half.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// The hash of what the fold wants of one VPC, followed from change to change: the word that a gateway's own is held
/// against. It takes another way than [`super::diff`]: not by steps, but by what changed between two folds.
#[derive(Clone, Debug, Default)]
pub struct FoldedHash {
    last: Option<VpcDesired>,
    pools: BTreeSet<IpNet>,
    hash: RunningHash,
}

impl FoldedHash {
    /// The hash where this is wanted now.
    pub fn follow(&mut self, desired: &VpcDesired, pools: &BTreeSet<IpNet>) -> RunningHash {
        match self.last.take() {
            None => self.hash = RunningHash::of(&wanted(desired, pools, false)),
            Some(before) => {
                if self.pools != *pools {
                    let before = std::mem::take(&mut self.pools);
                    self.blocks(before.iter(), pools.iter(), Element::Pool);
                }
                self.blocks(before.subnets.iter(), desired.subnets.iter(), Element::Subnet);
                self.nat(&before, desired);
                self.holders(&before, desired);
            }
        }
        self.last = Some(desired.clone());
        if self.pools != *pools {
            self.pools.clone_from(pools);
        }
        self.hash
    }

    fn blocks<'a>(
        &mut self,
        before: impl Iterator<Item = &'a IpNet>,
        now: impl Iterator<Item = &'a IpNet>,
        element: fn(IpNet) -> Element,
    ) {
        blocks(before).into_iter().for_each(|block| self.hash.remove(element(block)));
        blocks(now).into_iter().for_each(|block| self.hash.add(element(block)));
    }

    fn nat(&mut self, before: &VpcDesired, now: &VpcDesired) {
        for change in before.nat.diff(&now.nat) {
            let (gone, come) = sides(&change);
            let pairs = |pair: Option<(&IpAddr, &IpAddr)>| {
                let pair = pair.filter(|(eip, havip)| eip.is_ipv4() && havip.is_ipv4());
                pair.map(|(eip, havip)| {
                    [Element::EipToHavip(*eip, *havip), Element::HavipToEip(*havip, *eip)]
                })
            };
            pairs(gone).into_iter().flatten().for_each(|element| self.hash.remove(element));
            pairs(come).into_iter().flatten().for_each(|element| self.hash.add(element));
        }
    }

    fn holders(&mut self, before: &VpcDesired, now: &VpcDesired) {
        for change in before.holders.diff(&now.holders) {
            let (gone, come) = sides(&change);
            held(gone).into_iter().for_each(|element| self.hash.remove(element));
            held(come).into_iter().for_each(|element| self.hash.add(element));
        }
    }
}

type Entry<'a, V> = Option<(&'a IpAddr, &'a V)>;

/// What goes and what comes.
fn sides<'a, V>(change: &DiffItem<'a, 'a, IpAddr, V>) -> (Entry<'a, V>, Entry<'a, V>) {
    match *change {
        DiffItem::Add(key, value) => (None, Some((key, value))),
        DiffItem::Update { old, new } => (Some(old), Some(new)),
        DiffItem::Remove(key, value) => (Some((key, value)), None),
    }
}

/// What a HAVIP is in the kernel, held or not.
fn held(entry: Entry<'_, Option<Mac>>) -> Vec<Element> {
    let Some((havip, holder)) = entry.filter(|(havip, _)| havip.is_ipv4()) else { return Vec::new() };
    match holder {
        None => vec![Element::Havip(*havip), Element::Unheld(*havip)],
        Some(mac) => {
            vec![Element::Havip(*havip), Element::Holder(*havip, *mac), Element::Neighbour(*havip, *mac)]
        }
    }
}
