//! What lies between a claim and the kernel goes before whatever else the machine does, and nothing else of the gateway does.

use mooring_tests::{usage::threads, wait_for};

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
