//! Request ids: a retry answers as the first did and writes nothing.

use std::sync::Arc;

use crate::stories::*;
use mooring_event_log::{EventLog, memory::Memory};
use mooring_ledger::Snapshots;

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
