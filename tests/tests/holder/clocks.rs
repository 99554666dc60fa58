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

/// A HAVIP that vm-a may announce over gRPC, where gateways see nothing of it.
fn announced(stage: &Stage, name: &str, address: &str) -> Result<()> {
    let line = format!("havip create {name} --subnet web --address {address} --member vm-a --announce");
    stage.server.ask(&line).map(drop)
}

/// Announces it. When the lease ends.
fn announce(stage: &Stage, havip: &str, lease_ms: u64) -> Result<u64> {
    let name = |line: &str| -> Result<String> {
        Ok(stage.server.ask(line)?["name"].as_str().context("no name")?.to_owned())
    };
    let (havip, vnic) = (name(&format!("havip get {havip}"))?, name("vnic get vm-a")?);
    let request = AnnounceRequest { havip, vnic, lease_ms, ..AnnounceRequest::default() };
    let answer =
        stage.server.call(async |channel| HealthServiceClient::new(channel).announce(request).await)??;
    Ok(answer.into_inner().lease_ends_at)
}

#[test]
fn a_clock_that_is_set_ends_no_lease_and_a_lease_ends_by_the_new_one() {
    let stage = Stage::carrying_by_its_own_clock().unwrap();
    announced(&stage, "far", "10.0.1.61").unwrap();
    announced(&stage, "near", "10.0.1.62").unwrap();
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

#[test]
fn the_lease_of_a_holder_that_is_gone_ends_also_when_the_clock_was_set_back() {
    let mut stage = Stage::carrying_by_its_own_clock().unwrap();
    announced(&stage, "far", "10.0.1.61").unwrap();
    announce(&stage, "far", 3000).unwrap();
    stage.server.set_clock(-HOUR).unwrap();
    stage.wait_state("far", "NONE").unwrap();
    // And where it was set while nobody looked.
    announce(&stage, "far", 3000).unwrap();
    stage.server.kill9().unwrap();
    stage.server.set_clock(-2 * HOUR).unwrap();
    stage.server.restart(None).unwrap();
    stage.wait_state("far", "NONE").unwrap();
    assert_eq!(stage.count("holder_withdrawn").unwrap(), 2);
}
