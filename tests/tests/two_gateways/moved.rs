//! An EIP moves from one HAVIP to another: never is it carried to both, also where a gateway does not hear of it.

use anyhow::Result;
use mooring_tests::{cluster::Part, lab, probe::Prober, wait_for};

use crate::{lanes::*, stage::*};

/// The EIP fronts `front`, which vm-a holds; vm-b has the address of `back`.
fn between_two() -> Result<Stage> {
    let stage = Stage::carrying()?;
    let vm_b = &stage.pair.lab.vm_b;
    vm_b.ip(&format!("address replace {}/32 dev eth0", lab::HAVIP_2))?;
    stage.cluster.ask(&format!("havip create back --subnet web --address {} --member vm-b", lab::HAVIP_2))?;
    wait_for("vm-b to hold the other HAVIP", PATIENT, || match stage.cluster.ask("holder back") {
        Ok(holder) if holder["instance"] == "vm-b" => Ok(()),
        other => Err(format!("{other:?}")),
    })?;
    Ok(stage)
}

/// The events about bindings, in order, by their kinds.
fn kinds(stage: &Stage) -> Result<Vec<String>> {
    let kinds = stage.cluster.events()?.into_iter().map(|(kind, _)| kind);
    Ok(kinds
        .filter(|kind| kind.starts_with("bind_") || kind.contains("bound") || kind.contains("unbind"))
        .collect())
}

#[test]
fn an_eip_moves_under_traffic_and_comes_to_one_instance_and_then_to_the_other() {
    let stage = between_two().unwrap();
    let prober = Prober::start(&stage.pair.lab.client, &lanes(lab::CLIENT, EIP)).unwrap();
    prober.wait_answered(Some("vm-a"), PATIENT).unwrap();
    let moved = stage.cluster.ask("move web back --wait").unwrap();
    assert_eq!(moved["state"], "IN_USE", "{moved}");
    prober.wait_answered(Some("vm-b"), PATIENT).unwrap();
    drop(prober);
    stage.wait_carried("vm-b").unwrap();
    wait_for("the binding that was left to be over", PATIENT, || match kinds(&stage) {
        Ok(kinds) if kinds.last().is_some_and(|last| last == "unbound") => Ok(kinds),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
    let expected = ["bind_requested", "bound", "bind_requested", "unbind_requested", "bound", "unbound"];
    assert_eq!(kinds(&stage).unwrap(), expected);
    stage.wait_agree().unwrap();
    // The HAVIP that was left is free for another.
    stage.cluster.ask("havip delete front").unwrap();
}

#[test]
fn a_gateway_that_has_not_heard_of_a_move_keeps_the_eip_from_the_other_havip() {
    let mut stage = between_two().unwrap();
    stage.cluster.part_mut(Part::Gateway(1)).kill9().unwrap();
    let waits = stage.cluster.moor("move web back --timeout 2 -o json").unwrap().refusal().unwrap();
    assert_eq!(waits.exit, 4, "{waits:?}");
    stage.wait_translated(0, EIP, None).unwrap();
    assert_eq!(stage.translated(1, EIP), Some(lab::HAVIP.to_string()), "its rules stay");
    assert_eq!(stage.waiting_for("web").unwrap(), ["gw-2"]);
    for line in ["unbind web", "bind web back", "move web front"] {
        let refusal = stage.cluster.moor(&format!("{line} -o json")).unwrap().refusal().unwrap();
        assert_eq!(refusal.reason, "EIP_IN_TRANSITION", "{line}: {refusal:?}");
    }
    assert_eq!(kinds(&stage).unwrap(), ["bind_requested", "bound", "bind_requested", "unbind_requested"]);
    stage.cluster.part_mut(Part::Gateway(1)).restart().unwrap();
    for gateway in 0..2 {
        stage.wait_translated(gateway, EIP, Some(lab::HAVIP_2)).unwrap();
    }
    stage.wait_carried("vm-b").unwrap();
    stage.wait_agree().unwrap();
}
