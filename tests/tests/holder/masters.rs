//! Instances that are at odds over who is master: two at once, one that kept the address, one that has no business there.
//! Through all of it the translation is the same table (F1), and one alone serves.

use mooring_tests::{Keepalived, lab, probe::ping, wait_for};

use crate::stage::*;

/// What every master says to the others is not heard here any more, or is again.
fn deafen(stage: &Stage, deaf: bool) {
    for vm in [&stage.lab.vm_a, &stage.lab.vm_b] {
        if deaf {
            vm.output("nft add table inet deaf").unwrap();
            vm.output("nft add chain inet deaf input { type filter hook input priority 0 ; }").unwrap();
            vm.output("nft add rule inet deaf input ip protocol vrrp drop").unwrap();
        } else {
            vm.output("nft delete table inet deaf").unwrap();
        }
    }
}

/// vm-a is master by keepalived and carries the EIP, vm-b waits.
fn kept() -> (Stage, Keepalived, Keepalived) {
    let stage = Stage::stocked().unwrap();
    let on_a = stage.lab.keepalived(&stage.lab.vm_a, 150, lab::HAVIP).unwrap();
    on_a.wait_holds(PATIENT).unwrap();
    let on_b = stage.lab.keepalived(&stage.lab.vm_b, 100, lab::HAVIP).unwrap();
    stage.server.ask("bind web front --wait").unwrap();
    stage.wait_carried("vm-a").unwrap();
    stage.wait_holder("front", "vm-a").unwrap();
    (stage, on_a, on_b)
}

#[test]
fn of_two_masters_one_alone_serves_and_when_they_hear_each_other_the_right_one_does() {
    let (stage, _on_a, on_b) = kept();
    let tables = stage.nat_table().unwrap();
    deafen(&stage, true);
    on_b.wait_holds(PATIENT).unwrap();
    stage.wait_holder("front", "vm-b").unwrap();
    let who =
        wait_for("somebody to answer", PATIENT, || stage.who().map_err(|error| error.to_string())).unwrap();
    assert!(who == "vm-a" || who == "vm-b", "{who}");
    // What one of them sends is fenced. (Which one may change between the two: keepalived announces itself again after 5 s.)
    wait_for("the other one to be fenced", PATIENT, || {
        let sends = |vm| ping(vm, lab::HAVIP, lab::CLIENT, 56, SHORT).is_ok();
        match (sends(&stage.lab.vm_a), sends(&stage.lab.vm_b)) {
            (true, false) | (false, true) => Ok(()),
            both => Err(format!("{both:?}")),
        }
    })
    .unwrap();

    deafen(&stage, false);
    wait_for("vm-b to give it up", PATIENT, || match on_b.holds() {
        Ok(false) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
    stage.wait_carried("vm-a").unwrap();
    stage.wait_holder("front", "vm-a").unwrap();
    stage.wait_sends(&stage.lab.vm_a).unwrap();
    assert_eq!(stage.nat_table().unwrap(), tables, "F1");
    stage.wait_agree().unwrap();
}

/// A zombie: keepalived was killed, and the address is still there. What it sends reaches nobody, and what it answers does not
/// bring the traffic back.
#[test]
fn a_master_that_does_not_release_is_fenced_and_the_new_one_keeps_the_traffic() {
    let (stage, mut on_a, on_b) = kept();
    let tables = stage.nat_table().unwrap();
    ping(&stage.lab.vm_a, lab::HAVIP, lab::CLIENT, 56, PATIENT).unwrap();
    on_a.kill9().unwrap();
    on_b.wait_holds(PATIENT).unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_holder("front", "vm-b").unwrap();
    assert!(stage.lab.vm_a.has_address(lab::HAVIP).unwrap(), "it is no zombie");
    let so_far = stage.kinds_of_holders().unwrap();

    // Each of these packets makes the gateway ask who has the address, and both have it.
    for _ in 0..8 {
        assert!(
            ping(&stage.lab.vm_a, lab::HAVIP, lab::CLIENT, 56, SHORT).is_err(),
            "the zombie was answered"
        );
    }
    assert!(stage.dropped_packets("not_holder").unwrap() >= 8);
    stage.wait_sends(&stage.lab.vm_b).unwrap();
    stage.wait_carried("vm-b").unwrap();
    // The old one is asked no more, the new one is, and answers.
    let asked = stage.metric("mooring_probes_total").unwrap();
    stage.wait_metric("mooring_probes_total", asked + 3).unwrap();
    stage.wait_state("front", "HELD").unwrap();
    assert_eq!(stage.kinds_of_holders().unwrap(), so_far);
    assert_eq!(stage.nat_table().unwrap(), tables, "F1");
    stage.wait_agree().unwrap();
}

#[test]
fn a_strangers_keepalived_at_a_higher_priority_gets_nothing_and_members_have_it_back_afterwards() {
    let (stage, on_a, _on_b) = kept();
    let tables = stage.nat_table().unwrap();
    let mut on_c = stage.lab.keepalived(&stage.lab.host_c, 200, lab::HAVIP).unwrap();
    on_c.wait_holds(PATIENT).unwrap();
    wait_for("vm-a to give it up", PATIENT, || match on_a.holds() {
        Ok(false) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
    // keepalived of members obeys it; Mooring does not, and nobody who may holds it now.
    stage.wait_state("front", "STALE").unwrap();
    assert!(stage.who().is_err(), "a stranger answers at the EIP");
    assert!(
        ping(&stage.lab.host_c, lab::HAVIP, lab::CLIENT, 56, SHORT).is_err(),
        "a stranger sends as the EIP"
    );
    assert_ne!(stage.neighbour(), lab::MAC_C);
    assert!(stage.count("claim_rejected").unwrap() > 0, "it is not told of");

    on_c.stop().unwrap();
    on_a.wait_holds(PATIENT).unwrap();
    stage.wait_carried("vm-a").unwrap();
    stage.wait_state("front", "HELD").unwrap();
    stage.wait_sends(&stage.lab.vm_a).unwrap();
    assert_eq!(stage.nat_table().unwrap(), tables, "F1");
    stage.wait_agree().unwrap();
}
