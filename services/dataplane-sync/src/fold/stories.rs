//! A gateway's start: the snapshot and the records behind it come to what all records come to.

use std::{sync::Arc, time::Duration};

use mooring_domain::{
    Event, Stream,
    event::{GatewayFacts, HavipCreated, HavipFacts, HolderRules, PoolCreated, VpcCreated},
    id::Id,
};
use mooring_event_log::{Commit, EventLog, Position as LogPosition, StreamName, memory::Memory};
use mooring_ledger::{Cursor, Snapshots};
use mooring_proto::stored;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Folded, VERSION, Way, start};

fn gateway(name: &str) -> GatewayFacts {
    GatewayFacts { gateway: name.parse().unwrap(), region: "r1".parse().unwrap() }
}

/// Every kind of event that a gateway's fold keeps something of, beside the desired state's own.
fn events() -> Vec<(Stream, Event)> {
    let (region, project) = ("r1".parse().unwrap(), "p1".parse().unwrap());
    let label = |text: &str| text.parse().unwrap();
    let id = Uuid::from_u128;
    let pool = |n: u128| {
        let cidrs = vec![format!("198.18.{n}.0/24").parse().unwrap()];
        let display_name = label(&format!("pool-{n}"));
        Event::PoolCreated(PoolCreated {
            id: Id::new(id(n)),
            region: "r1".parse().unwrap(),
            display_name,
            cidrs,
            cooling: Duration::ZERO,
            draining: false,
        })
    };
    let vpc = VpcCreated { id: Id::new(id(7)), project, region, display_name: label("blue") };
    let havip = HavipFacts {
        id: Id::new(id(8)),
        project: vpc.project.clone(),
        region: vpc.region.clone(),
        vpc: vpc.id,
        subnet: Id::new(id(9)),
        address: [10, 0, 0, 5].into(),
        display_name: label("web"),
    };
    vec![
        (Stream::Resource, pool(1)),
        (Stream::Binding, Event::GatewayRegistered(gateway("gw-1"))),
        (Stream::Resource, Event::VpcCreated(vpc)),
        (Stream::Binding, Event::GatewayDecommissioned(gateway("gw-1"))),
        (
            Stream::Resource,
            Event::HavipCreated(HavipCreated { havip, members: Vec::new(), rules: HolderRules::default() }),
        ),
        (Stream::Binding, Event::GatewayDecommissioned(gateway("gw-2"))),
        (Stream::Resource, pool(2)),
        (Stream::Binding, Event::GatewayRegistered(gateway("gw-1"))),
    ]
}

/// A log of these events, the same for the same events.
async fn log(events: &[(Stream, Event)]) -> Arc<dyn EventLog> {
    let log = Memory::new();
    for (n, (stream, event)) in (1_u64..).zip(events) {
        let stream = StreamName::new(stream.name());
        let last = log.tail().await.unwrap().streams.get(&stream).copied().unwrap_or_default().0;
        let commit = Commit {
            id: Uuid::from_u128(n.into()),
            request_id: None,
            request_hash: Vec::new().into(),
            actor: "test".into(),
            recorded_at: n,
            observed_at: None,
            trace_parent: "".into(),
            events: vec![stored::encode(event)],
        };
        log.append(&stream, last, vec![commit]).await.unwrap();
    }
    Arc::new(log)
}

/// Follows the log to its end with these snapshots, stops, and answers with what was folded.
async fn run(log: &Arc<dyn EventLog>, snapshots: Option<&Snapshots>) -> Folded {
    let folder = TempDir::new().unwrap();
    let region = "r1".parse().unwrap();
    let (mut folded, task) = start(Way {
        log: log.clone(),
        gateway: "gw-1".parse().unwrap(),
        cursor: Cursor::open(&folder.path().join("cursor")).unwrap(),
        snapshot: snapshots.map(|snapshots| snapshots.of(&region, "gateway/gw-1")),
        receipts: crate::receipts::for_a_story().0,
    });
    let LogPosition(tail) = log.tail().await.unwrap().position;
    let reached = folded.wait_for(|folded| folded.caught_up || folded.failure.is_some());
    let reached = tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap().unwrap().clone();
    task.close().await.unwrap();
    assert!(reached.failure.is_some() || reached.desired.position.0 == tail, "{reached:?}");
    reached
}

#[tokio::test]
async fn a_gateway_starts_from_its_snapshot_as_from_the_start_wherever_it_was_taken() {
    let all = log(&events()).await;
    let truth = run(&all, None).await;
    for cut in 1..=events().len() {
        let folder = TempDir::new().unwrap();
        let snapshots = Snapshots::open(folder.path()).unwrap().0;
        run(&log(&events()[..cut]).await, Some(&snapshots)).await;
        let stored = snapshots.of(&"r1".parse().unwrap(), "gateway/gw-1").load(VERSION).unwrap();
        assert_eq!(stored.unwrap().0.position.0, u64::try_from(cut).unwrap(), "a stop takes a snapshot");
        let started = run(&all, Some(&snapshots)).await;
        assert_eq!(format!("{started:?}"), format!("{truth:?}"), "snapshot at {cut}");
    }
}

#[tokio::test]
async fn a_gateway_whose_snapshot_is_of_another_history_folds_from_the_start() {
    let folder = TempDir::new().unwrap();
    let snapshots = Snapshots::open(folder.path()).unwrap().0;
    let mut other = events();
    other.reverse();
    run(&log(&other[..5]).await, Some(&snapshots)).await;
    let all = log(&events()).await;
    let (truth, started) = (run(&all, None).await, run(&all, Some(&snapshots)).await);
    assert_eq!(format!("{started:?}"), format!("{truth:?}"));
}

#[tokio::test]
async fn a_gateway_whose_snapshot_is_beyond_the_logs_end_folds_nothing_and_says_so() {
    let folder = TempDir::new().unwrap();
    let snapshots = Snapshots::open(folder.path()).unwrap().0;
    run(&log(&events()).await, Some(&snapshots)).await;
    let shorter = run(&log(&events()[..5]).await, Some(&snapshots)).await;
    assert!(!shorter.caught_up, "kernels would be changed");
    let why = shorter.failure.unwrap();
    assert!(why.contains("gateway/gw-1") && why.contains("record 8"), "{why}");
}
