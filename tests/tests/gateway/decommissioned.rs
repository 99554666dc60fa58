//! The operator says that a gateway carries nothing, while it runs.

use mooring_tests::{
    lab,
    probe::{Watch, is_private, shown},
    wait_for,
};

use crate::stage::{EIP, PATIENT, Stage, content, silent, traces};

#[test]
fn a_gateway_decommissioned_while_it_runs_takes_everything_out_and_carries_again_after_a_restart() {
    let mut stage = Stage::carrying().unwrap();
    let gateway = stage.lab.gateway.clone();
    stage.server.ask("gateway decommission gw-1").unwrap();
    wait_for("everything to be taken out", PATIENT, || match traces(&gateway, EIP) {
        Ok(left) if left.is_empty() => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
    stage.wait_agree().unwrap();
    assert_eq!(traces(&gateway, lab::HAVIP).unwrap(), Vec::<String>::new());
    let status = stage.server.moor("status").unwrap();
    assert!(status.out.contains("gateway gw-1: decommissioned"), "{status:?}");
    silent(&stage).unwrap();
    let kept = content(&gateway).unwrap();
    assert!(kept.iter().any(|line| line.starts_with("nft") && line.contains(lab::SUBNET)), "{kept:#?}");
    // What it no longer translates does not leave as it is (F2).
    let watch = Watch::start(&stage.lab).unwrap();
    for source in [lab::HAVIP, lab::VM_A] {
        watch.send(&stage.lab.vm_a, lab::MAC_A, source).unwrap();
    }
    let left = watch.passed(is_private).unwrap();
    assert!(left.is_empty(), "{}", shown(&left));
    drop(watch);
    // Nobody waits for it.
    stage.server.ask("unbind web").unwrap();
    stage.server.ask("bind web front").unwrap();

    stage.server.restart(None).unwrap();
    // Waits for every registered gateway, and this one has registered before it was ready to be asked, or soon after.
    wait_for("the gateway to be registered again", PATIENT, || {
        let status = stage.server.moor("status").map_err(|error| format!("{error:#}"))?;
        if status.out.contains("gateway gw-1: registered") { Ok(()) } else { Err(status.out) }
    })
    .unwrap();
    stage.server.ask("bind web front --wait").unwrap();
    assert!(!traces(&gateway, EIP).unwrap().is_empty(), "said to be applied");
    stage.wait_carried().unwrap();
    stage.wait_agree().unwrap();
}
