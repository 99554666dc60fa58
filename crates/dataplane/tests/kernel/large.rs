//! Many steps at once: whatever their order, they are one transaction, and its outcome is known.

use std::net::IpAddr;

use mooring_dataplane::{Driver as _, Fault};
use mooring_domain::{
    address::Mac,
    nat::{Actual, Op, diff},
};

use crate::namespace::{Namespace, desired, pools};

/// As many acknowledgements find no room in the queue that they wait in.
const MANY: u32 = 60_000;
const HOLDER: Mac = Mac([2, 0, 0, 0, 0, 0x0c]);

fn eip(number: u32) -> IpAddr {
    std::net::Ipv4Addr::from(100 << 24 | number).into()
}

fn havip(number: u32) -> IpAddr {
    std::net::Ipv4Addr::from(10 << 24 | 1 << 20 | number).into()
}

#[test]
fn a_large_transaction_needs_no_large_limit() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let ops: Vec<_> = (0..50_000).map(|n| Op::MapEip(eip(n), havip(n))).collect();
    kernel.apply(&ops).unwrap();
    assert_eq!(kernel.read().unwrap().eip_to_havip.len(), 50_001);
}

#[test]
fn steps_that_go_from_one_set_to_the_other_are_told_to_have_been_taken() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let pair = |n| [Op::MapEip(eip(n), havip(n)), Op::MapHavip(havip(n), eip(n))];
    kernel.apply(&(0..MANY).flat_map(pair).collect::<Vec<_>>()).unwrap();
    let read = kernel.read().unwrap();
    assert_eq!([read.eip_to_havip.len(), read.havip_to_eip.len()], [MANY as usize + 1; 2]);
}

#[test]
fn a_transaction_says_why_it_was_refused_however_many_of_its_steps_were() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let before = kernel.read().unwrap();
    let moved = |n| [Op::UnmapEip(eip(n)), Op::MapEip(eip(n), havip(n))];
    let fault = kernel.apply(&(0..MANY).flat_map(moved).collect::<Vec<_>>()).unwrap_err();
    let why = |source: &std::io::Error| source.raw_os_error() == Some(libc::ENOENT);
    assert!(matches!(&fault, Fault::Kernel { source, .. } if why(source)), "{fault}");
    assert_eq!(kernel.read().unwrap(), before);
}

/// More than is sent at once.
#[test]
fn as_many_neighbours_and_routes_come_and_go_as_there_are() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let before = kernel.read().unwrap();
    let some = 0..5_000;
    let neighbours = some.clone().map(|n| Op::SetNeighbour(havip(n), HOLDER));
    kernel.apply(&neighbours.chain(some.clone().map(|n| Op::AddRoute(eip(n)))).collect::<Vec<_>>()).unwrap();
    let read = kernel.read().unwrap();
    assert_eq!([read.neighbours.len(), read.routes.len()], [5_001; 2]);
    // The first of them is gone already.
    kernel.apply(&[Op::RemoveNeighbour(havip(0)), Op::RemoveRoute(eip(0))]).unwrap();
    let neighbours = some.clone().map(|n| Op::RemoveNeighbour(havip(n)));
    kernel.apply(&neighbours.chain(some.map(|n| Op::RemoveRoute(eip(n)))).collect::<Vec<_>>()).unwrap();
    assert_eq!(kernel.read().unwrap(), before);
}

/// A kernel that has nothing is told how large the sets will be; that is no limit.
#[test]
fn tables_that_were_made_with_many_elements_take_more_and_are_ours() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    kernel.clear().unwrap();
    let mut many = desired();
    many.nat.extend((0..5_000).map(|n| (eip(n), havip(n))));
    many.holders.extend((0..5_000).map(|n| (havip(n), Some(HOLDER))));
    let ops = diff(&many, &pools(), &kernel.read().unwrap());
    assert!(ops.contains(&Op::MakeRuleset));
    let generation = kernel.generation().unwrap();
    kernel.apply(&ops).unwrap();
    assert_eq!(kernel.generation().unwrap(), generation.wrapping_add(1), "one transaction");
    many.nat.extend((5_000..50_000).map(|n| (eip(n), havip(n))));
    many.holders.extend((5_000..50_000).map(|n| (havip(n), Some(HOLDER))));
    let read = kernel.read().unwrap();
    assert_ne!(read, Actual { arp: read.arp, ..Actual::default() }, "the tables are ours");
    let ops = diff(&many, &pools(), &read);
    assert!(!ops.contains(&Op::MakeRuleset), "the tables are ours");
    kernel.apply(&ops).unwrap();
    assert_eq!(diff(&many, &pools(), &kernel.read().unwrap()), []);
}

/// Large sets are not listed where what they have is known: what is there all the same, or instead, is found.
#[test]
fn whatever_is_known_of_a_large_kernel_what_it_has_is_read() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let pair = |n| [Op::MapEip(eip(n), havip(n)), Op::MapHavip(havip(n), eip(n))];
    let fenced = |n| [Op::AddHavip(havip(n)), Op::AllowHolder(havip(n), HOLDER)];
    kernel.apply(&(0..30_000).flat_map(|n| [pair(n), fenced(n)].concat()).collect::<Vec<_>>()).unwrap();
    let before = kernel.read().unwrap();
    assert_eq!(kernel.read_known(&before).unwrap(), before);
    let changes: [Change; 6] = [
        ("add element ip mooring eip_to_havip { 100.99.0.1 : 10.9.9.9 }", |actual| {
            actual.eip_to_havip.insert(at("100.99.0.1"), at("10.9.9.9"));
        }),
        ("delete element ip mooring eip_to_havip { 100.0.0.7 }", |actual| {
            actual.eip_to_havip.remove(&at("100.0.0.7"));
        }),
        // Then as many as were known, with another one among them.
        ("delete element ip mooring_fence havips { 10.16.0.9 }", |actual| {
            actual.havips.remove(&at("10.16.0.9"));
        }),
        ("add element ip mooring_fence havips { 10.99.0.1 }", |actual| {
            actual.havips.insert(at("10.99.0.1"));
        }),
        // Then the same key, which leads elsewhere.
        ("delete element ip mooring havip_to_eip { 10.16.0.3 }", |actual| {
            actual.havip_to_eip.remove(&at("10.16.0.3"));
        }),
        ("add element ip mooring havip_to_eip { 10.16.0.3 : 100.99.9.9 }", |actual| {
            actual.havip_to_eip.insert(at("10.16.0.3"), at("100.99.9.9"));
        }),
    ];
    let mut expected = before.clone();
    for (command, change) in changes {
        change(&mut expected);
        namespace.nft(command);
        assert_eq!(kernel.read_known(&before).unwrap(), expected, "{command}");
        assert_eq!(kernel.read_known(&expected).unwrap(), expected, "{command}");
    }
}

/// What a stranger does, and what the kernel has then.
type Change = (&'static str, fn(&mut Actual));

fn at(address: &str) -> IpAddr {
    address.parse().unwrap()
}
