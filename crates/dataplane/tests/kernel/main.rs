//! The real kernel, in namespaces that the tests make and delete. Needs root.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong says so by panicking")]

mod capabilities;
mod drift;
mod large;
mod namespace;
mod preflight;
mod storms;
mod touched;
mod watcher;

use std::collections::BTreeSet;

use mooring_dataplane::{Driver as _, Fault, Kernel, Place, suite};
use mooring_domain::nat::{Op, diff};
use namespace::{Namespace, desired, pools};

#[test]
fn the_kernel_passes_the_suite() {
    for (arp, hairpin) in [(true, false), (false, false), (true, true)] {
        let namespace = Namespace::new();
        let mut kernel = Kernel::open(&Place { arp, hairpin, ..namespace.place() }).unwrap();
        suite::run(&mut kernel).unwrap();
    }
}

#[test]
fn people_see_it_with_nft_and_ip_and_every_rule_says_what_it_is_for() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let ruleset = namespace.nft("list ruleset");
    for line in [
        "table ip mooring {",
        "table ip mooring_fence {",
        "elements = { 203.0.113.64 : 10.0.1.50 }",
        "elements = { 10.0.1.50 : 203.0.113.64 }",
        "elements = { 10.0.1.0/24 }",
        "elements = { 203.0.113.64/27 }",
        "elements = { 10.0.1.50 . 02:00:00:00:00:0a }",
        "elements = { 10.0.1.60 }",
        "counter unbound_eip {",
    ] {
        assert!(ruleset.contains(line), "no {line:?} in\n{ruleset}");
    }
    let rules = |line: &&str| line.contains("ip saddr") || line.contains("ip daddr") || line.contains("jump");
    let silent = ruleset.lines().filter(rules).find(|line| !line.contains("comment"));
    assert_eq!(silent, None);
    let routes = namespace.ip("route show table local proto 77");
    assert!(routes.contains("local 203.0.113.64 dev out0"), "{routes}");
    let neighbours = namespace.ip("neigh show dev in0 nud permanent");
    assert!(neighbours.contains("10.0.1.50 lladdr 02:00:00:00:00:0a"), "{neighbours}");
    assert_eq!(kernel.preflight().unwrap().len(), 1, "ip_forward is off in a new namespace");
}

#[test]
fn after_removal_nft_and_ip_have_no_trace() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let mut gone = desired();
    gone.nat.clear();
    gone.holders.clear();
    let ops = diff(&gone, &BTreeSet::new(), &kernel.read().unwrap());
    kernel.apply(&ops).unwrap();
    let all =
        [namespace.nft("list ruleset"), namespace.ip("route show table local"), namespace.ip("neigh show")];
    for trace in ["203.0.113.64", "10.0.1.50", "10.0.1.60", "02:00:00:00:00:0a"] {
        for text in &all {
            assert!(!text.contains(trace), "{trace} in\n{text}");
        }
    }
}

#[test]
fn what_goes_with_a_link_is_missed_and_put_back() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    // A neighbour does not outlive its link's being down; a local route does, and goes with the link itself.
    for link in ["in0", "out0"] {
        namespace.ip(&format!("link set {link} down"));
        namespace.ip(&format!("link set {link} up"));
    }
    let ops = diff(&desired(), &pools(), &kernel.read().unwrap());
    assert!(matches!(ops[..], [Op::SetNeighbour(..)]), "{ops:?}");
    namespace.ip("link del out0");
    namespace.ip("link add out0 type veth peer name net0");
    namespace.ip("link set out0 up");
    let ops = diff(&desired(), &pools(), &kernel.read().unwrap());
    assert!(matches!(ops[..], [Op::SetNeighbour(..), Op::AddRoute(_)]), "{ops:?}");
    kernel.apply(&ops).unwrap();
    assert_eq!(diff(&desired(), &pools(), &kernel.read().unwrap()), []);
}

#[test]
fn a_link_that_is_gone_is_a_fault_and_one_that_is_back_is_used_again() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    namespace.ip("link del in0");
    assert!(matches!(kernel.read(), Err(Fault::NoLink { .. })));
    namespace.ip("link add in0 type veth peer name vm0");
    namespace.ip("link set in0 up");
    let ops = diff(&desired(), &pools(), &kernel.read().unwrap());
    assert!(matches!(ops[..], [Op::SetNeighbour(..)]), "the ruleset is by name and still whole: {ops:?}");
    kernel.apply(&ops).unwrap();
    assert_eq!(diff(&desired(), &pools(), &kernel.read().unwrap()), []);
}

#[test]
fn a_missing_namespace_is_named() {
    let namespace = Namespace::new();
    let place = Place { netns: Some("mooring-none".to_owned()), ..namespace.place() };
    let fault = Kernel::open(&place).unwrap_err();
    assert!(matches!(&fault, Fault::NoNamespace { name, .. } if name == "mooring-none"), "{fault}");
    assert!(fault.to_string().contains("\"mooring-none\""), "{fault}");
}

#[test]
fn a_missing_link_is_named() {
    let namespace = Namespace::new();
    for (place, missing) in [
        (Place { inside: "in9".to_owned(), ..namespace.place() }, "in9"),
        (Place { outside: "out9".to_owned(), ..namespace.place() }, "out9"),
    ] {
        let fault = Kernel::open(&place).unwrap_err();
        assert!(matches!(&fault, Fault::NoLink { link, .. } if link == missing), "{fault}");
    }
}

#[test]
fn a_link_without_macs_is_refused() {
    let namespace = Namespace::new();
    let place = Place { inside: "lo".to_owned(), ..namespace.place() };
    let fault = Kernel::open(&place).unwrap_err();
    assert!(matches!(&fault, Fault::NotEthernet { link, .. } if link == "lo"), "{fault}");
}
