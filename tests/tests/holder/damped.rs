//! Damping and policy on a real link: what was too early is asked for, and who may hold it is what the HAVIP was made for.

use anyhow::Result;
use mooring_tests::{lab, server::events, wait_for};

use crate::stage::{PATIENT, Stage};

/// The back-off is longer than what comes before its end may take here.
#[test]
fn who_announced_itself_too_early_is_asked_when_the_back_off_ends() -> Result<()> {
    let stage = Stage::stocked()?;
    let (havip, members) = (lab::HAVIP_2, "--member vm-a --member vm-b --damping 10s/20s");
    stage.server.ask(&format!("havip create back --subnet web --address {havip} {members}"))?;
    stage.take(&stage.lab.vm_a, havip)?;
    stage.wait_holder("back", "vm-a")?;
    stage.leave(&stage.lab.vm_a, havip)?;
    // It says so once, and never again.
    stage.take(&stage.lab.vm_b, havip)?;
    stage.wait_holder("back", "vm-b")?;
    let told = events(&stage.server.moor("holder back --history -o json")?)?;
    // Meanwhile vm-a answers no probe.
    let told: Vec<_> = told.iter().filter(|(kind, _)| kind != "holder_silent").collect();
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| &**kind).collect();
    assert_eq!(kinds, ["holder_changed", "holder_contested", "holder_changed"], "{told:?}");
    let first = &told[0].1;
    let (held, moved) = (&first["claim"]["observed_at"], &told[2].1["claim"]["observed_at"]);
    assert!(held.as_str() < moved.as_str(), "{held} {moved}");
    // Its receipt begins with the answer: what damping held up is not the gateway's time.
    let receipts = wait_for("both receipts", PATIENT, || match stage.server.ask("failovers back") {
        Ok(said) if said["total_size"] == 2 => Ok(said["failovers"].clone()),
        other => Err(format!("{other:?}")),
    })?;
    assert_eq!((&receipts[0]["claimed_at"], &receipts[1]["claimed_at"]), (moved, held));
    stage.wait_agree()
}

#[test]
fn one_open_to_its_subnet_is_taken_by_a_vnic_that_was_made_later() -> Result<()> {
    let stage = Stage::stocked()?;
    let havip = lab::HAVIP_2;
    let rules = "--member vm-a --claims subnet --damping off";
    stage.server.ask(&format!("havip create back --subnet web --address {havip} {rules}"))?;
    stage.take(&stage.lab.vm_b, havip)?;
    stage.wait_holder("back", "vm-b")?;
    stage.leave(&stage.lab.vm_b, havip)?;
    let (late, mac, address) = (&stage.lab.host_c, lab::MAC_C, lab::HOST_C);
    stage.server.ask(&format!("vnic create {} --subnet web --mac {mac} --address {address}", late.role()))?;
    stage.take_until_heard(late, havip, "back")?;
    stage.wait_agree()
}
