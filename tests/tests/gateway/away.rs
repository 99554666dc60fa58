//! The process stops and starts again: the rules stay, and what changed while it was away is made good.

use std::time::Duration;

use mooring_tests::{
    lab,
    probe::{Lane, Prober},
};

use crate::stage::{EIP, PATIENT, Stage, at, content, generation, wait_content};

/// How many answers are waited for while nobody reconciles.
const ALONE: usize = 30;

#[test]
fn stopped_and_started_no_packet_is_lost_and_nothing_is_changed() {
    let mut stage = Stage::carrying().unwrap();
    let gateway = stage.lab.gateway.clone();
    let lane = Lane { from: lab::CLIENT, to: at(EIP) };
    let prober = Prober::start(&stage.lab.client, &[lane]).unwrap();
    prober.wait_answered(Some("vm-a"), PATIENT).unwrap();
    let (before, wanted) = (generation(&gateway).unwrap(), content(&gateway).unwrap());
    let ended = stage.server.stop().unwrap();
    assert!(ended.success(), "{ended}");
    (0..ALONE).for_each(|_| prober.wait_answered(Some("vm-a"), PATIENT).unwrap());
    assert_eq!(content(&gateway).unwrap(), wanted, "the rules stay");
    stage.server.restart(None).unwrap();
    stage.wait_agree().unwrap();
    prober.wait_answered(Some("vm-a"), PATIENT).unwrap();
    assert_eq!(generation(&gateway).unwrap(), before, "nothing was changed in the kernel");
    assert_eq!(content(&gateway).unwrap(), wanted);
    let outage = prober.finish().remove(0);
    assert_eq!((outage.lost, outage.longest), (0, Duration::ZERO), "{outage:?}");
    eprintln!("{} of {} datagrams answered, over a stop and a start", outage.sent, outage.sent);
}

#[test]
fn what_was_changed_while_it_was_away_is_made_good_at_the_start() {
    let mut stage = Stage::carrying().unwrap();
    let gateway = stage.lab.gateway.clone();
    let wanted = content(&gateway).unwrap();
    stage.server.stop().unwrap();
    for command in [
        "nft delete element ip mooring eip_to_havip { 203.0.113.70 }",
        "nft add element ip mooring havip_to_eip { 10.0.1.61 : 203.0.113.73 }",
        "nft add element ip mooring eip_to_havip { 203.0.113.73 : 10.0.1.61 }",
    ] {
        gateway.output(command).unwrap();
    }
    gateway
        .ip("route del local 203.0.113.70 dev out0 table local\n\
             route add local 203.0.113.73 dev out0 table local proto 77\n\
             neigh replace 10.0.1.50 lladdr 02:00:00:00:01:0c dev in0 nud permanent protocol 77")
        .unwrap();
    assert_ne!(content(&gateway).unwrap(), wanted);
    stage.server.restart(None).unwrap();
    // It is ready when every VPC was brought there once.
    assert_eq!(content(&gateway).unwrap(), wanted);
    assert_eq!(stage.who().unwrap(), "vm-a");
    stage.wait_agree().unwrap();
    // The whole of both tables, too.
    stage.server.stop().unwrap();
    gateway.output("nft flush ruleset").unwrap();
    stage.server.restart(None).unwrap();
    wait_content(&gateway, &wanted).unwrap();
    stage.wait_agree().unwrap();
}

/// What was bound and unbound elsewhere is a matter of the log; here an unbind is asked for and the process dies.
#[test]
fn killed_in_an_unbind_it_takes_out_at_the_start_what_the_log_says() {
    let mut stage = Stage::carrying().unwrap();
    stage.server.restart(Some("unbind.before-release")).unwrap();
    let answer = stage.server.moor("unbind web --timeout 5").unwrap();
    assert_ne!(answer.exit, 0, "{answer:?}");
    stage.server.wait_ended().unwrap();
    stage.lab.gateway.output("nft add element ip mooring eip_to_havip { 203.0.113.70 : 10.0.1.50 }").unwrap();
    stage.server.restart(None).unwrap();
    stage.wait_agree().unwrap();
    assert_eq!(crate::stage::traces(&stage.lab.gateway, EIP).unwrap(), Vec::<String>::new());
}
