//! The running hash: whichever way a kernel came to have what it has, it is the hash of what it has; and it is the hash of
//! what the fold wants.

use std::collections::BTreeSet;

use ipnet::IpNet;
use mooring_domain::{
    Position,
    nat::{
        Actual, Difference, Element, FoldedHash, RunningHash, VpcDesired, between, diff, differences, wanted,
    },
};
use proptest::{collection, option, prelude::*};

use crate::{
    log::{eip, havip, mac},
    model::applied,
};

/// Which EIP fronts which HAVIP, who holds what, which pools there are.
type State = (VpcDesired, BTreeSet<IpNet>);

fn state() -> impl Strategy<Value = State> {
    let pairs = collection::btree_map(0..6u8, 0..6u8, 0..6);
    let holders = collection::btree_map(0..6u8, option::of(0..3u8), 0..6);
    let pools = collection::btree_set(0..4u8, 0..4);
    (pairs, holders, pools).prop_map(|(pairs, holders, pools)| {
        let mut vpc = VpcDesired::new("shop".parse().unwrap(), "front".parse().unwrap(), Position(1));
        vpc.subnets.insert("10.0.1.0/24".parse().unwrap());
        let mut taken = BTreeSet::new();
        // A HAVIP has one EIP.
        let pairs = pairs.into_iter().filter(|(_, to)| taken.insert(*to));
        vpc.nat.extend(pairs.map(|(from, to)| (eip(from), havip(to))));
        vpc.nat.insert("2001:db8::1".parse().unwrap(), "fd00::1".parse().unwrap());
        vpc.holders.extend(holders.into_iter().map(|(at, holder)| (havip(at), holder.map(mac))));
        vpc.holders.insert("fd00::1".parse().unwrap(), Some(mac(9)));
        let pools = pools.into_iter().map(|pool| format!("198.51.100.{}/26", pool * 64).parse().unwrap());
        (vpc, pools.collect())
    })
}

proptest! {
    #[test]
    fn steps_and_folds_follow_to_the_hash_of_what_is_there(states in collection::vec(state(), 1..8)) {
        let (mut kernel, mut put) = (Actual { arp: true, ..Actual::default() }, RunningHash::default());
        let mut folded = FoldedHash::default();
        for (desired, pools) in &states {
            let steps = diff(desired, pools, &kernel);
            steps.iter().for_each(|step| put.step(&kernel, *step));
            kernel = applied(kernel, &steps);
            prop_assert_eq!(put, RunningHash::of(&kernel));
            prop_assert_eq!(put, folded.follow(desired, pools));
            prop_assert_eq!(put, RunningHash::of(&wanted(desired, pools, false)), "whether ARP is answered or not");
        }
    }

    #[test]
    fn between_two_folds_are_the_steps_that_the_whole_comparison_finds(
        before in state(),
        now in state(),
        arp: bool,
    ) {
        let mut kernel = wanted(&before.0, &before.1, arp);
        let steps = between((&before.0, &before.1), (&now.0, &now.1), arp);
        prop_assert_eq!(&steps, &diff(&now.0, &now.1, &kernel));
        steps.iter().for_each(|step| kernel.take(*step));
        prop_assert_eq!(kernel, wanted(&now.0, &now.1, arp));
    }

    #[test]
    fn a_table_that_is_made_anew_over_any_other_has_the_hash_of_what_is_wanted(
        before in state(),
        now in state(),
    ) {
        let kernel = Actual { ruleset: false, ..wanted(&before.0, &before.1, true) };
        let mut put = RunningHash::of(&kernel);
        let steps = diff(&now.0, &now.1, &kernel);
        steps.iter().for_each(|step| put.step(&kernel, *step));
        prop_assert_eq!(put, RunningHash::of(&wanted(&now.0, &now.1, true)));
    }

    /// No two states that differ in anything have the same hash, and what differs is named.
    #[test]
    fn hashes_are_equal_when_nothing_differs_and_only_then(one in state(), other in state()) {
        let (one, other) = (wanted(&one.0, &one.1, false), wanted(&other.0, &other.1, false));
        let named = differences(&one, &other);
        prop_assert_eq!(RunningHash::of(&one) == RunningHash::of(&other), named.is_empty());
        prop_assert_eq!(one == other, named.is_empty());
    }
}

#[test]
fn two_holders_that_changed_places_are_another_hash() {
    let held = |first: u8, second: u8| {
        let mut vpc = VpcDesired::new("shop".parse().unwrap(), "front".parse().unwrap(), Position(1));
        vpc.holders.insert(havip(1), Some(mac(first)));
        vpc.holders.insert(havip(2), Some(mac(second)));
        RunningHash::of(&wanted(&vpc, &BTreeSet::new(), false))
    };
    assert_ne!(held(1, 2), held(2, 1));
}

#[test]
fn what_differs_is_said_as_a_person_would() {
    let pair = |to| Element::EipToHavip(eip(7), havip(to));
    let holder = Element::Holder(havip(50), mac(10));
    let changed = Difference { wanted: Some(pair(50)), found: Some(pair(60)) };
    assert_eq!(
        changed.to_string(),
        "eip_to_havip 203.0.113.7 : 10.0.1.50 is changed: eip_to_havip 203.0.113.7 : 10.0.1.60"
    );
    let missing = Difference { wanted: Some(holder), found: None };
    assert_eq!(missing.to_string(), "holders 10.0.1.50 . 02:00:00:00:00:0a is missing");
    let foreign = Difference { wanted: None, found: Some(Element::Subnet("10.9.0.0/16".parse().unwrap())) };
    assert_eq!(foreign.to_string(), "subnets 10.9.0.0/16 is foreign");
}
