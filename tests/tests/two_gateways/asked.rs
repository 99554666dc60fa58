//! Whether a holder is still there is asked by one of the two gateways; when that one dies, by the other.

use anyhow::{Context, Result};
use mooring_tests::{cluster::Part, wait_for};

use crate::{lanes::*, stage::*};

/// How many holders a gateway asks.
fn asks(stage: &Stage, gateway: usize) -> Result<u64> {
    let status = stage.cluster.moor_at(gateway, "status -o json")?.json()?;
    let holders = status["status"]["vpcs"][0]["probing"]["holders"].as_u64();
    holders.with_context(|| status.to_string())
}

/// The events about holders so far, by their kinds.
fn kinds(stage: &Stage) -> Vec<String> {
    let kinds = stage.cluster.events().unwrap().into_iter().map(|(kind, _)| kind);
    kinds.filter(|kind| kind.starts_with("holder_")).collect()
}

#[test]
fn one_gateway_asks_a_holder_and_when_it_dies_the_other_does() {
    let mut stage = Stage::carrying().unwrap();
    let asking = wait_for("one gateway alone to ask", PATIENT, || match [asks(&stage, 0), asks(&stage, 1)] {
        [Ok(1), Ok(0)] => Ok(0),
        [Ok(0), Ok(1)] => Ok(1),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
    let other = 1 - asking;
    stage.cluster.part_mut(Part::Gateway(asking)).kill9().unwrap();
    wait_for("the other to ask", PATIENT, || match asks(&stage, other) {
        Ok(1) => Ok(()),
        not => Err(format!("{not:?}")),
    })
    .unwrap();

    // vm-a dies, and vm-b does not take over: it has died before.
    stage.on_b.kill9().unwrap();
    stage.on_a.stop().unwrap();
    wait_for("its silence to be known", PATIENT, || match stage.cluster.ask("holder front") {
        Ok(holder) if holder["state"] == "STALE" => Ok(()),
        not => Err(format!("{not:?}")),
    })
    .unwrap();
    stage.cluster.part_mut(Part::Gateway(asking)).restart().unwrap();
    wait_for("the first to ask again", PATIENT, || match [asks(&stage, asking), asks(&stage, other)] {
        [Ok(1), Ok(0)] => Ok(()),
        not => Err(format!("{not:?}")),
    })
    .unwrap();
    let kinds = kinds(&stage);
    let silences = kinds.iter().filter(|kind| *kind != "holder_changed").collect::<Vec<_>>();
    assert_eq!(silences, ["holder_silent"], "of {kinds:?}: who asks is nobody's business");
}
