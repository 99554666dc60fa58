//! A router's links go down, come up, and are not there for a while.

use std::net::SocketAddrV4;

use mooring_tests::{
    lab,
    probe::{UdpEcho, udp_ask},
};

use crate::stage::{PATIENT, SOON, Stage, content, wait_content};

/// A link that goes down takes neighbours and routes with it.
#[test]
fn the_inside_goes_down_and_up_and_traffic_flows_again() {
    let stage = Stage::carrying().unwrap();
    let gateway = &stage.lab.gateway;
    let wanted = content(gateway).unwrap();
    gateway.ip("link set in0 down").unwrap();
    assert!(stage.who().is_err(), "the link is down");
    gateway.ip("link set in0 up").unwrap();
    let back = wait_content(gateway, &wanted).unwrap();
    let carried = stage.wait_carried().unwrap();
    eprintln!("the neighbour was back after {back:?}, traffic {carried:?} after that");
    assert!(back < SOON * 2, "{back:?}");
    stage.wait_agree().unwrap();
}

#[test]
fn the_outside_goes_down_and_up_and_traffic_flows_again() {
    let stage = Stage::carrying().unwrap();
    let gateway = &stage.lab.gateway;
    let wanted = content(gateway).unwrap();
    gateway.ip("link set out0 down").unwrap();
    stage.wait_fault(&["out0", stage.lab.gateway.name(), "Network is down"]).unwrap();
    gateway.ip("link set out0 up\nroute add default via 203.0.113.1").unwrap();
    let back = wait_content(gateway, &wanted).unwrap();
    stage.wait_carried().unwrap();
    eprintln!("everything was back after {back:?}");
    assert!(back < SOON * 2, "{back:?}");
    stage.wait_agree().unwrap();
    let faults = stage.said("Network is down");
    assert!((1..=4).contains(&faults), "said {faults} times:\n{}", stage.server.log());
}

/// The same for the outside; the kernel part has lost its link and says which.
#[test]
fn a_link_that_is_missing_is_named_and_comes_back() {
    let stage = Stage::carrying().unwrap();
    let gateway = &stage.lab.gateway;
    let wanted = content(gateway).unwrap();
    gateway.ip("link set in0 down\nlink set in0 name away0").unwrap();
    stage.wait_fault(&["there is no link", "in0", gateway.name()]).unwrap();
    stage.is_unreadable();
    gateway.ip("link set away0 name in0\nlink set in0 up").unwrap();
    wait_content(gateway, &wanted).unwrap();
    stage.wait_carried().unwrap();
    stage.wait_agree().unwrap();
    let said = stage.said("not applied");
    assert!((1..=2).contains(&said), "said {said} times:\n{}", stage.server.log());
}

/// What the instance sends from the HAVIP leaves as the EIP again, too.
#[test]
fn both_directions_after_the_inside_came_back() {
    let stage = Stage::carrying().unwrap();
    stage.lab.gateway.ip("link set in0 down\nlink set in0 up").unwrap();
    stage.wait_carried().unwrap();
    let _client = UdpEcho::start(&stage.lab.client, crate::stage::at(lab::CLIENT), "client").unwrap();
    let to = SocketAddrV4::new(lab::CLIENT, crate::stage::PORT);
    let answer = udp_ask(&stage.lab.vm_a, lab::HAVIP, to, b"me", PATIENT).unwrap();
    assert_eq!((answer.server.as_str(), *answer.peer.ip()), ("client", crate::stage::EIP));
}
