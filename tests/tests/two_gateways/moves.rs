//! A flow goes on while its packets move from one gateway to the other: there is no state that they would miss.

use std::net::Ipv4Addr;

use mooring_tests::{
    Namespace,
    figures::show,
    lab,
    probe::{Mode, Prober, TcpServer, Transfer, UdpEcho},
};

use crate::{
    both::{Both, EIP, WAYS, track, tracked},
    lanes::*,
};

/// How often the ways are changed in the middle of one connection.
const MOVES: usize = 100;
/// What has to come back on each way before the next change.
const ON_EACH: u64 = 32 * 1024;

/// A connection that is moved again and again, in by one gateway and out by the other.
fn moved(both: &Both, client: &Namespace, from: Ipv4Addr, to: Ipv4Addr) -> u64 {
    let transfer = Transfer::start(client, from, at(to), PATIENT).unwrap();
    for (inwards, outwards) in WAYS.iter().cycle().take(MOVES) {
        both.pair.way_in(&[*inwards]).unwrap();
        both.pair.way_out_of(&both.pair.lab.vm_a, &[*outwards]).unwrap();
        transfer.wait_returned(ON_EACH, PATIENT).unwrap();
    }
    transfer.finish().unwrap()
}

#[test]
fn a_connection_goes_on_while_its_packets_move_between_gateways_again_and_again() {
    let mut both = Both::carrying().unwrap();
    let lab = &both.pair.lab;
    track(&both.pair).unwrap();
    let _inside = TcpServer::start(&lab.vm_a, at(lab::HAVIP), "vm-a", Mode::Echo).unwrap();
    let outside = TcpServer::start(&lab.client, at(lab::CLIENT), "client", Mode::Echo).unwrap();
    for (what, client, from, to) in [
        ("from the client to the EIP", &lab.client, lab::CLIENT, EIP),
        ("from the HAVIP to the client", &lab.vm_a, lab::HAVIP, lab::CLIENT),
    ] {
        let bytes = moved(&both, client, from, to);
        show(&format!("{what}: {bytes} bytes there and back as sent, the gateway changed {MOVES} times"));
        assert!(bytes >= 2_000_000, "{bytes}");
    }
    assert_eq!(outside.peers()[0].ip(), EIP, "the client saw somebody else");
    for gateway in &both.pair.gateways {
        let (tracked, untracked) = tracked(&gateway.namespace).unwrap();
        assert_eq!(tracked, 0, "in {}", gateway.namespace.role());
        for link in ["in0", "out0"] {
            let counted = gateway.counted(link).unwrap();
            assert!(counted.came > 100 && counted.went > 100, "{untracked} untracked, {link}: {counted:?}");
        }
    }
    assert_eq!(both.dropped().unwrap(), [0, 0]);
}

#[test]
fn not_one_datagram_of_many_flows_is_lost_when_routes_change() {
    let both = Both::carrying().unwrap();
    let lab = &both.pair.lab;
    both.pair.trust_routers().unwrap();
    let _udp = UdpEcho::start(&lab.vm_a, at(lab::HAVIP), "vm-a").unwrap();
    let prober = Prober::start(&lab.client, &lanes(lab::CLIENT, EIP)).unwrap();
    prober.wait_answered(None, SOON).unwrap();
    for (inwards, outwards) in WAYS.iter().cycle().take(40) {
        both.pair.way_in(&[*inwards]).unwrap();
        both.pair.way_out(&[*outwards]).unwrap();
        prober.wait_answered(Some("vm-a"), SOON).unwrap();
        both.pair.ways(&[0, 1]).unwrap();
        prober.wait_answered(Some("vm-a"), SOON).unwrap();
    }
    let outcome = total(&prober.finish());
    show(&format!("routes changed 120 times: {} datagrams, {} lost", outcome.sent, outcome.lost));
    assert_eq!(outcome.lost, 0, "{outcome:?}");
}
