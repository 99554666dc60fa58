//! A later version writes an event of a kind that the running processes do not know: who would miss something stops, and
//! says at which record; who does not read that stream goes on.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use mooring_event_log::{
    Commit, EventLog, JetStream, StreamName,
    jetstream::{Options, connect::Login, connect::Servers, durability::Durability},
    segments,
};
use mooring_tests::{Cluster, Part, wait_for};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);

/// Appends to health's stream, as a later mooring-health would. Field 1000 of the message that every event is.
async fn append_to_health(cluster: &Cluster) -> u64 {
    let copy = tempfile::tempdir().unwrap();
    let stream = StreamName::new("health");
    let options = Options {
        servers: Servers::parse("--log", &cluster.nats.url(), &Login::default()).unwrap(),
        durability: Durability::parse(&[cluster.nats.monitor()], false, &Login::default()).unwrap(),
        region: "r1".to_owned(),
        copy: copy.path().join("copy"),
        segments: segments::Options::default(),
        writes: BTreeSet::from([stream.clone()]),
    };
    let commit = Commit {
        id: Uuid::now_v7(),
        request_id: None,
        request_hash: Bytes::new(),
        actor: "a later version".into(),
        recorded_at: 1,
        observed_at: None,
        trace_parent: "".into(),
        events: vec![Bytes::from_static(&[0xc2, 0x3e, 0x00])],
    };
    let log = JetStream::open(options, &[]).await.unwrap();
    let last = log.tail().await.unwrap().streams.get(&stream).copied().unwrap_or_default().0;
    let position = log.append(&stream, last, vec![commit]).await.unwrap().0;
    log.close().await;
    position
}

#[test]
fn followers_stop_at_an_event_that_they_do_not_know_and_the_others_go_on() {
    let cluster = Cluster::start().unwrap();
    cluster.stock().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let position = runtime.block_on(append_to_health(&cluster));
    let expected =
        format!("record {position}: commit 0: an event of kind 1000, which this version does not know");
    for part in [Part::Health, Part::Gateway(0)] {
        wait_for(&format!("{part:?} to say why it stopped"), PATIENCE, || {
            let said = cluster.part(part).log();
            if said.contains(&expected) { Ok(()) } else { Err(said) }
        })
        .unwrap();
    }
    cluster.part(Part::Health).wait_not_ready("caught up with the log of r1").unwrap();
    // What exists is not read off health's stream.
    assert_eq!(cluster.ask("vpc create red").unwrap()["display_name"], "red");
    cluster.part(Part::Resource).wait_ready().unwrap();
}
