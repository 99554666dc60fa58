//! A NATS without room: appends are refused, reads go on, and writing goes on once there is room.

use bytes::Bytes;
use mooring_event_log::{Commit, EventLog, Filter, LogError, Position};
use mooring_tests::{NatsServer, nats::Options};

use crate::given::{Given, all, commit, story, stream, until_known};

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
        let (a, mut last) = (stream("a"), Position(0));
        let (refused, commits) = loop {
            let commits = large();
            match log.append(&a, last, commits.clone()).await {
                Ok(position) => last = position,
                Err(error) => break (error, commits),
            }
        };
        assert!(matches!(refused, LogError::Full(_)), "after {last}: {refused:?}");
        assert_eq!(log.read(&Filter::All, Position(0), 100).await.unwrap().len() as u64, last.0);
        given.nats.options().max_file_store = None;
        given.nats.restart().unwrap();
        assert_eq!(until_known(&log, &a, last, commits).await, Ok(Position(last.0 + 1)));
        assert_eq!(all(log.as_ref()).await.len() as u64, last.0 + 1);
    });
}
