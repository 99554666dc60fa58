//! Request ids: a retry answers as the first did and writes nothing.

use std::sync::Arc;

use crate::stories::*;
use bytes::Bytes;
use mooring_domain::{Event, Timestamp, event::VpcCreated, id::VpcId};
use mooring_event_log::{Commit, EventLog, Position, StreamName, memory::Memory};
use mooring_ledger::{Snapshots, now};
use mooring_proto::stored;
use sha2::{Digest, Sha256};
use uuid::Uuid;

fn log() -> Arc<dyn EventLog> {
    Arc::new(Memory::new())
}

#[tokio::test]
async fn a_retry_answers_as_the_first_did() {
    let log = log();
    let ledger = open(&log).await;
    let first = ledger.submit(retried(7, "blue"), vpc("blue")).await.unwrap();
    let again = ledger.submit(retried(7, "blue"), vpc("blue")).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(created(&again), "blue");
    assert_eq!(records(&log).await, 1);
}

#[tokio::test]
async fn two_of_the_same_at_once_get_the_same_answer() {
    let log = log();
    let ledger = open(&log).await;
    let submit = || ledger.submit(retried(7, "blue"), vpc("blue"));
    let (first, second) = tokio::join!(submit(), submit());
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(records(&log).await, 1);
}

#[tokio::test]
async fn the_same_id_with_other_content_is_refused() {
    let log = log();
    let ledger = open(&log).await;
    ledger.submit(retried(7, "blue"), vpc("blue")).await.unwrap();
    let refused = ledger.submit(retried(7, "red"), vpc("red")).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_FIELD request_id");
    assert!(refused.to_string().contains("1.0"), "says where the first is stored: {refused}");
}

#[tokio::test]
async fn a_refused_request_is_not_remembered() {
    let log = log();
    let ledger = open(&log).await;
    ledger.submit(caller(), vpc("blue")).await.unwrap();
    ledger.submit(retried(7, "blue"), vpc("blue")).await.unwrap_err();
    ledger.submit(retried(7, "blue, another time"), vpc("red")).await.unwrap();
}

#[tokio::test]
async fn a_retry_after_a_restart_answers_as_the_first_did_with_and_without_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = Snapshots::open(folder.path()).unwrap();
    let log = log();
    let (ledger, task) = open_with(&log, &snapshots).await;
    let first = ledger.submit(retried(7, "blue"), vpc("blue")).await.unwrap();
    drop(ledger);
    task.close().await.unwrap();
    for ledger in [open(&log).await, open_with(&log, &snapshots).await.0] {
        assert_eq!(ledger.submit(retried(7, "blue"), vpc("blue")).await.unwrap(), first);
    }
    assert_eq!(records(&log).await, 1);
}

/// What the request named is gone by now, so that no command can be made of it any more.
#[tokio::test]
async fn a_retry_whose_names_mean_nothing_any_more_has_the_first_outcome() {
    let log: Arc<dyn EventLog> = Arc::new(Memory::new());
    let ledger = open(&log).await;
    let gone = || Err(tonic::Status::not_found("it is gone"));
    let first = ledger.submit_found(retried(7, "blue"), Ok(vpc("blue"))).await.unwrap();
    let again = ledger.submit_found(retried(7, "blue"), gone()).await.unwrap();
    assert_eq!((created(&again), again.at), (created(&first), first.at));
    assert_eq!(ledger.submit_found(retried(8, "blue"), gone()).await.unwrap_err().message(), "it is gone");
    assert_eq!(ledger.submit_found(caller(), gone()).await.unwrap_err().message(), "it is gone");
    let other = ledger.submit_found(retried(7, "red"), gone()).await.unwrap_err();
    assert!(other.message().contains("other content"), "{other:?}");
    assert_eq!(records(&log).await, 1);
}

/// Until then a commit said its request's id and the hash of its content, and not whose it was.
#[tokio::test]
async fn a_request_of_an_older_log_is_answered_as_it_was_and_keeps_no_other_from_its_id() {
    let log = log();
    let Timestamp(now) = now();
    let (id, scope) = (VpcId::new(Uuid::now_v7()), scope());
    let created =
        VpcCreated { id, project: scope.project, region: region(), display_name: "blue".parse().unwrap() };
    let commit = Commit {
        id: Uuid::now_v7(),
        request_id: Some(Uuid::from_u128(7)),
        request_hash: Bytes::copy_from_slice(&Sha256::digest("blue")[..16]),
        actor: "an-older-version".into(),
        recorded_at: now,
        observed_at: None,
        trace_parent: "".into(),
        events: vec![stored::encode(&Event::VpcCreated(created))],
    };
    log.append(&StreamName::new("resource"), Position(0), vec![commit]).await.unwrap();
    let ledger = open(&log).await;
    let again = ledger.submit(retried(7, "blue"), vpc("blue")).await.unwrap();
    assert_eq!((crate::stories::created(&again), records(&log).await), ("blue".to_owned(), 1));
    ledger.submit(retried(7, "red"), vpc("red")).await.unwrap();
    let refused = ledger.submit(retried(7, "green"), vpc("green")).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_FIELD request_id");
}
