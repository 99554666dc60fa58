//! Hairpin with two gateways: what goes there turns round at one, what comes back at the other.

use mooring_tests::{
    lab,
    probe::{Mode, TcpFlow, TcpServer, Transfer, ping},
};

use crate::{
    both::{Both, EIP, EIP_2, WAYS, track, tracked},
    lanes::*,
};

#[test]
fn a_havip_reaches_anothers_eip_by_one_gateway_and_is_answered_by_the_other() {
    let both = Both::carrying().unwrap();
    let (pair, lab) = (&both.pair, &both.pair.lab);
    track(pair).unwrap();
    let server = TcpServer::start(&lab.vm_b, at(lab::HAVIP_2), "vm-b", Mode::Echo).unwrap();
    let transfer = Transfer::start(&lab.vm_a, lab::HAVIP, at(EIP_2), PATIENT).unwrap();
    for (there, back) in WAYS.iter().cycle().take(40) {
        pair.way_out_of(&lab.vm_a, &[*there]).unwrap();
        pair.way_out_of(&lab.vm_b, &[*back]).unwrap();
        transfer.wait_returned(16 * 1024, PATIENT).unwrap();
        // Its own EIP, too.
        ping(&lab.vm_a, lab::HAVIP, EIP, 56, SOON).unwrap();
    }
    transfer.finish().unwrap();
    assert_eq!(server.peers()[0].ip(), EIP);
    for gateway in &pair.gateways {
        let (tracked, untracked) = tracked(&gateway.namespace).unwrap();
        assert!(tracked == 0 && untracked > 0, "{tracked} tracked, {untracked} not");
    }
}

/// The one thing here that has state: the gateway lends the host its own address. Its flows are spread like all others,
/// and each stays where it began as long as the routes do; it does not outlive its gateway.
#[test]
fn a_tracked_flow_of_an_inside_host_stays_with_its_gateway() {
    let both = Both::carrying_with(true).unwrap();
    let (pair, lab) = (&both.pair, &both.pair.lab);
    let server = TcpServer::start(&lab.vm_a, at(lab::HAVIP), "vm-a", Mode::Echo).unwrap();
    let flows: Vec<_> =
        (0..8).map(|_| TcpFlow::start(&lab.host_c, lab::HOST_C, at(EIP), PATIENT).unwrap()).collect();
    flows.iter().for_each(|flow| flow.wait_progress(PATIENT).unwrap());
    let lent: Vec<_> = server.peers().iter().map(std::net::SocketAddr::ip).collect();
    assert!(lent.iter().all(|seen| pair.gateways.iter().any(|gateway| *seen == gateway.inside)), "{lent:?}");
    drop(flows);

    pair.way_out_of(&lab.host_c, &[0]).unwrap();
    let flow = TcpFlow::start(&lab.host_c, lab::HOST_C, at(EIP), PATIENT).unwrap();
    pair.way_out_of(&lab.host_c, &[1]).unwrap();
    flow.expect_dead(SHORT).unwrap();
}
