//! A holder that is not there any more: keepalived stopped in order or killed, its instance dead, its link down. The traffic
//! stays where it is until somebody else announces the HAVIP.

use std::time::Instant;

use anyhow::Result;
use mooring_tests::{
    Keepalived,
    figures::{ms, show},
    lab, wait_for,
};

use crate::stage::*;

/// vm-a holds it by keepalived, alone, and the EIP is carried.
fn kept() -> Result<(Stage, Keepalived)> {
    let stage = Stage::stocked()?;
    let on_a = stage.lab.keepalived(&stage.lab.vm_a, 150, lab::HAVIP)?;
    on_a.wait_holds(PATIENT)?;
    stage.server.ask("bind web front --wait")?;
    stage.wait_carried("vm-a")?;
    stage.wait_state("front", "HELD")?;
    Ok((stage, on_a))
}

/// Waits until it is known that vm-a does not answer, and says how long that took.
fn wait_stale(stage: &Stage, how: &str) {
    let begun = Instant::now();
    stage.wait_state("front", "STALE").unwrap();
    show(&format!("{how}: known as STALE {} later", ms(begun.elapsed())));
    let holder = stage.holder("front").unwrap();
    assert_eq!((&holder["instance"], &holder["unheard_by"]), (&"vm-a".into(), &"gw-1".into()), "{holder}");
    assert!(holder["last_heard_at"].is_string(), "{holder}");
    assert_eq!(stage.neighbour(), lab::MAC_A, "it keeps the traffic");
}

#[test]
fn keepalived_that_stops_leaves_a_stale_holder_until_another_takes_over() {
    let (stage, mut on_a) = kept().unwrap();
    let tables = stage.nat_table().unwrap();
    on_a.stop().unwrap();
    wait_stale(&stage, "keepalived stopped");
    let listed = stage.server.moor("holders").unwrap().out;
    assert!(listed.contains("vm-a (silent since "), "{listed}");
    let explained = stage.server.moor("explain web").unwrap().out;
    assert!(
        explained.contains("HOLDER_SILENT: vm-a holds the HAVIP front and answers no more"),
        "{explained}"
    );
    let status = stage.server.moor("status").unwrap();
    assert!(status.out.contains("1 of 1 holders asked here answer no more"), "{status:?}");
    assert_eq!(stage.metric("mooring_silent_holders").unwrap(), 1);

    let on_b = stage.lab.keepalived(&stage.lab.vm_b, 100, lab::HAVIP).unwrap();
    on_b.wait_holds(PATIENT).unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_holder("front", "vm-b").unwrap();
    stage.wait_state("front", "HELD").unwrap();
    assert_eq!(stage.nat_table().unwrap(), tables, "F1");
    let kinds = stage.kinds_of_holders().unwrap();
    assert_eq!(kinds, ["holder_changed", "holder_silent", "holder_changed"]);
    stage.wait_agree().unwrap();
}

#[test]
fn keepalived_that_crashes_keeps_the_address_and_its_holder_answers_on() {
    let (stage, mut on_a) = kept().unwrap();
    on_a.kill9().unwrap();
    // It was asked often enough to be found silent, if it were.
    let asked = stage.metric("mooring_probes_total").unwrap();
    stage.wait_metric("mooring_probes_total", asked + 6).unwrap();
    stage.wait_carried("vm-a").unwrap();
    stage.wait_state("front", "HELD").unwrap();
    assert_eq!(stage.kinds_of_holders().unwrap(), ["holder_changed"]);
}

#[test]
fn an_instance_that_dies_is_silent_and_one_that_comes_back_is_heard() {
    let (stage, mut on_a) = kept().unwrap();
    on_a.kill9().unwrap();
    stage.lab.unplug(&stage.lab.vm_a).unwrap();
    wait_stale(&stage, "the instance dead");
    // Nothing is written for each question.
    let told = stage.kinds_of_holders().unwrap();
    let asked = stage.metric("mooring_probes_total").unwrap();
    stage.wait_metric("mooring_probes_total", asked + 3).unwrap();
    assert_eq!(stage.kinds_of_holders().unwrap(), told);
    assert_eq!(stage.metric("mooring_probed_holders").unwrap(), 1);

    stage.lab.plug(&stage.lab.vm_a).unwrap();
    stage.wait_state("front", "HELD").unwrap();
    stage.wait_carried("vm-a").unwrap();
    let kinds = stage.kinds_of_holders().unwrap();
    assert_eq!(kinds, ["holder_changed", "holder_silent", "holder_heard"]);
}

#[test]
fn a_link_that_goes_down_silences_its_holder_and_a_havip_that_nobody_held_is_not_asked_for() {
    let (stage, _on_a) = kept().unwrap();
    let havip = lab::HAVIP_2;
    stage.server.ask(&format!("havip create back --subnet web --address {havip} --member vm-a")).unwrap();
    stage.lab.vm_a.ip("link set eth0 down").unwrap();
    wait_stale(&stage, "the link down");
    assert_eq!(stage.metric("mooring_probed_holders").unwrap(), 1, "of two HAVIPs");
    assert_eq!(stage.holder("back").unwrap()["state"], "NONE");
}

/// The gateway's own cable says nothing of the holders behind it.
#[test]
fn a_gateway_that_is_cut_off_takes_no_holder_for_silent() {
    let (stage, _on_a) = kept().unwrap();
    stage.lab.unplug(&stage.lab.gateway).unwrap();
    // Each of these takes as long as an answer may: together longer than it takes to find somebody silent.
    let mut lost = 0;
    wait_for("packets to be lost for long enough", PATIENT, || match stage.who() {
        Err(_) if lost == 15 => Ok(()),
        Err(error) => {
            lost += 1;
            Err(error.to_string())
        }
        Ok(who) => Err(who),
    })
    .unwrap();
    assert_eq!(stage.kinds_of_holders().unwrap(), ["holder_changed"]);
    stage.lab.plug(&stage.lab.gateway).unwrap();
    stage.wait_carried("vm-a").unwrap();
    stage.wait_state("front", "HELD").unwrap();
}
