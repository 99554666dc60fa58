//! A clock that is set while the gateway works: the right holder is found as ever, and nobody loses a HAVIP for it.

use anyhow::{Context, Result};
use mooring_proto::health::v1::{AnnounceRequest, health_service_client::HealthServiceClient};
use mooring_tests::{Namespace, lab};

use crate::stage::*;

const HOUR: i64 = 3600;

/// `from` lets go of the HAVIP and `to` announces it, once.
fn fails_over(stage: &Stage, from: &Namespace, to: &Namespace) -> Result<()> {
    stage.leave(from, lab::HAVIP)?;
    stage.take(to, lab::HAVIP)?;
    stage.wait_carried(to.role())?;
    stage.wait_holder("front", to.role())
}

#[test]
fn clocks_that_are_set_forward_and_back_hold_up_no_failover() {
    let mut stage = Stage::carrying_by_its_own_clock().unwrap();
    let tables = stage.nat_table().unwrap();
    let (a, b) = (stage.lab.vm_a.clone(), stage.lab.vm_b.clone());
    for (clock, from, to) in [(HOUR, &a, &b), (-HOUR, &b, &a), (0, &a, &b), (-2 * HOUR, &b, &a)] {
        stage.server.set_clock(clock).unwrap();
        fails_over(&stage, from, to).unwrap();
    }
    // And one that was set while nobody looked.
    stage.server.kill9().unwrap();
    stage.server.set_clock(-3 * HOUR).unwrap();
    stage.server.restart(None).unwrap();
    fails_over(&stage, &a, &b).unwrap();
    assert_eq!(stage.nat_table().unwrap(), tables, "F1");
    assert_eq!(stage.count("holder_changed").unwrap(), 6);
    stage.wait_agree().unwrap();
}

#[test]
fn a_silent_holder_is_found_and_heard_again_while_clocks_are_set() {
    let stage = Stage::carrying_by_its_own_clock().unwrap();
    let vm = &stage.lab.vm_a;
    for clock in [HOUR, -HOUR] {
        stage.leave(vm, lab::HAVIP).unwrap();
        stage.wait_state("front", "STALE").unwrap();
        stage.server.set_clock(clock).unwrap();
        stage.have(vm, lab::HAVIP).unwrap();
        stage.wait_state("front", "HELD").unwrap();
    }
    stage.wait_carried("vm-a").unwrap();
    assert_eq!(stage.count("holder_changed").unwrap(), 1);
}

/// Announces a HAVIP for vm-a over gRPC. When the lease ends.
fn announce(stage: &Stage, havip: &str, lease_ms: u64) -> Result<u64> {
    let name = |line: &str| -> Result<String> {
        Ok(stage.server.ask(line)?["name"].as_str().context("no name")?.to_owned())
    };
    let (havip, vnic) = (name(&format!("havip get {havip}"))?, name("vnic get vm-a")?);
    let request = AnnounceRequest { havip, vnic, lease_ms, ..AnnounceRequest::default() };
    let call = async |channel| HealthServiceClient::new(channel).announce(request).await;
    Ok(stage.server.call(call)??.into_inner().lease_ends_at)
}

#[test]
fn a_clock_that_is_set_ends_no_lease_and_a_lease_ends_by_the_new_one() {
    let stage = Stage::carrying_by_its_own_clock().unwrap();
    for (name, address) in [("far", "10.0.1.61"), ("near", "10.0.1.62")] {
        let line = format!("havip create {name} --subnet web --address {address} --member vm-a --announce");
        stage.server.ask(&line).unwrap();
    }
    let minute = 60_000;
    let first = announce(&stage, "far", minute).unwrap();
    stage.server.set_clock(HOUR).unwrap();
    // That one's lease has ended says that health has looked, by the new clock.
    announce(&stage, "near", 1000).unwrap();
    stage.wait_state("near", "NONE").unwrap();
    stage.wait_holder("far", "vm-a").unwrap();
    let ahead = announce(&stage, "far", minute).unwrap();
    stage.server.set_clock(0).unwrap();
    let back = announce(&stage, "far", minute).unwrap();
    assert!(first < back && back < ahead, "{first} {back} {ahead}");
    assert_eq!(stage.count("holder_withdrawn").unwrap(), 1);
}
