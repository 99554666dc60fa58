//! Stories and properties of the way from what a kernel has to what it should have.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use mooring_domain::{
    Position,
    address::Mac,
    nat::{Actual, Op, VpcDesired, diff},
};
use proptest::{collection, option, prelude::*};

use crate::{
    log::{eip, havip, mac},
    model::applied,
};

fn vpc() -> VpcDesired {
    VpcDesired::new("shop".parse().unwrap(), "front".parse().unwrap(), Position(1))
}

fn in_use() -> VpcDesired {
    let mut vpc = vpc();
    vpc.subnets.insert("10.0.1.0/24".parse().unwrap());
    vpc.nat.insert(eip(7), havip(50));
    vpc.holders.insert(havip(50), Some(mac(1)));
    vpc.holders.insert(havip(60), None);
    vpc
}

fn pools() -> BTreeSet<IpNet> {
    ["203.0.113.0/24".parse().unwrap()].into()
}

/// A kernel of a place that answers ARP, equal to what is desired.
fn kernel(desired: &VpcDesired) -> Actual {
    let empty = Actual { arp: true, ..Actual::default() };
    let ops = diff(desired, &pools(), &empty);
    applied(empty, &ops)
}

#[test]
fn f1_a_holder_change_touches_neighbour_and_fence_alone() {
    let mut changed = in_use();
    changed.holders.insert(havip(50), Some(mac(2)));
    let ops = diff(&changed, &pools(), &kernel(&in_use()));
    assert_eq!(
        ops,
        [
            Op::SetNeighbour(havip(50), mac(2)),
            Op::ForbidHolder(havip(50), mac(1)),
            Op::AllowHolder(havip(50), mac(2)),
        ]
    );
}

#[test]
fn the_first_holder_is_a_neighbour_before_the_fence_opens() {
    let mut held = in_use();
    held.holders.insert(havip(60), Some(mac(2)));
    let ops = diff(&held, &pools(), &kernel(&in_use()));
    assert_eq!(
        ops,
        [
            Op::SetNeighbour(havip(60), mac(2)),
            Op::RemoveUnheld(havip(60)),
            Op::AllowHolder(havip(60), mac(2)),
        ]
    );
}

#[test]
fn the_fence_is_shut_before_the_neighbour_goes() {
    let mut nobody = in_use();
    nobody.holders.insert(havip(50), None);
    let ops = diff(&nobody, &pools(), &kernel(&in_use()));
    assert_eq!(
        ops,
        [Op::ForbidHolder(havip(50), mac(1)), Op::AddUnheld(havip(50)), Op::RemoveNeighbour(havip(50)),]
    );
}

#[test]
fn the_route_of_an_eip_goes_before_its_element_and_comes_after_it() {
    let mut unbound = in_use();
    unbound.nat.clear();
    let ops = diff(&unbound, &pools(), &kernel(&in_use()));
    assert_eq!(ops, [Op::RemoveRoute(eip(7)), Op::UnmapEip(eip(7)), Op::UnmapHavip(havip(50))]);
    let ops = diff(&in_use(), &pools(), &kernel(&unbound));
    assert_eq!(ops, [Op::MapHavip(havip(50), eip(7)), Op::MapEip(eip(7), havip(50)), Op::AddRoute(eip(7))]);
}

#[test]
fn an_eip_that_moves_to_another_havip_keeps_its_route() {
    let mut moved = in_use();
    moved.nat.insert(eip(7), havip(60));
    let ops = diff(&moved, &pools(), &kernel(&in_use()));
    assert_eq!(
        ops,
        [
            Op::UnmapEip(eip(7)),
            Op::UnmapHavip(havip(50)),
            Op::MapHavip(havip(60), eip(7)),
            Op::MapEip(eip(7), havip(60)),
        ]
    );
}

#[test]
fn tables_that_are_not_ours_are_made_anew_with_everything_in_them_and_nothing_else_is_touched() {
    let before = kernel(&in_use());
    let damaged = Actual { ruleset: false, ..before.clone() };
    let ops = diff(&in_use(), &pools(), &damaged);
    assert_eq!(ops[0], Op::MakeRuleset);
    let outside = |op: &Op| matches!(op, Op::SetNeighbour(..) | Op::AddRoute(_) | Op::RemoveRoute(_));
    assert!(!ops.iter().any(outside), "{ops:?}");
    assert_eq!(applied(damaged, &ops), before);
}

#[test]
fn where_eips_are_routed_to_the_gateway_there_are_no_routes_and_old_ones_go() {
    let routed = Actual { arp: false, ..kernel(&in_use()) };
    assert_eq!(diff(&in_use(), &pools(), &routed), [Op::RemoveRoute(eip(7))]);
}

#[test]
fn ipv6_stays_in_the_fold() {
    let mut both = in_use();
    both.nat.insert("2001:db8::7".parse().unwrap(), "fd00::50".parse().unwrap());
    both.holders.insert("fd00::50".parse().unwrap(), Some(mac(1)));
    both.subnets.insert("fd00::/64".parse().unwrap());
    let mut pools = pools();
    pools.insert("2001:db8::/64".parse().unwrap());
    assert_eq!(diff(&both, &pools, &kernel(&in_use())), []);
}

