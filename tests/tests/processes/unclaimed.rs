//! A hold is asked for while its request is being stored. When the request never comes to the log, nobody claims the hold,
//! and it must not keep others out.

use std::time::Duration;

use mooring_tests::{
    Cluster, Part,
    cluster::{Options, Peer},
    proxy::Weather,
    wait_for,
};

const PATIENT: Duration = Duration::from_secs(20);

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

#[test]
fn what_is_held_for_a_request_that_never_came_to_the_log_is_let_go_and_can_be_bound() {
    let mut cluster = Cluster::with(Options { proxies: true, ..Options::default() }).unwrap();
    cluster.stock().unwrap();
    let binding_to_nats = |from, to| (from, to) == (Part::Binding, Peer::Nats);
    // What is cut is gone: what binding writes then is never in the log.
    cluster.ways.weather(Weather::CUT, binding_to_nats);
    cluster.refuse("bind web front --timeout 2").unwrap();
    wait_count(&cluster, "hold_placed", 1);
    cluster.part_mut(Part::Binding).kill9().unwrap();
    let refusal = cluster.refuse("eip release web").unwrap();
    assert_eq!(refusal.reason, "EIP_HELD", "{refusal:?}");

    cluster.ways.weather(Weather::FAIR, binding_to_nats);
    cluster.part_mut(Part::Binding).restart().unwrap();
    // At once: whether the hold has been let go by then or not, it is in nobody's way.
    cluster.ask("bind web front").unwrap();
    assert_eq!(count(&cluster, "bind_requested"), 1, "{:#?}", cluster.events().unwrap());
    assert_eq!(count(&cluster, "hold_placed"), 2, "{:#?}", cluster.events().unwrap());
    assert_eq!(count(&cluster, "bind_failed"), 0);
    wait_count(&cluster, "hold_released", 1);
    cluster.ask("unbind web").unwrap();
    cluster.ask("eip release web").unwrap();
    cluster.ask("havip delete front").unwrap();
}
