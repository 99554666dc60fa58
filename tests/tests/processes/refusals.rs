//! What a service answers while something that it needs is away, as the table of docs/api.md has it.

use mooring_tests::{Cluster, Part, cluster::Options};

use crate::id;

#[test]
fn without_resource_nobody_says_what_a_bind_would_come_to() {
    let mut cluster = Cluster::with(Options::default()).unwrap();
    cluster.stock().unwrap();
    let (eip, havip) = (id(&cluster, "eip get web"), id(&cluster, "havip get front"));
    cluster.part_mut(Part::Resource).kill9().unwrap();
    let refusal = cluster.refuse(&format!("bind {eip} {havip} --dry-run --timeout 3")).unwrap();
    assert_eq!(refusal.reason, "PEER_UNAVAILABLE", "{refusal:?}");
}

#[test]
fn without_the_log_nobody_says_what_fronts_what() {
    let mut cluster = Cluster::with(Options::default()).unwrap();
    cluster.stock().unwrap();
    cluster.nats.kill9().unwrap();
    let refusal = cluster.refuse("eip get web --timeout 30").unwrap();
    assert_eq!(refusal.reason, "LOG_UNAVAILABLE", "{refusal:?}");
    cluster.nats.restart().unwrap();
    cluster.part(Part::Resource).wait_ready().unwrap();
    cluster.ask("eip get web").unwrap();
}
