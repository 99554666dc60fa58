//! The desired state of one VPC in the shape of what is read back from a kernel, so that both can be compared.
//!
//! The only place that knows which addresses the kernel part takes: IPv4. IPv6 stays in the fold.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::{Actual, VpcDesired};

/// What the kernel should have. `arp` is the place's: see [`Actual::arp`].
pub fn wanted(desired: &VpcDesired, pools: &BTreeSet<IpNet>, arp: bool) -> Actual {
    let nat = desired.nat.iter().filter(|(eip, havip)| eip.is_ipv4() && havip.is_ipv4());
    let eip_to_havip: BTreeMap<_, _> = nat.map(|(eip, havip)| (*eip, *havip)).collect();
    let holders = || desired.holders.iter().filter(|(havip, _)| havip.is_ipv4());
    let neighbours: BTreeMap<_, _> =
        holders().filter_map(|(havip, holder)| holder.map(|mac| (*havip, mac))).collect();
    Actual {
        ruleset: true,
        arp,
        subnets: blocks(desired.subnets.iter()),
        pools: blocks(pools.iter()),
        havip_to_eip: eip_to_havip.iter().map(|(eip, havip)| (*havip, *eip)).collect(),
        havips: holders().map(|(havip, _)| *havip).collect(),
        unheld: holders().filter(|(_, holder)| holder.is_none()).map(|(havip, _)| *havip).collect(),
        fence: neighbours.iter().map(|(havip, mac)| (*havip, *mac)).collect(),
        routes: if arp { eip_to_havip.keys().copied().collect() } else { BTreeSet::new() },
        neighbours,
        eip_to_havip,
    }
}

/// Merged, because the kernel's interval sets refuse blocks that overlap.
pub(super) fn blocks<'a>(all: impl Iterator<Item = &'a IpNet>) -> BTreeSet<IpNet> {
    let ipv4: Vec<_> = all.filter(|block| block.addr().is_ipv4()).map(IpNet::trunc).collect();
    IpNet::aggregate(&ipv4).into_iter().collect()
}
