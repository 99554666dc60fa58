//! A NATS, or a copy, without room: appends are refused, reads go on, and writing goes on once there is room.

use bytes::Bytes;
use mooring_event_log::{Commit, EventLog, Filter, JetStream, LogError, Position};
use mooring_tests::{NatsServer, nats::Options, small_disk::SmallDisk};

use crate::given::{Given, all, commit, hashes, story, stream, until_known};

fn large() -> Vec<Commit> {
    vec![Commit { events: vec![Bytes::from(vec![7; 300_000])], ..commit("") }]
}

#[test]
fn a_nats_that_may_store_no_more_refuses_appends_and_goes_on_once_it_may() {
    story(|| async {
        let limited = Options { max_file_store: Some("4MB".to_owned()), ..Options::default() };
        let nats = NatsServer::with(limited).unwrap();
        let mut given = Given { nats, folder: tempfile::tempdir().unwrap() };
        given.init().await;
        let log = given.open("copy").await;
        let (refused, commits, last) = filled(&log).await;
        assert!(matches!(refused, LogError::Full(_)), "after {last}: {refused:?}");
        assert_eq!(log.read(&Filter::All, Position(0), 100).await.unwrap().len() as u64, last.0);
        given.nats.options().max_file_store = None;
        given.nats.restart().unwrap();
        assert_eq!(until_known(&log, &stream("a"), last, commits).await, Ok(Position(last.0 + 1)));
        assert_eq!(all(log.as_ref()).await.len() as u64, last.0 + 1);
    });
}

/// Appends until one is refused: its answer, its commits, and the last position before it.
async fn filled(log: &JetStream) -> (LogError, Vec<Commit>, Position) {
    let (a, mut last) = (stream("a"), Position(0));
    loop {
        let commits = large();
        match log.append(&a, last, commits.clone()).await {
            Ok(position) => last = position,
            Err(error) => return (error, commits, last),
        }
    }
}

/// nats-server 2.15.1 does not answer when a write fails, and writes nothing more until it is started again.
#[test]
fn a_nats_on_a_full_disk_does_not_answer_and_goes_on_once_it_has_room_and_is_started_again() {
    let disk = SmallDisk::new("6m").unwrap();
    story(|| async {
        let (store, more_than_there_is) = (disk.path().join("nats"), "1GB".to_owned());
        let on_it =
            Options { store: Some(store), max_file_store: Some(more_than_there_is), ..Options::default() };
        let mut given =
            Given { nats: NatsServer::with(on_it).unwrap(), folder: tempfile::tempdir().unwrap() };
        given.init().await;
        let log = given.open("copy").await;
        let (refused, commits, last) = filled(&log).await;
        assert!(matches!(refused, LogError::Unknown(_)), "after {last}: {refused:?}");
        disk.grow("60m").unwrap();
        given.nats.restart().unwrap();
        assert_eq!(until_known(&log, &stream("a"), last, commits).await, Ok(Position(last.0 + 1)));
        assert_eq!(all(log.as_ref()).await.len() as u64, last.0 + 1);
        given.nats.kill9().unwrap();
    });
}

#[test]
fn a_copy_on_a_full_disk_stops_writes_and_goes_on_by_itself_once_it_has_room() {
    let disk = SmallDisk::new("3m").unwrap();
    story(|| async {
        let given = Given::new().await;
        let mut options = given.options("copy");
        options.copy = disk.path().join("copy");
        let log = JetStream::open(options, &[]).await.unwrap();
        let (refused, commits, last) = filled(&log).await;
        assert!(matches!(refused, LogError::Unknown(_)), "NATS has it, the copy has not: {refused:?}");
        let next = log.append(&stream("b"), Position(0), vec![commit("another")]).await;
        assert!(matches!(next, Err(LogError::Full(_))), "{next:?}");
        disk.grow("60m").unwrap();
        assert_eq!(until_known(&log, &stream("a"), last, commits).await, Ok(Position(last.0 + 1)));
        let beside = given.open("beside").await;
        assert_eq!(hashes(log.as_ref()).await, hashes(beside.as_ref()).await);
        log.close().await;
    });
}
