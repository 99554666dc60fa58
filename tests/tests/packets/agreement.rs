//! That the walk can disagree with a kernel, and what no other story sends.

use std::net::{IpAddr, SocketAddrV4};

use mooring_domain::{
    address::Mac,
    nat::{Actual, walk::Side},
};
use mooring_tests::{
    lab,
    probe::{Sniffer, checksum},
};

use crate::{
    bytes::{ICMP, Packet, UDP, udp},
    carried::{Carried, EIP, PORT, SOON, Story},
    crossing::HOPS,
    fence::{a_havip_as_source_from_another_mac_is_dropped, who_has_no_havip_as_source_is_not_fenced},
    private::an_eip_that_fronts_nothing_is_dropped,
    walked::is_summed,
    ways::{
        the_client_reaches_the_havip_through_the_eip, what_the_holder_sends_from_the_havip_leaves_as_the_eip,
    },
};

/// In a laboratory with this in it, walk and kernel agree on a story until the walk's elements are others.
fn differs(story: Story, planted: fn(&mut Actual), expected: &str) {
    let mut net = Carried::new().unwrap();
    story(&mut net).unwrap();
    net.agrees().unwrap();
    let witness = net.witness.as_mut().unwrap();
    witness.planted(planted);
    let found = witness.compare(&mut net.kernel).unwrap_err().to_string();
    assert!(found.contains(expected), "{found}");
}

/// Were the walk to agree whatever it is told, it would say nothing.
#[test]
fn a_wrong_element_makes_them_disagree() {
    differs(
        the_client_reaches_the_havip_through_the_eip,
        |state| {
            state.eip_to_havip.insert(IpAddr::V4(EIP), IpAddr::V4(lab::HAVIP_2));
        },
        "left that no walk leads to",
    );
    differs(
        what_the_holder_sends_from_the_havip_leaves_as_the_eip,
        |state| state.havip_to_eip.clear(),
        "left that no walk leads to",
    );
    differs(
        the_client_reaches_the_havip_through_the_eip,
        |state| {
            state.neighbours.insert(IpAddr::V4(lab::HAVIP), Mac([2, 0, 0, 0, 1, 0xc]));
        },
        "did not leave",
    );
    differs(
        a_havip_as_source_from_another_mac_is_dropped,
        |state| {
            state.fence.insert((IpAddr::V4(lab::HAVIP), Mac([2, 0, 0, 0, 1, 0xc])));
        },
        "did not leave",
    );
    differs(an_eip_that_fronts_nothing_is_dropped, |state| state.pools.clear(), "dropped as unbound_eip");
    // Nothing leaves in another way, but another rule lets it pass.
    differs(
        who_has_no_havip_as_source_is_not_fenced,
        |state| {
            state.havips.insert(IpAddr::V4(lab::HOST_C));
            state.fence.insert((IpAddr::V4(lab::HOST_C), lab::MAC_C.parse().unwrap()));
        },
        "the kernel traced",
    );
}

/// A checksum that its sender left to the network card, in a datagram in which it happens to look right.
#[test]
fn a_checksum_that_is_only_begun_is_none() {
    let (source, destination) = (SocketAddrV4::new(lab::CLIENT, 40_000), SocketAddrV4::new(EIP, PORT));
    let whole = udp(source, destination, &[0, 0]);
    assert!(is_summed(&whole.bytes()));
    let addresses = [lab::CLIENT.octets(), EIP.octets()].concat();
    let begun = !checksum(&[&addresses[..], &[0, UDP, 0, 10]].concat());
    let mut by_chance = whole;
    by_chance.payload[6..8].copy_from_slice(&begun.to_be_bytes());
    let by_chance = by_chance.sum(8);
    assert!(!is_summed(&by_chance.bytes()));
}

/// Ones' complement has two zeros: a rule writes the one into an IP header, the router behind it the other.
#[test]
fn the_two_zeros_of_a_checksum_are_told_alike() {
    let (source, destination) = (SocketAddrV4::new(lab::CLIENT, 40_000), SocketAddrV4::new(EIP, PORT));
    let mut net = Carried::new().unwrap();
    let sent = udp(source, destination, b"zero");
    // Behind the rule, and behind the router.
    for ttl in [sent.ttl - HOPS + 1, sent.ttl - HOPS] {
        let translated = Packet { destination: lab::HAVIP, ttl, id: 0, ..sent.clone() }.bytes();
        let id = u16::from_be_bytes([translated[10], translated[11]]);
        Packet { id, ..sent.clone() }.send(&net.lab.client).unwrap();
    }
    net.agrees().unwrap();
}

/// The gateway's own error about what a link does not take, both ways, and at a turn that is tracked.
#[test]
fn what_a_link_does_not_take_is_told_alike() {
    let large = |source, destination| {
        let (source, destination) =
            (SocketAddrV4::new(source, 40_000), SocketAddrV4::new(destination, 40_001));
        Packet { fragment: 0x4000, ..udp(source, destination, &[0x6d; 1400]) }
    };
    for (tracked, side) in [(false, Side::Inside), (false, Side::Outside), (true, Side::Inside)] {
        let mut net = if tracked { Carried::tracked() } else { Carried::new() }.unwrap();
        // A link refuses what is too large for it when it comes, too.
        let small = match (tracked, side) {
            (true, _) => format!("route add {}/32 dev in0 mtu 1300", lab::HAVIP),
            (false, Side::Inside) => "link set in0 mtu 1300".to_owned(),
            (false, Side::Outside) => "link set out0 mtu 1300".to_owned(),
        };
        net.lab.gateway.ip(&small).unwrap();
        net.witness.as_mut().unwrap().takes(side, 1300);
        let lab = &net.lab;
        let (ns, from, to) = match (tracked, side) {
            (true, _) => (&lab.host_c, lab::HOST_C, EIP),
            (_, Side::Inside) => (&lab.client, lab::CLIENT, EIP),
            (_, Side::Outside) => (&lab.vm_a, lab::HAVIP, lab::CLIENT),
        };
        let sniffer = Sniffer::start(ns, "eth0").unwrap();
        large(from, to).send(ns).unwrap();
        let told = |ip: mooring_tests::probe::Ip| ip.protocol == ICMP && ip.ports == (3, 4);
        sniffer.wait_for("the error", SOON, |frame| frame.ip().is_some_and(told)).unwrap();
        net.agrees().unwrap();
    }
}
