//! A VPC is deleted: nothing of Mooring's is left where it lived, also where a gateway finds it only later, and another VPC can
//! live there.

use mooring_tests::{Namespace, lab, wait_for};

use crate::stage::{EIP, PATIENT, Stage, content, silent, traces};

/// Every table that there is, and what is said of the HAVIP.
fn left(gateway: &Namespace) -> Vec<String> {
    let mut left = content(gateway).unwrap();
    left.retain(|line| line.starts_with("nft"));
    left.extend(traces(gateway, lab::HAVIP).unwrap());
    left
}

fn wait_empty(stage: &Stage) {
    wait_for("everything to be taken out", PATIENT, || match &left(&stage.lab.gateway)[..] {
        [] => Ok(()),
        left => Err(format!("{left:#?}")),
    })
    .unwrap();
}

fn delete_all(stage: &Stage) {
    for line in ["unbind web", "havip delete front", "vnic delete vm-a", "vnic delete vm-b"] {
        stage.server.ask(line).unwrap();
    }
    // What is private stays so until its subnet is gone (F2).
    assert!(left(&stage.lab.gateway).iter().any(|line| line.contains(lab::SUBNET)));
    for line in ["subnet delete web", "vpc delete blue"] {
        stage.server.ask(line).unwrap();
    }
}

#[test]
fn a_deleted_vpc_leaves_nothing_where_it_lived_and_a_new_one_of_its_name_carries_there() {
    let stage = Stage::carrying().unwrap();
    delete_all(&stage);
    wait_empty(&stage);
    stage.wait_agree().unwrap();
    stage.server.network().unwrap();
    stage.server.ask("bind web front --wait").unwrap();
    stage.wait_carried().unwrap();
    stage.wait_agree().unwrap();
}

/// As a gateway has it that was away while the VPC was deleted.
#[test]
fn what_a_gateway_still_has_of_a_vpc_that_was_deleted_meanwhile_goes_when_it_starts() {
    let mut stage = Stage::carrying().unwrap();
    let gateway = stage.lab.gateway.clone();
    let ruleset = gateway.output("nft list table ip mooring").unwrap();
    assert!(ruleset.contains(&EIP.to_string()));
    delete_all(&stage);
    wait_empty(&stage);
    stage.server.stop().unwrap();
    let eip = format!("{EIP} : {}", lab::HAVIP);
    for line in [
        "add table ip mooring",
        "add map ip mooring eip_to_havip { type ipv4_addr : ipv4_addr ; }",
        &format!("add element ip mooring eip_to_havip {{ {eip} }}"),
        "add chain ip mooring prerouting { type filter hook prerouting priority -300 ; }",
        "add rule ip mooring prerouting ip daddr set ip daddr map @eip_to_havip notrack",
    ] {
        let ran = gateway.command("nft").args(line.split(' ')).output().unwrap();
        assert!(ran.status.success(), "{line}: {ran:?}");
    }
    assert!(!left(&gateway).is_empty());
    stage.server.restart(None).unwrap();
    wait_empty(&stage);
    silent(&stage).unwrap();
}
