//! Reads of callers that have seen more of the log than the reader has folded.

use std::sync::Arc;

use bytes::Bytes;
use mooring_domain::{Position, resource::ResourceCore};
use mooring_event_log::{
    Commit, EventLog, StreamName,
    faulty::{Fault, FaultyLog},
    memory::Memory,
};
use mooring_ledger::Reader;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::stories::*;

#[tokio::test]
async fn a_reader_that_is_behind_is_waited_for() {
    let log: Arc<dyn EventLog> = Arc::new(Memory::new());
    let (reader, _task) = Reader::<ResourceCore>::open(log.clone(), None).await.unwrap();
    let writer = open(&log).await;
    for number in 1..=50 {
        let name = format!("v{number}");
        let outcome = writer.submit(caller(), vpc(&name)).await.unwrap();
        let view = reader.view_for(&caller().having_seen(outcome.position)).await.unwrap();
        assert!(view.position >= outcome.position && names(&view.state).contains(&name));
    }
}

/// To a stream that resource does not read.
async fn somebody_else_writes(log: &dyn EventLog) -> mooring_event_log::Position {
    let commit = Commit {
        id: Uuid::now_v7(),
        request_id: None,
        request_hash: Bytes::new(),
        actor: "somebody".into(),
        recorded_at: 1,
        observed_at: None,
        trace_parent: "".into(),
        events: vec![Bytes::from_static(b"theirs")],
    };
    let expected = mooring_event_log::Position(0);
    log.append(&StreamName::new("health"), expected, vec![commit]).await.unwrap()
}

/// The writer hangs in an append, and somebody else's record comes meanwhile.
#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_come_so_far_in_time_says_that_it_is_behind_and_a_retry_helps() {
    let inner = Arc::new(Memory::new());
    let faulty = Arc::new(FaultyLog::around(inner.clone()));
    let log: Arc<dyn EventLog> = faulty.clone();
    let ledger = open(&log).await;
    faulty.fail_next(Fault::Hang);
    let waiting = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.submit(caller(), vpc("blue")).await }
    });
    faulty.hanging(1).await;
    let at = somebody_else_writes(&*inner).await;
    let seen = caller().having_seen(Position(at.0));
    let refused = ledger.view_for(&seen).await.unwrap_err();
    assert_eq!(reason(&refused), "Behind");
    let status = Status::from(refused);
    assert_eq!(status.code(), Code::Unavailable);
    assert!(String::from_utf8_lossy(status.details()).contains("BEHIND"), "{status:?}");

    faulty.release();
    waiting.await.unwrap().unwrap();
    assert!(ledger.view_for(&seen).await.unwrap().position.0 >= at.0);
}

#[tokio::test]
async fn what_the_log_does_not_have_is_not_waited_for() {
    let log: Arc<dyn EventLog> = Arc::new(Memory::new());
    let ledger = open(&log).await;
    let refused = ledger.view_for(&caller().having_seen(Position(7))).await.unwrap_err();
    assert_eq!(reason(&refused), "OUTSIDE_THE_LOG mooring-min-position");
}
