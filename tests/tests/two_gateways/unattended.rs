//! The HAVIP moves while there is nobody to tell: neither health nor the log nor any other service. Both gateways follow
//! at once, each by its own decision; afterwards the log has what happened, with both clocks.

use std::time::SystemTime;

use humantime::parse_rfc3339;
use mooring_tests::{
    cluster::Part,
    figures::{ms, show},
    lab, wait_for,
};
use serde_json::Value;

use crate::{lanes::*, stage::*};

const SERVICES: [Part; 3] = [Part::Resource, Part::Binding, Part::Health];

/// Every change of the holder: the instance, and when the claim was seen.
fn changes(stage: &Stage) -> Vec<(String, SystemTime)> {
    let events = stage.cluster.events().unwrap().into_iter();
    let changes = events.filter(|(kind, _)| kind == "holder_changed").map(|(_, event)| event);
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let seen = |event: &Value| parse_rfc3339(&word(&event["claim"]["observed_at"])).unwrap();
    changes.map(|event| (word(&event["holder"]["instance"]), seen(&event))).collect()
}

#[test]
fn a_failover_needs_neither_health_nor_the_log_and_is_recorded_when_they_are_back() {
    let mut stage = Stage::carrying().unwrap();
    stage.wait_agree().unwrap();
    let tables = [stage.nat_table(0).unwrap(), stage.nat_table(1).unwrap()];
    let before = changes(&stage);
    stage.cluster.nats.kill9().unwrap();
    for part in SERVICES {
        stage.cluster.part_mut(part).kill9().unwrap();
    }

    let outcome = stage.vm_a_dies().unwrap();
    show(&format!("a failover with every service and NATS killed: {} at most", ms(outcome.longest)));
    stage.wait_carried("vm-b").unwrap();
    assert_eq!([stage.nat_table(0).unwrap(), stage.nat_table(1).unwrap()], tables, "F1");

    let back = SystemTime::now();
    stage.cluster.nats.restart().unwrap();
    stage.cluster.launch().unwrap();
    stage.wait_holder("vm-b").unwrap();
    let after = changes(&stage);
    let (instance, seen) = &after[before.len()];
    assert_eq!((after.len(), instance.as_str()), (before.len() + 1, "vm-b"), "{after:?}");
    assert!(*seen < back, "it was seen before anybody was there to record it");
    nothing_is_provisional(&stage);
    stage.wait_agree().unwrap();
    stage.wait_carried("vm-b").unwrap();
}

#[test]
fn while_health_is_away_a_gateway_explains_what_it_decided_itself() {
    let mut stage = Stage::carrying().unwrap();
    stage.wait_agree().unwrap();
    stage.cluster.part_mut(Part::Health).kill9().unwrap();
    stage.vm_a_dies().unwrap();
    stage.wait_carried("vm-b").unwrap();
    for gateway in [0, 1] {
        let explained = stage.cluster.moor_at(gateway, "explain web").unwrap();
        let decided = format!("{} is at {} by its own decision, seen ", lab::HAVIP, lab::MAC_B);
        assert!(explained.out.contains(&decided), "{explained:?}");
        let back = format!("trace {} {}", lab::HAVIP, lab::CLIENT);
        let traced = stage.cluster.moor_at(gateway, &back).unwrap();
        let holds = traced.out.lines().skip_while(|line| !line.contains("(vm-b) holds")).nth(1);
        assert!(holds.is_some_and(|line| !line.contains("by commit")), "{traced:?}");
        let logged = stage.cluster.moor_at(gateway, &format!("{back} --at end")).unwrap();
        assert!(logged.out.contains("(vm-a) holds"), "the log knows of no other: {logged:?}");
    }

    stage.cluster.launch().unwrap();
    stage.wait_holder("vm-b").unwrap();
    nothing_is_provisional(&stage);
    let explained = stage.cluster.moor_at(0, "explain web").unwrap();
    assert!(!explained.out.contains("by its own decision"), "{explained:?}");
}

/// Health's word has come: gateways say of no HAVIP any more that they decided themselves.
fn nothing_is_provisional(stage: &Stage) {
    for gateway in [0, 1] {
        wait_for(&format!("gateway {gateway} to have health's word"), PATIENT, || {
            let said = stage.cluster.moor_at(gateway, "status").map_err(|error| error.to_string())?;
            if said.exit == 0 && !said.out.contains("health has not decided") {
                Ok(())
            } else {
                Err(format!("{said:?}"))
            }
        })
        .unwrap();
    }
}
