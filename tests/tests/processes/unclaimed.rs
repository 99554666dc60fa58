//! A hold is asked for while its request is being stored. When the request never comes to the log, nobody claims the hold,
//! and it must not keep others out.

use std::time::Duration;

use mooring_tests::{
    Cluster, Part,
    cluster::{Options, Peer},
    proxy::Weather,
    wait_for,
};

use crate::id;

/// A request of unknown outcome is waited for 15 s.
const PATIENT: Duration = Duration::from_secs(40);

fn count(cluster: &Cluster, kind: &str) -> usize {
    cluster.events().unwrap().iter().filter(|(its, _)| its == kind).count()
}

fn wait_count(cluster: &Cluster, kind: &str, wanted: usize) {
    wait_for(&format!("{wanted} times {kind}"), PATIENT, || match count(cluster, kind) {
        found if found == wanted => Ok(()),
        found => Err(format!("{found}")),
    })
    .unwrap();
}

/// Stocked; what binding writes to the log from here on is gone, while it still reaches resource.
fn cut_off(crash_at: Option<&str>) -> Cluster {
    let mut cluster = Cluster::with(Options { proxies: true, ..Options::default() }).unwrap();
    cluster.stock().unwrap();
    if let Some(point) = crash_at {
        let binding = cluster.part_mut(Part::Binding);
        binding.environment().push(("MOORING_CRASH_AT".to_owned(), point.to_owned()));
        binding.restart().unwrap();
    }
    // By ids: whether a request was answered before is asked only for names that people use, and of the log.
    let (eip, havip) = (id(&cluster, "eip get web"), id(&cluster, "havip get front"));
    cluster.ways.weather(Weather::CUT, binding_to_nats);
    cluster.refuse(&format!("bind {eip} {havip} --timeout 2")).unwrap();
    wait_count(&cluster, "hold_placed", 1);
    cluster
}

fn binding_to_nats(from: Part, to: Peer) -> bool {
    (from, to) == (Part::Binding, Peer::Nats)
}

/// It is in nobody's way: the pair can be bound, unbound, and given back.
fn assert_free(cluster: &Cluster) {
    cluster.ask("bind web front").unwrap();
    assert_eq!(count(cluster, "bind_failed"), 0);
    cluster.ask("unbind web").unwrap();
    assert_eq!(count(cluster, "bind_requested"), 1);
    assert_eq!(count(cluster, "hold_placed"), 2);
    cluster.ask("eip release web").unwrap();
    cluster.ask("havip delete front").unwrap();
}

#[test]
fn what_is_held_for_a_request_that_could_not_be_stored_is_let_go() {
    let cluster = cut_off(None);
    wait_count(&cluster, "hold_released", 1);
    cluster.ways.weather(Weather::FAIR, binding_to_nats);
    cluster.part(Part::Binding).wait_ready().unwrap();
    // If the request comes to the log after all, it fails: its hold is gone for good.
    wait_for("the pair to be bound", PATIENT, || {
        cluster.ask("bind web front").map(drop).map_err(|error| format!("{error:#}"))
    })
    .unwrap();
    cluster.ask("unbind web").unwrap();
    cluster.ask("eip release web").unwrap();
    cluster.ask("havip delete front").unwrap();
}

#[test]
fn what_is_held_for_a_request_that_died_with_its_process_is_let_go_by_the_next_one() {
    let mut cluster = cut_off(Some("early.after-hold"));
    cluster.part_mut(Part::Binding).wait_ended().unwrap();
    let refusal = cluster.refuse("eip release web").unwrap();
    assert_eq!(refusal.reason, "EIP_IN_TRANSITION", "{refusal:?}");
    cluster.ways.weather(Weather::FAIR, binding_to_nats);
    let binding = cluster.part_mut(Part::Binding);
    binding.environment().pop();
    binding.restart().unwrap();
    // At once: whether the hold has been let go by then or not.
    assert_free(&cluster);
}
