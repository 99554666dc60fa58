//! What is about a packet may come by another gateway than the packet: ICMP errors, and the other fragments.

use std::io::ErrorKind;

use mooring_tests::{
    lab::{self, Pair},
    probe::{Mode, TcpServer, UdpEcho, learned_mtu, udp_ask, upload},
};

use crate::{
    both::{Both, EIP, WAYS},
    lanes::*,
};

/// Three fragments.
const LARGE: usize = 4000;
const SIZE: usize = 2_000_000;

#[test]
fn the_path_mtu_is_learned_whichever_gateway_the_error_comes_by() {
    for (inwards, outwards) in WAYS {
        let both = Both::carrying().unwrap();
        let lab = &both.pair.lab;
        both.pair.way_in(&[inwards]).unwrap();
        both.pair.way_out(&[outwards]).unwrap();
        lab.set_middle_mtu(1300).unwrap();
        let _sink = TcpServer::start(&lab.client, at(lab::CLIENT), "client", Mode::Sink).unwrap();
        upload(&lab.vm_a, lab::HAVIP, at(lab::CLIENT), SIZE, PATIENT).unwrap();
        let learned = learned_mtu(&lab.vm_a, lab::HAVIP, lab::CLIENT).unwrap();
        assert_eq!(learned, Some(1300), "in by {inwards}, out by {outwards}");
    }
}

/// The error is about a packet that the other gateway never saw.
#[test]
fn the_path_mtu_is_learned_over_both_gateways_at_once() {
    let both = Both::carrying().unwrap();
    let lab = &both.pair.lab;
    // One after the other: each flow finds its own way.
    for mtu in [1400, 1300] {
        lab.set_middle_mtu(mtu).unwrap();
        let _sink = TcpServer::start(&lab.client, at(lab::CLIENT), "client", Mode::Sink).unwrap();
        for _ in 0..4 {
            upload(&lab.vm_a, lab::HAVIP, at(lab::CLIENT), SIZE, PATIENT).unwrap();
        }
        assert_eq!(learned_mtu(&lab.vm_a, lab::HAVIP, lab::CLIENT).unwrap(), Some(u32::from(mtu)));
    }
}

#[test]
fn a_closed_port_is_refused_whichever_gateway_the_error_leaves_by() {
    let both = Both::carrying().unwrap();
    let lab = &both.pair.lab;
    for (inwards, outwards) in WAYS {
        both.pair.way_in(&[inwards]).unwrap();
        both.pair.way_out(&[outwards]).unwrap();
        let refused = udp_ask(&lab.client, lab::CLIENT, at(EIP), b"?", SOON).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "in by {inwards}, out by {outwards}");
    }
}

/// The core sends the first fragment of a datagram by the first gateway and all others by the second. Linux does so
/// only when told to: it looks at no ports when one of the fragments has none.
fn split_fragments(pair: &Pair) {
    pair.way_in(&[0]).unwrap();
    let core = &pair.lab.core;
    let second = pair.gateways[1].outside;
    core.ip(&format!("route add {} via {second} table 100\nrule add fwmark 1 table 100", lab::EIP_POOL))
        .unwrap();
    for command in [
        "add table ip splitting",
        "add chain ip splitting prerouting { type filter hook prerouting priority raw ; }",
        "add rule ip splitting prerouting ip frag-off & 0x1fff != 0 meta mark set 1",
    ] {
        core.output(&format!("nft {command}")).unwrap();
    }
}

#[test]
fn the_fragments_of_one_datagram_pass_over_different_gateways() {
    let both = Both::carrying().unwrap();
    let lab = &both.pair.lab;
    split_fragments(&both.pair);
    let _inside = UdpEcho::start(&lab.vm_a, at(lab::HAVIP), "vm-a").unwrap();
    let data: Vec<u8> = (0..LARGE).map(|n| n as u8).collect();
    let before: Vec<_> = both.pair.gateways.iter().map(|gateway| gateway.counted("out0").unwrap()).collect();
    for _ in 0..20 {
        let answer = udp_ask(&lab.client, lab::CLIENT, at(EIP), &data, SOON).unwrap();
        assert!(answer.payload == data && *answer.peer.ip() == lab::CLIENT, "from {}", answer.peer);
    }
    for ((gateway, before), fragments) in both.pair.gateways.iter().zip(before).zip([1, 2]) {
        let came = gateway.counted("out0").unwrap().came - before.came;
        // And a question by ARP now and then.
        assert!((20 * fragments..20 * fragments + 20).contains(&came), "{came} came of 20 times {fragments}");
    }
}

/// `hairpin = true` makes the kernel put fragments together in every gateway: a datagram has to pass one as a whole.
#[test]
fn with_tracking_on_fragments_have_to_pass_one_gateway() {
    let both = Both::carrying_with(true).unwrap();
    let lab = &both.pair.lab;
    let _inside = UdpEcho::start(&lab.vm_a, at(lab::HAVIP), "vm-a").unwrap();
    let ask = |patience| udp_ask(&lab.client, lab::CLIENT, at(EIP), &[0x6d; LARGE], patience);
    for _ in 0..20 {
        assert_eq!(ask(SOON).unwrap().payload.len(), LARGE, "Linux keeps them together");
    }
    split_fragments(&both.pair);
    assert!(ask(SHORT).is_err(), "neither gateway has all of it");
}
