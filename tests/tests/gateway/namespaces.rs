//! The router namespace is not there yet, goes, and comes back under the same name.

use mooring_tests::{Lab, lab, server::Options, wait_for};

use crate::stage::{EIP, PATIENT, Stage, silent, traces};

#[test]
fn a_namespace_that_comes_later_goes_and_comes_back_carries_without_a_restart() {
    let lab = Lab::new().unwrap();
    lab.remove_gateway().unwrap();
    let stage = Stage::stocked_in(lab, Options::default(), Lab::places).unwrap();
    let name = stage.lab.gateway.name();
    stage.server.ask("bind web front").unwrap();
    assert_eq!(stage.state_of("web").unwrap(), "IN_USE", "bound, wherever it is carried");
    stage.wait_fault(&["there is no network namespace", name]).unwrap();
    let refusal = stage.server.refuse("status").unwrap();
    assert_eq!(refusal.exit, 5, "{refusal:?}");

    stage.lab.make_gateway().unwrap();
    let first = stage.wait_carried().unwrap();
    stage.wait_agree().unwrap();

    stage.lab.remove_gateway().unwrap();
    stage.wait_fault(&["there is no network namespace", name]).unwrap();
    // Its sockets were all that kept the old one alive: the far ends of its links go with it.
    stage.lab.make_gateway().unwrap();
    let again = stage.wait_carried().unwrap();
    stage.wait_agree().unwrap();
    eprintln!("carried {first:?} after the namespace came, {again:?} after it came back");
    let said = stage.said("there is no network namespace");
    assert_eq!(said, 2, "once for each time:\n{}", stage.server.log());
}

/// Nothing is carried there, and so nothing has to be waited for.
#[test]
fn an_unbind_while_the_namespace_is_missing_completes() {
    let stage = Stage::carrying().unwrap();
    stage.lab.remove_gateway().unwrap();
    stage.wait_fault(&["there is no network namespace"]).unwrap();
    stage.server.ask("unbind web").unwrap();
    assert_eq!(stage.state_of("web").unwrap(), "AVAILABLE");
    stage.lab.make_gateway().unwrap();
    stage.wait_agree().unwrap();
    assert_eq!(traces(&stage.lab.gateway, EIP).unwrap(), Vec::<String>::new());
    silent(&stage).unwrap();
}

/// The name is gone, but a process in the namespace keeps it alive and passing packets: it is emptied all the same.
#[test]
fn a_namespace_without_a_name_goes_on_without_our_rules() {
    let stage = Stage::carrying().unwrap();
    let mut lodger = stage.lab.gateway.command("sleep").arg("60").spawn().unwrap();
    let lives_there = || {
        let inside = format!("/proc/{}/ns/net", lodger.id());
        std::fs::read_link(&inside).ok() != std::fs::read_link("/proc/self/ns/net").ok()
    };
    wait_for("the lodger to have moved in", PATIENT, || {
        if lives_there() { Ok(()) } else { Err("it has not".to_owned()) }
    })
    .unwrap();
    assert_eq!(stage.who().unwrap(), "vm-a");
    stage.lab.remove_gateway().unwrap();
    stage.wait_fault(&["there is no network namespace"]).unwrap();
    stage.server.ask("unbind web").unwrap();
    let left = std::process::Command::new("nsenter")
        .args([&format!("--net=/proc/{}/ns/net", lodger.id()), "--", "nft", "list", "ruleset"])
        .output()
        .unwrap();
    lodger.kill().unwrap();
    lodger.wait().unwrap();
    assert!(left.status.success(), "{left:?}");
    let left = String::from_utf8(left.stdout).unwrap();
    assert!(left.contains("table ip mooring"), "that is not the namespace: {left}");
    assert!(!left.contains(&EIP.to_string()) && !left.contains(&lab::HAVIP.to_string()), "{left}");
}
