//! An EIP's life over four processes, without a kernel: what one process decides, the others see.

use std::time::Duration;

use mooring_tests::{Cluster, Part, wait_for};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

/// What became of the EIP `web`.
fn eip(cluster: &Cluster) -> Value {
    cluster.ask("eip get web").unwrap()
}

#[test]
fn an_eip_is_bound_and_unbound_and_every_process_has_the_same_history() {
    let cluster = Cluster::start().unwrap();
    cluster.stock().unwrap();
    cluster.ask("bind web front").unwrap();
    let state = eip(&cluster)["state"].as_str().unwrap_or_default().to_owned();
    assert_eq!(state, "IN_USE", "resource's reads merge in what binding decided");
    let refusal = cluster.refuse("eip release web").unwrap();
    assert_eq!(refusal.reason, "EIP_HELD", "{refusal:?}");
    cluster.ask("unbind web").unwrap();
    cluster.ask("eip release web").unwrap();
    let kinds: Vec<_> = cluster.events().unwrap().into_iter().map(|(kind, _)| kind).collect();
    let at = |kind: &str| {
        kinds.iter().position(|found| found == kind).unwrap_or_else(|| panic!("{kind}: {kinds:?}"))
    };
    assert!(at("bind_requested") < at("bound") && at("hold_placed") < at("bound"), "{kinds:?}");
    assert!(at("unbind_requested") < at("hold_released") && at("hold_released") < at("unbound"), "{kinds:?}");
}

#[test]
fn what_was_acknowledged_is_there_after_every_process_was_killed_and_its_snapshots_are_gone() {
    let mut cluster = Cluster::start().unwrap();
    cluster.stock().unwrap();
    cluster.ask("bind web front").unwrap();
    let before = cluster.events().unwrap();
    for part in cluster.parts() {
        cluster.part_mut(part).kill9().unwrap();
    }
    std::fs::remove_dir_all(cluster.part(Part::Resource).data().join("snapshots")).unwrap();
    // A process that has lost everything fetches it all from NATS.
    std::fs::remove_dir_all(cluster.part(Part::Binding).data()).unwrap();
    cluster.launch().unwrap();
    let gone_on = wait_for("the same history", PATIENCE, || {
        let after = cluster.events().map_err(|error| format!("{error:#}"))?;
        if after.starts_with(&before) { Ok(()) } else { Err(format!("{after:?}")) }
    });
    gone_on.unwrap();
    assert_eq!(eip(&cluster)["state"], "IN_USE");
    cluster.ask("unbind web").unwrap();
}
