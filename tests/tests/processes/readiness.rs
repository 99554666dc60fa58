//! Readiness goes both ways: over HTTP and over gRPC, with a reason.

use std::time::Duration;

use mooring_tests::{Cluster, Part, cluster::Options, wait_for};

const PATIENCE: Duration = Duration::from_secs(20);

/// What `moor ready` says of the whole cluster: gRPC's health of each process.
fn wait_moor_ready(cluster: &Cluster, exit: i32) {
    wait_for(&format!("`moor ready` to end with {exit}"), PATIENCE, || match cluster.moor("ready") {
        Ok(answer) if answer.exit == exit => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
}

#[test]
fn every_condition_is_listed_and_is_met() {
    let cluster = Cluster::start().unwrap();
    let log = "met: log of r1\nmet: logs\n";
    for (part, conditions) in [
        (Part::Resource, vec!["met: caught up with the log of r1\n", log, "met: services\n"]),
        (Part::Binding, vec!["met: caught up with the log of r1\n", log, "met: peer resource at http://"]),
        (Part::Health, vec!["met: caught up with the log of r1\n", log]),
        (
            Part::Gateway(0),
            vec![
                "met: VPCs of r1\n",
                "met: gateway in r1\n",
                log,
                "met: registration in r1\n",
                "met: peer binding at",
                "met: peer health at",
            ],
        ),
    ] {
        let (status, text) = cluster.part(part).readiness().unwrap();
        assert!(
            status == 200 && text.starts_with("ready\n") && !text.contains("not met"),
            "{part:?}: {text}"
        );
        for condition in conditions {
            assert!(text.contains(condition), "{part:?}: {condition} is not in {text}");
        }
    }
    wait_moor_ready(&cluster, 0);
}

#[test]
fn no_process_is_ready_while_nats_is_stopped_and_all_are_when_it_goes_on() {
    let cluster = Cluster::start().unwrap();
    cluster.stock().unwrap();
    cluster.nats.pause().unwrap();
    for part in cluster.parts() {
        cluster.part(part).wait_not_ready("not met: log of r1: ").unwrap();
    }
    wait_moor_ready(&cluster, 4);
    cluster.nats.resume().unwrap();
    for part in cluster.parts() {
        cluster.part(part).wait_ready().unwrap();
    }
    wait_moor_ready(&cluster, 0);
    cluster.ask("bind web front").unwrap();
}

#[test]
fn a_nats_that_was_killed_and_started_again_is_found_again_by_all() {
    let mut cluster = Cluster::start().unwrap();
    cluster.stock().unwrap();
    cluster.nats.kill9().unwrap();
    for part in cluster.parts() {
        cluster.part(part).wait_not_ready("not met: log of r1: ").unwrap();
    }
    cluster.nats.restart().unwrap();
    for part in cluster.parts() {
        cluster.part(part).wait_ready().unwrap();
    }
    cluster.ask("bind web front").unwrap();
}

#[test]
fn a_gateway_that_nobody_waits_for_yet_is_not_ready() {
    let mut cluster = Cluster::prepare(Options::default()).unwrap();
    cluster.init().unwrap();
    cluster.part_mut(Part::Gateway(0)).launch().unwrap();
    cluster.part(Part::Gateway(0)).wait_not_ready("not met: registration in r1: not registered yet").unwrap();
    cluster.launch().unwrap();
    cluster.part(Part::Gateway(0)).wait_ready().unwrap();
    let registered =
        cluster.events().unwrap().iter().filter(|(kind, _)| kind == "gateway_registered").count();
    assert_eq!(registered, 1);
}
