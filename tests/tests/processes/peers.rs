//! A service whose peer is away: it says so, it does not run it down, and it finds it again.

use std::thread;
use std::time::Duration;

use mooring_tests::{Client, Cluster, Part, wait_for};
use serde_json::Value;
use tokio::runtime::Builder;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);

/// The full name of what an event says was made.
fn name(cluster: &Cluster, kind: &str, collection: &str, id: impl Fn(&Value) -> &Value) -> String {
    let events = cluster.events().unwrap();
    let (_, fields) = events.into_iter().find(|(found, _)| found == kind).unwrap();
    format!("projects/p1/regions/r1/{collection}/{}", id(&fields).as_str().unwrap())
}

#[test]
fn a_bind_waits_for_a_resource_service_that_is_away_and_is_finished_when_it_is_back() {
    let mut cluster = Cluster::start().unwrap();
    cluster.stock().unwrap();
    cluster.part_mut(Part::Resource).kill9().unwrap();
    let address = cluster.part(Part::Resource).address().to_owned();
    let away = format!("not met: peer resource at http://{address}: ");
    cluster.part(Part::Binding).wait_not_ready(&away).unwrap();
    let eip = name(&cluster, "eip_allocated", "eips", |fields| &fields["eip"]["eip_id"]);
    let havip = name(&cluster, "havip_created", "havips", |fields| &fields["havip"]["havip_id"]);
    let servers = cluster.servers(0);
    let bind = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::of(&servers).unwrap();
            client.bind_stored(&eip, &havip, Uuid::now_v7()).await
        })
    });
    wait_for("binding to leave its peer alone", PATIENCE, || {
        let log = cluster.part(Part::Binding).log();
        let circuit = log.contains("is away (") && log.contains("it is asked again in");
        if circuit { Ok(()) } else { Err(log.lines().last().unwrap_or_default().to_owned()) }
    })
    .unwrap();
    cluster.part_mut(Part::Resource).restart().unwrap();
    bind.join().unwrap().unwrap();
    assert_eq!(cluster.ask("eip get web").unwrap()["state"], "IN_USE");
    cluster.part(Part::Binding).wait_ready().unwrap();
}

#[test]
fn a_gateway_without_binding_and_health_says_which_of_them_it_misses() {
    let mut cluster = Cluster::start().unwrap();
    let gateway = Part::Gateway(0);
    for part in [Part::Binding, Part::Health] {
        cluster.part_mut(part).kill9().unwrap();
        let name = if part == Part::Binding { "binding" } else { "health" };
        let words = format!("not met: peer {name} at http://{}: ", cluster.part(part).address());
        cluster.part(gateway).wait_not_ready(&words).unwrap();
        cluster.part_mut(part).restart().unwrap();
        cluster.part(gateway).wait_ready().unwrap();
    }
}

#[test]
fn a_peer_that_is_there_and_not_ready_makes_nobody_else_unready() {
    let mut cluster = Cluster::start().unwrap();
    // Binding misses resource: it is not ready. The gateway, which needs binding, is.
    cluster.part_mut(Part::Resource).kill9().unwrap();
    cluster.part(Part::Binding).wait_not_ready("peer resource").unwrap();
    let (status, text) = cluster.part(Part::Gateway(0)).readiness().unwrap();
    assert_eq!(status, 200, "{text}");
}
