//! What is only validated is decided as everything is, and leaves no trace.

use std::sync::Arc;

use crate::stories::*;
use mooring_event_log::{EventLog, memory::Memory};

fn log() -> Arc<dyn EventLog> {
    Arc::new(Memory::new())
}

#[tokio::test]
async fn the_outcome_is_what_it_would_be_and_nothing_is_stored() {
    let log = log();
    let ledger = open(&log).await;
    let outcome = ledger.submit(caller().validating(true), vpc("blue")).await.unwrap();
    assert_eq!((created(&outcome).as_str(), outcome.validated_only), ("blue", true));
    assert_eq!(names(&outcome.state_after(&ledger)), ["blue"]);
    assert_eq!((names(&ledger.view().state), records(&log).await), (vec![], 0));
    ledger.submit(caller(), vpc("blue")).await.unwrap();
    let refused = ledger.submit(caller().validating(true), vpc("blue")).await.unwrap_err();
    assert_eq!(reason(&refused), "NAME_TAKEN vpc.display_name");
}

#[tokio::test]
async fn the_request_id_stays_free_and_one_that_is_taken_answers_as_it_did() {
    let log = log();
    let ledger = open(&log).await;
    ledger.submit(retried(7, "blue").validating(true), vpc("blue")).await.unwrap();
    let first = ledger.submit(retried(7, "red"), vpc("red")).await.unwrap();
    let again = ledger.submit(retried(7, "red").validating(true), vpc("red")).await.unwrap();
    assert_eq!(again, first, "a retry would write nothing");
    let refused = ledger.submit(retried(7, "blue").validating(true), vpc("blue")).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_FIELD request_id");
    assert_eq!(records(&log).await, 1);
}

/// Together with others in one batch: those before it count, it does not count for those after it.
#[tokio::test]
async fn beside_others_it_is_decided_in_its_turn() {
    let log = log();
    let ledger = open(&log).await;
    let (first, only, other, last) = tokio::join!(
        ledger.submit(caller(), vpc("blue")),
        ledger.submit(caller().validating(true), vpc("blue")),
        ledger.submit(caller().validating(true), vpc("red")),
        ledger.submit(caller(), vpc("red")),
    );
    assert_eq!(reason(&only.unwrap_err()), "NAME_TAKEN vpc.display_name");
    assert!(other.unwrap().validated_only);
    assert!(!first.unwrap().validated_only && !last.unwrap().validated_only);
    assert_eq!(names(&ledger.view().state), ["blue", "red"]);
}

/// What another writer has stored meanwhile is known before it is answered.
#[tokio::test]
async fn it_is_decided_at_the_end_of_the_log() {
    let log = log();
    let (one, two) = (open(&log).await, open(&log).await);
    one.submit(caller(), vpc("blue")).await.unwrap();
    let refused = two.submit(caller().validating(true), vpc("blue")).await.unwrap_err();
    assert_eq!(reason(&refused), "NAME_TAKEN vpc.display_name");
}
