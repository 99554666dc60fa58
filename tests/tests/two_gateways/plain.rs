//! The laboratory itself, with the ordinary routers alone: if these fail, no other result means anything.

use std::net::Ipv4Addr;

use mooring_tests::{
    figures::{ms, show},
    lab::{self, Pair, Router, pair::slowest_detection},
    probe::{Mode, Prober, TcpServer, Transfer, UdpEcho},
};

use crate::lanes::*;

/// Packets that a router got from outside and sent out there, since.
fn since(router: &Router, before: lab::pair::Counted) -> (u64, u64) {
    let now = router.counted("out0").unwrap();
    (now.came - before.came, now.went - before.went)
}

fn with_havip() -> Pair {
    let pair = Pair::new().unwrap();
    pair.lab.vm_a.ip(&format!("address add {}/32 dev eth0", lab::HAVIP)).unwrap();
    pair
}

#[test]
fn flows_spread_over_both_routers_in_both_directions_and_a_transfer_is_whole() {
    let pair = with_havip();
    let _udp = UdpEcho::start(&pair.lab.vm_a, at(lab::HAVIP), "vm-a").unwrap();
    let _tcp = TcpServer::start(&pair.lab.vm_a, at(lab::HAVIP), "vm-a", Mode::Echo).unwrap();
    let before: Vec<_> = pair.plains.iter().map(|plain| plain.counted("out0").unwrap()).collect();
    let prober = Prober::start(&pair.lab.client, &lanes(lab::CLIENT_PLAIN, lab::HAVIP)).unwrap();
    for _ in 0..20 {
        prober.wait_answered(Some("vm-a"), SOON).unwrap();
    }
    let outcome = total(&prober.finish());
    assert_eq!(outcome.lost, 0, "{outcome:?}");
    for (plain, before) in pair.plains.iter().zip(before) {
        let (came, went) = since(plain, before);
        assert!(came > 20 && went > 20, "{}: {came} in, {went} out", plain.namespace.role());
    }
    let transfer = Transfer::start(&pair.lab.client, lab::CLIENT_PLAIN, at(lab::HAVIP), SOON).unwrap();
    transfer.wait_returned(2_000_000, PATIENT).unwrap();
    transfer.finish().unwrap();
}

/// The neighbours leave a dead router by themselves, and come back to it when it is heard of again.
#[test]
fn a_dead_router_is_left_within_the_neighbours_own_time_and_taken_back() {
    let pair = with_havip();
    let _udp = UdpEcho::start(&pair.lab.vm_a, at(lab::HAVIP), "vm-a").unwrap();
    let prober = Prober::start(&pair.lab.client, &lanes(lab::CLIENT_PLAIN, lab::HAVIP)).unwrap();
    prober.wait_answered(None, SOON).unwrap();
    pair.cut(&[&pair.plains[0]]).unwrap();
    prober.wait_answered(None, PATIENT).unwrap();
    let outcome = total(&prober.finish());
    show(&format!("a plain router dies: {} at most, {outcome:?}", ms(outcome.longest)));
    assert!(outcome.hit > 0, "nobody noticed: {outcome:?}");
    // The probers' rhythm and a busy machine.
    assert!(outcome.longest < slowest_detection() + SHORT, "{outcome:?}");

    pair.mend(&[&pair.plains[0]]).unwrap();
    let before = pair.plains[0].counted("out0").unwrap();
    heard_again(&pair, &pair.plains[0]);
    let prober = Prober::start(&pair.lab.client, &lanes(lab::CLIENT_PLAIN, lab::HAVIP)).unwrap();
    prober.wait_answered(None, SOON).unwrap();
    let outcome = total(&prober.finish());
    assert_eq!(outcome.lost, 0, "{outcome:?}");
    let (came, went) = since(&pair.plains[0], before);
    assert!(came > 0 && went > 0, "{came} in, {went} out");
}

/// Whoever has given a router up asks for it no more: it has to be heard of.
fn heard_again(_pair: &Pair, router: &Router) {
    for (link, address) in [("out0", router.outside), ("in0", router.inside)] {
        announce(router, link, address);
    }
}

fn announce(router: &Router, link: &str, address: Ipv4Addr) {
    router.namespace.output(&format!("arping -U -c 1 -I {link} -s {address} {address}")).unwrap();
}
