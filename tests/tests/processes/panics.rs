//! A panic ends what it happened in: a call, or the process. None leaves a process that says it is ready and lacks a part.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use mooring_tests::{Mooringd, server::Options, wait_for};
use nix::sys::signal::Signal;

#[test]
fn where_the_process_manager_panics_the_process_ends_and_its_next_start_finishes_the_bind() {
    let plant = Some("bind.after-bound".to_owned());
    let mut server = Mooringd::alone(Options { plant, ..Options::default() }).unwrap();
    server.stock().unwrap();
    let answer = server.moor("bind web front --timeout 5 -o json").unwrap();
    assert!([0, 4].contains(&answer.exit), "{answer:?}");
    assert_eq!(server.wait_ended().unwrap().signal(), Some(Signal::SIGABRT as i32));
    let log = server.log();
    assert!(log.contains("planted: bind.after-bound"), "{log}");
    assert!(log.contains("a panic outside of any call"), "{log}");
    server.restart_healed().unwrap();
    wait_for("the EIP to be IN_USE", Duration::from_secs(20), || {
        let eip = server.ask("eip get web").map_err(|error| format!("{error:#}"))?;
        if eip["state"] == "IN_USE" { Ok(()) } else { Err(eip.to_string()) }
    })
    .unwrap();
}

#[test]
fn a_call_that_panics_is_answered_and_everybody_else_is_served() {
    let plant = Some("/mooring.resource.v1.ResourceService/ListVpcs".to_owned());
    let server = Mooringd::alone(Options { plant, ..Options::default() }).unwrap();
    for _ in 0..2 {
        let refusal = server.refuse("vpc list --timeout 2").unwrap();
        assert_eq!(refusal.reason, "OUTCOME_UNKNOWN");
    }
    server.stock().unwrap();
    assert!(!server.log().contains("outside of any call"), "{}", server.log());
}
