//! A kernel as small as it can be: strict about what it is asked to take out, as the real one is.

use mooring_domain::nat::{Actual, Op};

/// What a kernel has after these steps. Panics where the real one would refuse a step.
pub fn applied(mut kernel: Actual, ops: &[Op]) -> Actual {
    for op in ops {
        let in_tables = !matches!(
            op,
            Op::MakeRuleset
                | Op::SetNeighbour(..)
                | Op::RemoveNeighbour(_)
                | Op::AddRoute(_)
                | Op::RemoveRoute(_)
        );
        assert!(!in_tables || kernel.ruleset, "{op:?} without tables");
        let taken = take(&mut kernel, *op);
        assert!(taken, "{op:?} is refused");
    }
    kernel
}

fn take(kernel: &mut Actual, op: Op) -> bool {
    match op {
        Op::MakeRuleset => {
            let Actual { arp, neighbours, routes, .. } = std::mem::take(kernel);
            *kernel = Actual { ruleset: true, arp, neighbours, routes, ..Actual::default() };
            true
        }
        Op::AddSubnet(block) => kernel.subnets.insert(block),
        Op::RemoveSubnet(block) => kernel.subnets.remove(&block),
        Op::AddPool(block) => kernel.pools.insert(block),
        Op::RemovePool(block) => kernel.pools.remove(&block),
        Op::MapEip(eip, havip) => kernel.eip_to_havip.insert(eip, havip).is_none(),
        Op::UnmapEip(eip) => kernel.eip_to_havip.remove(&eip).is_some(),
        Op::MapHavip(havip, eip) => kernel.havip_to_eip.insert(havip, eip).is_none(),
        Op::UnmapHavip(havip) => kernel.havip_to_eip.remove(&havip).is_some(),
        Op::AddHavip(havip) => kernel.havips.insert(havip),
        Op::RemoveHavip(havip) => kernel.havips.remove(&havip),
        Op::AddUnheld(havip) => kernel.unheld.insert(havip),
        Op::RemoveUnheld(havip) => kernel.unheld.remove(&havip),
        Op::AllowHolder(havip, mac) => kernel.fence.insert((havip, mac)),
        Op::ForbidHolder(havip, mac) => kernel.fence.remove(&(havip, mac)),
        Op::SetNeighbour(address, mac) => kernel.neighbours.insert(address, mac) != Some(mac),
        Op::RemoveNeighbour(address) => kernel.neighbours.remove(&address).is_some(),
        Op::AddRoute(address) => kernel.routes.insert(address),
        Op::RemoveRoute(address) => kernel.routes.remove(&address),
    }
}
