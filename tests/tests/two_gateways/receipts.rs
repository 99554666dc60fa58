//! Each gateway says how long it took to follow a failover: also one of which there was nobody to tell when it happened.

use std::time::SystemTime;

use humantime::parse_rfc3339;
use mooring_tests::{
    cluster::Part,
    figures::{ms, show},
    wait_for,
};
use serde_json::Value;

use crate::{lanes::*, stage::*};

const SERVICES: [Part; 3] = [Part::Resource, Part::Binding, Part::Health];

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Waits until `moor failovers front` has so many, and returns what it says.
fn wait_receipts(stage: &Stage, count: u64) -> Value {
    wait_for(&format!("{count} receipts"), PATIENT, || match stage.cluster.ask("failovers front") {
        Ok(said) if said["total_size"] == count => Ok(said),
        other => Err(format!("{other:?}")),
    })
    .unwrap()
}

/// Every change of the holder: where it is recorded.
fn changes(stage: &Stage) -> Vec<Value> {
    let log = stage.cluster.moor("log --kind holder_changed -o json").unwrap().out;
    let commits = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    commits.map(|commit| commit["position"].clone()).collect()
}

/// Whose receipt it is, of what, and that its times are in their order.
fn told(receipt: &Value) -> (String, String, Value) {
    let time = |field: &str| parse_rfc3339(word(&receipt[field])).unwrap();
    let all = ["claimed_at", "decided_at", "applied_at", "followed_at"].map(time);
    assert!(all.is_sorted() && all[0] < all[3], "{receipt}");
    let name = |field: &str| word(&receipt[field]).to_owned();
    (name("gateway"), name("instance"), receipt["stored_position"].clone())
}

#[test]
fn both_gateways_have_a_receipt_of_every_failover_also_of_one_that_nobody_could_record() {
    let mut stage = Stage::carrying().unwrap();
    let first = wait_receipts(&stage, 2);
    stage.cluster.nats.kill9().unwrap();
    for part in SERVICES {
        stage.cluster.part_mut(part).kill9().unwrap();
    }
    let outcome = stage.vm_a_dies().unwrap();
    show(&format!("a failover with nobody to tell: {} at most", ms(outcome.longest)));
    stage.wait_carried("vm-b").unwrap();
    let back = SystemTime::now();
    stage.cluster.nats.restart().unwrap();
    stage.cluster.launch().unwrap();

    let said = wait_receipts(&stage, 4);
    let receipts = said["failovers"].as_array().unwrap();
    let changes = changes(&stage);
    let mut found: Vec<_> = receipts.iter().map(told).collect();
    found.sort_by_key(|(gateway, instance, _)| (instance.clone(), gateway.clone()));
    let of = |gateway: &str, instance: &str, change: usize| {
        (gateway.to_owned(), instance.to_owned(), changes[change].clone())
    };
    let expected =
        [of("gw-1", "vm-a", 0), of("gw-2", "vm-a", 0), of("gw-1", "vm-b", 1), of("gw-2", "vm-b", 1)];
    assert_eq!((found, changes.len()), (expected.to_vec(), 2));
    // The kernels had it while there was nobody to tell, and the log afterwards.
    for receipt in receipts.iter().filter(|receipt| receipt["instance"] == "vm-b") {
        let time = |field: &str| parse_rfc3339(word(&receipt[field])).unwrap();
        assert!(time("applied_at") < back && time("followed_at") > back, "{receipt}");
    }
    assert_eq!(first["failovers"].as_array().unwrap()[..], receipts[2..], "each is recorded once");
    let ids: std::collections::BTreeSet<_> = receipts.iter().map(|receipt| word(&receipt["id"])).collect();
    assert_eq!(ids.len(), 4);
    stage.wait_agree().unwrap();
}
