//! The right holder is found without a person: an announcement that was lost, a gateway that was away when it came, one that
//! began when nobody had anything to say.

use anyhow::Result;
use mooring_tests::{lab, probe::ping};

use crate::stage::*;

/// vm-b has the HAVIP, vm-a does not any more, and nobody has said so.
fn handed_over_in_silence(stage: &Stage) -> Result<()> {
    stage.leave(&stage.lab.vm_a, lab::HAVIP)?;
    stage.have(&stage.lab.vm_b, lab::HAVIP)
}

#[test]
fn an_announcement_that_was_lost_is_made_up_for_when_the_old_holder_answers_no_more() {
    let stage = Stage::carrying().unwrap();
    let tables = stage.nat_table().unwrap();
    handed_over_in_silence(&stage).unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_holder("front", "vm-b").unwrap();
    stage.wait_state("front", "HELD").unwrap();
    assert_eq!(stage.nat_table().unwrap(), tables, "F1");
    assert_eq!(stage.count("holder_changed").unwrap(), 2);
    stage.wait_agree().unwrap();
}

/// What the new holder sends is fenced at first: the gateway asks who it is.
#[test]
fn an_announcement_that_was_lost_is_made_up_for_at_once_when_the_new_holder_sends() {
    let stage = Stage::carrying().unwrap();
    ping(&stage.lab.vm_a, lab::HAVIP, lab::CLIENT, 56, PATIENT).unwrap();
    handed_over_in_silence(&stage).unwrap();
    stage.wait_sends(&stage.lab.vm_b).unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_holder("front", "vm-b").unwrap();
    stage.wait_agree().unwrap();
}

#[test]
fn a_gateway_that_was_restarted_in_the_middle_of_a_failover_finds_the_new_holder() {
    let mut stage = Stage::carrying().unwrap();
    let tables = stage.nat_table().unwrap();
    stage.leave(&stage.lab.vm_a, lab::HAVIP).unwrap();
    stage.server.kill9().unwrap();
    stage.take(&stage.lab.vm_b, lab::HAVIP).unwrap();
    assert_eq!(stage.neighbour(), lab::MAC_A, "nobody was there to hear it");
    stage.server.restart(None).unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_holder("front", "vm-b").unwrap();
    assert_eq!(stage.nat_table().unwrap(), tables, "F1");
    stage.wait_agree().unwrap();
}

#[test]
fn a_gateway_that_begins_when_nobody_announces_asks_and_is_answered() {
    let stage = Stage::empty().unwrap();
    stage.have(&stage.lab.vm_a, lab::HAVIP).unwrap();
    stage.server.stock().unwrap();
    stage.wait_holder("front", "vm-a").unwrap();
    stage.server.ask("bind web front --wait").unwrap();
    stage.wait_carried("vm-a").unwrap();
    stage.wait_sends(&stage.lab.vm_a).unwrap();
}
