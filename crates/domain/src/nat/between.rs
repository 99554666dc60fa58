//! From what one fold wants to what a later one does, without a look at what both have in common: a VPC with a million
//! bindings changes one at a time.

use std::collections::BTreeSet;

use imbl::{OrdMap, ordmap::DiffItem};
use ipnet::IpNet;

use super::{Actual, Op, VpcDesired, diff, wanted};

/// The steps that [`diff`] finds where the kernel has exactly what was wanted `before`.
pub fn between(
    (before, pools_before): (&VpcDesired, &BTreeSet<IpNet>),
    (desired, pools): (&VpcDesired, &BTreeSet<IpNet>),
    arp: bool,
) -> Vec<Op> {
    // An element comes from one binding, from one HAVIP, or from all blocks together: those that are the same in both make
    // no step.
    let (mut old, mut new) = (without_any(before), without_any(desired));
    differing(&before.nat, &desired.nat, &mut old.nat, &mut new.nat);
    differing(&before.holders, &desired.holders, &mut old.holders, &mut new.holders);
    diff(&new, pools, &wanted(&old, pools_before, arp))
}

fn without_any(vpc: &VpcDesired) -> VpcDesired {
    let nothing = VpcDesired::new(vpc.project.clone(), vpc.display_name.clone(), vpc.position);
    VpcDesired { subnets: vpc.subnets.clone(), ..nothing }
}

/// What one has and the other has not, or has otherwise.
fn differing<K: Ord + Copy, V: PartialEq + Copy>(
    before: &OrdMap<K, V>,
    now: &OrdMap<K, V>,
    old: &mut OrdMap<K, V>,
    new: &mut OrdMap<K, V>,
) {
    for change in before.diff(now) {
        let (gone, come) = match change {
            DiffItem::Add(key, value) => (None, Some((*key, *value))),
            DiffItem::Remove(key, value) => (Some((*key, *value)), None),
            DiffItem::Update { old, new } => (Some((*old.0, *old.1)), Some((*new.0, *new.1))),
        };
        old.extend(gone);
        new.extend(come);
    }
}

impl Actual {
    /// What a kernel has after a step that it took.
    pub fn take(&mut self, step: Op) {
        match step {
            Op::MakeRuleset => {
                let (arp, neighbours) = (self.arp, std::mem::take(&mut self.neighbours));
                let routes = std::mem::take(&mut self.routes);
                *self = Self { ruleset: true, arp, neighbours, routes, ..Self::default() };
            }
            Op::AddSubnet(block) => drop(self.subnets.insert(block)),
            Op::RemoveSubnet(block) => drop(self.subnets.remove(&block)),
            Op::AddPool(block) => drop(self.pools.insert(block)),
            Op::RemovePool(block) => drop(self.pools.remove(&block)),
            Op::MapEip(eip, havip) => drop(self.eip_to_havip.insert(eip, havip)),
            Op::UnmapEip(eip) => drop(self.eip_to_havip.remove(&eip)),
            Op::MapHavip(havip, eip) => drop(self.havip_to_eip.insert(havip, eip)),
            Op::UnmapHavip(havip) => drop(self.havip_to_eip.remove(&havip)),
            Op::AddHavip(havip) => drop(self.havips.insert(havip)),
            Op::RemoveHavip(havip) => drop(self.havips.remove(&havip)),
            Op::AddUnheld(havip) => drop(self.unheld.insert(havip)),
            Op::RemoveUnheld(havip) => drop(self.unheld.remove(&havip)),
            Op::AllowHolder(havip, mac) => drop(self.fence.insert((havip, mac))),
            Op::ForbidHolder(havip, mac) => drop(self.fence.remove(&(havip, mac))),
            Op::SetNeighbour(address, mac) => drop(self.neighbours.insert(address, mac)),
            Op::RemoveNeighbour(address) => drop(self.neighbours.remove(&address)),
            Op::AddRoute(address) => drop(self.routes.insert(address)),
            Op::RemoveRoute(address) => drop(self.routes.remove(&address)),
        }
    }
}
