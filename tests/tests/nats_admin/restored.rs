//! What docs/runbooks/log-lost-its-end.md says to do: after NATS lost its end, or everything, the longest copy is put
//! back, and the region goes on with all that was ever acknowledged.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use mooring_event_log::jetstream::connect::Login;
use mooring_event_log::jetstream::durability::Durability;
use mooring_event_log::jetstream::{self, JetStream};
use mooring_event_log::{EventLog, Filter, LogError, Position, Record, StreamName};
use mooring_tests::NatsServer;
use tempfile::TempDir;

use super::given::servers;
use super::moor::moor;
use super::users::commit;

/// Opens the log as a service with this data folder does.
async fn open(server: &NatsServer, data: &Path) -> Result<Arc<JetStream>, LogError> {
    let options = jetstream::Options {
        servers: servers(&server.url()),
        durability: Durability::parse(&[server.monitor()], false, &Login::default()).unwrap(),
        region: "r1".to_owned(),
        copy: data.join("log/r1"),
        segments: Default::default(),
        writes: BTreeSet::new(),
    };
    JetStream::open(options, &[]).await
}

async fn append(log: &JetStream, records: u64) {
    let stream = StreamName::new("binding");
    for _ in 0..records {
        let last = log.tail().await.unwrap().position;
        assert_eq!(log.append(&stream, last, vec![commit("e")]).await, Ok(Position(last.0 + 1)));
    }
}

async fn all(log: &JetStream) -> Vec<Arc<Record>> {
    log.read(&Filter::All, Position(0), 100).await.unwrap()
}

fn copy(data: &Path, server: &NatsServer) -> serde_json::Value {
    let line = format!("log copy file:{} {}", data.display(), server.url());
    moor(&format!("{line} --nats-monitor {} -o json", server.monitor())).json().unwrap()
}

/// Twelve records of which NATS still has seven, and the data folder of the service that wrote them.
async fn rolled_back() -> (NatsServer, TempDir, Vec<Arc<Record>>) {
    let (mut server, data) = (NatsServer::start().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(moor(&format!("log init {}", server.url())).exit, 0);
    let log = open(&server, data.path()).await.unwrap();
    append(&log, 7).await;
    log.close().await;
    server.stop().unwrap();
    let earlier = server.snapshot_store().unwrap();
    server.restart().unwrap();
    let log = open(&server, data.path()).await.unwrap();
    append(&log, 5).await;
    let records = all(&log).await;
    log.close().await;
    server.stop().unwrap();
    server.put_back_store(&earlier).unwrap();
    server.restart().unwrap();
    (server, data, records)
}

async fn damage(server: &NatsServer, data: &Path) -> String {
    match open(server, data).await {
        Err(LogError::Damaged(why)) => why.to_string(),
        other => panic!("it must be refused: {:?}", other.err()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_was_rolled_back_gets_its_end_from_the_copy() {
    let (server, data, records) = rolled_back().await;
    let why = damage(&server, data.path()).await;
    assert!(why.contains("ends at 7; record 8 is missing there; the copy in "), "{why}");
    let done = copy(data.path(), &server);
    assert_eq!((&done["already"], &done["copied"], &done["last"]), (&7.into(), &5.into(), &12.into()));
    for folder in [data.path(), tempfile::tempdir().unwrap().path()] {
        let log = open(&server, folder).await.unwrap();
        assert_eq!(all(&log).await, records);
        log.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_was_wiped_gets_everything_from_the_copy() {
    let (mut server, data, records) = rolled_back().await;
    server.stop().unwrap();
    server.wipe_store().unwrap();
    server.restart().unwrap();
    assert_eq!(moor(&format!("log init {}", server.url())).exit, 0);
    let why = damage(&server, data.path()).await;
    assert!(why.contains("ends at 0; record 1 is missing there"), "{why}");
    assert_eq!(copy(data.path(), &server)["copied"], 12);
    let log = open(&server, data.path()).await.unwrap();
    append(&log, 1).await;
    assert_eq!(all(&log).await[..12], records[..]);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_histories_are_told_apart_and_not_mixed() {
    let (server, data, _) = rolled_back().await;
    // What the runbook forbids: a service with a fresh folder takes the shorter log for whole, and goes on.
    let fresh = tempfile::tempdir().unwrap();
    let log = open(&server, fresh.path()).await.unwrap();
    append(&log, 2).await;
    log.close().await;
    let line = format!("log copy file:{} {} --trust-nats -o json", data.path().display(), server.url());
    let refusal = moor(&line).refusal().unwrap();
    assert_eq!(&*refusal.reason, "LOGS_DIFFER");
    assert!(
        refusal.message.starts_with("record 8 of JetStream stream mooring-r1 at "),
        "{}",
        refusal.message
    );
    let log = open(&server, fresh.path()).await.unwrap();
    assert_eq!(log.tail().await.unwrap().position, Position(9));
    log.close().await;
}
