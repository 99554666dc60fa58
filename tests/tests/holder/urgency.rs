//! What lies between a claim and the kernel goes before whatever else the machine does, and nothing else of the gateway does.

use mooring_tests::{lab, server::Options, usage::threads, wait_for};

use crate::stage::*;

#[test]
fn the_threads_that_move_traffic_go_before_all_others_and_only_they_do() {
    let stage = Stage::carrying().unwrap();
    let pid = stage.server.pid().unwrap();
    // In the middle of what takes long they go before nobody.
    wait_for("the threads between a claim and the kernel to go first", PATIENT, || {
        let threads = threads(pid).map_err(|error| format!("{error:#}"))?;
        let is_first = |name: &str| threads.iter().any(|thread| thread.name == name && thread.priority == 1);
        if is_first("watcher") && is_first("failover") { Ok(()) } else { Err(format!("{threads:?}")) }
    })
    .unwrap();
    let urgent = ["watcher", "failover"];
    let others = threads(pid).unwrap().into_iter().filter(|thread| !urgent.contains(&thread.name.as_str()));
    let hasty: Vec<_> = others.filter(|thread| thread.priority > 0).collect();
    assert_eq!(hasty, []);
}

#[test]
fn a_gateway_that_may_not_go_first_says_so_and_moves_traffic_all_the_same() {
    let wrapper = ["setpriv", "--bounding-set", "-sys_nice"].map(str::to_owned).to_vec();
    let stage = Stage::carrying_with(Options { wrapper, ..Options::default() }).unwrap();
    stage.leave(&stage.lab.vm_a, lab::HAVIP).unwrap();
    stage.take(&stage.lab.vm_b, lab::HAVIP).unwrap();
    stage.wait_carried("vm-b").unwrap();
    assert!(threads(stage.server.pid().unwrap()).unwrap().iter().all(|thread| thread.priority == 0));
    let log = stage.server.log();
    assert_eq!(log.matches("no real-time priority: a busy machine holds up failovers").count(), 1, "{log}");
}