#[test]
fn blocks_that_overlap_or_touch_are_one() {
    let mut overlapping = in_use();
    overlapping.subnets.insert("10.0.1.128/25".parse().unwrap());
    assert_eq!(diff(&overlapping, &pools(), &kernel(&in_use())), []);
    overlapping.subnets.insert("10.0.0.0/24".parse().unwrap());
    let ops = diff(&overlapping, &pools(), &kernel(&in_use()));
    let block = |text: &str| text.parse().unwrap();
    assert_eq!(ops, [Op::RemoveSubnet(block("10.0.1.0/24")), Op::AddSubnet(block("10.0.0.0/23"))]);
}

fn any_havip() -> impl Strategy<Value = IpAddr> {
    (50u8..56).prop_map(havip)
}

fn any_eip() -> impl Strategy<Value = IpAddr> {
    (1u8..7).prop_map(eip)
}

fn any_mac() -> impl Strategy<Value = Mac> {
    (1u8..4).prop_map(mac)
}

fn any_blocks() -> impl Strategy<Value = BTreeSet<IpNet>> {
    collection::btree_set((0u8..4).prop_map(|n| IpNet::new([10, 0, n * 2, 0].into(), 24).unwrap()), 0..4)
}

prop_compose! {
    fn any_desired()(
        nat in collection::btree_map(any_eip(), any_havip(), 0..6),
        holders in collection::btree_map(any_havip(), option::of(any_mac()), 0..6),
        subnets in any_blocks(),
    ) -> VpcDesired {
        let mut vpc = vpc();
        // One EIP per HAVIP, as binding decides it.
        let mut taken = BTreeSet::new();
        vpc.nat = nat.into_iter().filter(|(_, havip)| taken.insert(*havip)).collect();
        vpc.holders = holders.into_iter().collect();
        vpc.subnets = subnets.into_iter().collect();
        vpc
    }
}

prop_compose! {
    /// Anything at all, also what never comes from us.
    fn any_actual()(
        ruleset in any::<bool>(),
        arp in any::<bool>(),
        (subnets, pools) in (any_blocks(), any_blocks()),
        eip_to_havip in collection::btree_map(any_eip(), any_havip(), 0..6),
        havip_to_eip in collection::btree_map(any_havip(), any_eip(), 0..6),
        (havips, unheld) in (collection::btree_set(any_havip(), 0..6), collection::btree_set(any_havip(), 0..6)),
        fence in collection::btree_set((any_havip(), any_mac()), 0..8),
        neighbours in collection::btree_map(any_havip(), any_mac(), 0..6),
        routes in collection::btree_set(any_eip(), 0..6),
    ) -> Actual {
        Actual {
            ruleset, arp, subnets, pools, eip_to_havip, havip_to_eip, havips, unheld, fence, neighbours, routes,
        }
    }
}

proptest! {
    #[test]
    fn from_anything_the_ops_lead_to_what_is_desired(
        desired in any_desired(),
        actual in any_actual(),
        pools in any_blocks(),
    ) {
        let after = applied(actual.clone(), &diff(&desired, &pools, &actual));
        prop_assert_eq!(diff(&desired, &pools, &after), []);
        let fresh = Actual { arp: actual.arp, ..Actual::default() };
        let fresh = applied(fresh.clone(), &diff(&desired, &pools, &fresh));
        prop_assert_eq!(&after, &fresh, "the way there does not show");
        let pairs: std::collections::BTreeMap<_, _> = desired.nat.iter().map(|(e, h)| (*e, *h)).collect();
        prop_assert_eq!(&after.eip_to_havip, &pairs);
        prop_assert!(after.havip_to_eip.iter().all(|(havip, eip)| pairs.get(eip) == Some(havip)));
        prop_assert_eq!(after.havip_to_eip.len(), pairs.len());
        let held = desired.holders.iter().filter_map(|(havip, holder)| Some((*havip, (*holder)?)));
        prop_assert!(after.fence.iter().copied().eq(held));
    }

    /// At no step is an EIP the gateway's own without being translated, nor may a HAVIP be resolved by the kernel.
    #[test]
    fn no_step_on_the_way_opens_a_gap(first in any_desired(), second in any_desired(), pools in any_blocks()) {
        let empty = Actual { arp: true, ..Actual::default() };
        let start = applied(empty.clone(), &diff(&first, &pools, &empty));
        let ops = diff(&second, &pools, &start);
        let in_tables = |op: &Op| !matches!(
            op, Op::SetNeighbour(..) | Op::RemoveNeighbour(_) | Op::AddRoute(_) | Op::RemoveRoute(_)
        );
        // The steps in the tables are one transaction: only what is before and behind all of them can be seen.
        let end = ops.iter().rposition(in_tables).map_or(0, |last| last + 1);
        let begin = ops.iter().position(in_tables).unwrap_or(end);
        prop_assert!(ops[begin..end].iter().all(in_tables), "{:?}", ops);
        for upto in (0..=begin).chain(end..=ops.len()) {
            let kernel = applied(start.clone(), &ops[..upto]);
            for route in &kernel.routes {
                prop_assert!(kernel.eip_to_havip.contains_key(route), "{} after {:?}", route, &ops[..upto]);
            }
            for havip in kernel.havips.difference(&kernel.unheld) {
                prop_assert!(kernel.neighbours.contains_key(havip), "{} after {:?}", havip, &ops[..upto]);
            }
        }
    }
}
