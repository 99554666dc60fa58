//! The loop around a core: batches, races, unknown outcomes, full and damaged logs.

use std::sync::Arc;

use crate::stories::*;
use bytes::Bytes;
use mooring_event_log::{
    Commit, EventLog, LogError, Position, StreamName,
    faulty::{Fault, FaultyLog},
    memory::Memory,
};
use uuid::Uuid;

fn faulty() -> (Arc<FaultyLog>, Arc<dyn EventLog>) {
    let faulty = Arc::new(FaultyLog::around(Arc::new(Memory::new())));
    (faulty.clone(), faulty)
}

/// A commit with an event of no kind that this version knows.
fn from_another_version() -> Commit {
    Commit {
        id: Uuid::now_v7(),
        request_id: None,
        request_hash: Bytes::new(),
        actor: "a-newer-version".into(),
        recorded_at: 1,
        observed_at: None,
        trace_parent: "".into(),
        // Field 2000, a string.
        events: vec![Bytes::from_static(&[0x82, 0x7d, 0x01, b'x'])],
    }
}

#[tokio::test]
async fn what_is_answered_is_stored_and_folded() {
    let (_, log) = faulty();
    let ledger = open(&log).await;
    let outcome = ledger.submit(caller(), vpc("blue")).await.unwrap();
    assert_eq!(outcome.at.unwrap().to_string(), "1.0");
    assert_eq!(names(&ledger.view().state), ["blue"]);
    assert_eq!(names(&open(&log).await.view().state), ["blue"], "and a second fold of the log agrees");
}

#[tokio::test]
async fn what_was_decided_ahead_is_what_a_fold_of_the_log_has_whatever_came_before_it() {
    let (_, log) = faulty();
    let ledger = open(&log).await;
    for (name, expected) in [("blue", 0), ("red", 2), ("green", 4)] {
        ledger.submit(caller(), vpc(name)).await.unwrap();
        let mut others = from_another_version();
        // By a clock that goes ahead, so that what comes next is recorded later than its writer thinks.
        others.recorded_at = mooring_ledger::now().0 + 3_600_000_000_000;
        log.append(&StreamName::new("health"), Position(expected), vec![others]).await.unwrap();
    }
    ledger.submit(caller(), vpc("white")).await.unwrap();
    let (view, folded) = (ledger.view(), open(&log).await.view());
    assert_eq!((view.position, view.state), (folded.position, folded.state));
}

#[tokio::test]
async fn commands_that_wait_together_become_one_record() {
    let (faulty, log) = faulty();
    let ledger = open(&log).await;
    faulty.fail_next(Fault::Hang);
    let first = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.submit(caller(), vpc("first")).await }
    });
    faulty.hanging(1).await;
    let mut later = tokio::task::JoinSet::new();
    for n in 0..50 {
        let ledger = ledger.clone();
        later.spawn(async move { ledger.submit(caller(), vpc(&format!("later-{n}"))).await });
    }
    // On this single-threaded runtime the spawned tasks queue their commands before the append is let go.
    tokio::task::yield_now().await;
    faulty.release();
    first.await.unwrap().unwrap();
    let outcomes = later.join_all().await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().unwrap().at.unwrap().position.0 == 2));
    assert_eq!(records(&log).await, 2);
}

#[tokio::test]
async fn of_two_commands_for_one_name_in_one_batch_the_second_is_refused() {
    let (_, log) = faulty();
    let ledger = open(&log).await;
    let (first, second) =
        tokio::join!(ledger.submit(caller(), vpc("blue")), ledger.submit(caller(), vpc("blue")));
    first.unwrap();
    assert_eq!(reason(&second.unwrap_err()), "NAME_TAKEN vpc.display_name");
    assert_eq!(names(&ledger.view().state), ["blue"]);
}

#[tokio::test]
async fn of_two_writers_the_slower_decides_again_on_what_the_faster_stored() {
    let (_, log) = faulty();
    let (one, two) = (open(&log).await, open(&log).await);
    one.submit(caller(), vpc("blue")).await.unwrap();
    assert_eq!(reason(&two.submit(caller(), vpc("blue")).await.unwrap_err()), "NAME_TAKEN vpc.display_name");
    two.submit(caller(), vpc("red")).await.unwrap();
    assert_eq!(records(&log).await, 2);
}

#[tokio::test]
async fn a_lost_race_is_decided_again_and_nobody_notices() {
    let (faulty, log) = faulty();
    let ledger = open(&log).await;
    faulty.fail_next(Fault::Conflict);
    faulty.fail_next(Fault::Conflict);
    assert_eq!(ledger.submit(caller(), vpc("blue")).await.unwrap().at.unwrap().position.0, 1);
}

#[tokio::test]
async fn races_lost_without_end_are_refused_and_can_be_tried_again() {
    let (faulty, log) = faulty();
    let ledger = open(&log).await;
    (0..5).for_each(|_| faulty.fail_next(Fault::Conflict));
    assert_eq!(reason(&ledger.submit(caller(), vpc("blue")).await.unwrap_err()), "Unavailable");
    assert_eq!(records(&log).await, 0);
    ledger.submit(caller(), vpc("blue")).await.unwrap();
}

#[tokio::test]
async fn an_append_of_unknown_outcome_is_stored_once_whether_it_landed_or_not() {
    for fault in [Fault::UnknownLanded, Fault::UnknownLost] {
        let (faulty, log) = faulty();
        let ledger = open(&log).await;
        faulty.fail_next(fault);
        let outcome = ledger.submit(caller(), vpc("blue")).await.unwrap();
        assert_eq!(outcome.at.unwrap().position.0, 1, "{fault:?}");
        assert_eq!(records(&log).await, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_full_log_refuses_and_reads_go_on() {
    let (faulty, log) = faulty();
    let ledger = open(&log).await;
    ledger.submit(caller(), vpc("blue")).await.unwrap();
    faulty.fail_next(Fault::Full);
    assert_eq!(reason(&ledger.submit(caller(), vpc("red")).await.unwrap_err()), "Full");
    assert_eq!(names(&ledger.view().state), ["blue"]);
    ledger.submit(caller(), vpc("red")).await.unwrap();
}

#[tokio::test]
async fn a_log_that_is_refused_or_has_no_room_for_a_moment_does_not_end_the_loop() {
    let why = || "for a moment".into();
    let errors = [LogError::Refused(why()), LogError::Full(why()), LogError::Unavailable(why())];
    for (error, told) in errors.into_iter().zip(["Unavailable", "Full", "Unavailable"]) {
        let (faulty, log) = faulty();
        let ledger = open(&log).await;
        ledger.submit(caller(), vpc("blue")).await.unwrap();
        faulty.fail_next_tail(error);
        // That the name is taken can be said only of the log's end.
        assert_eq!(reason(&ledger.submit(caller(), vpc("blue")).await.unwrap_err()), told);
        ledger.submit(caller(), vpc("red")).await.unwrap();
    }
}

#[tokio::test]
async fn a_broken_connection_loses_no_record() {
    let (faulty, log) = faulty();
    let (one, two) = (open(&log).await, open(&log).await);
    one.submit(caller(), vpc("before")).await.unwrap();
    faulty.break_followers();
    one.submit(caller(), vpc("after")).await.unwrap();
    wait_for(&two, "both VPCs", |state| names(state) == ["before", "after"]).await;
}

#[tokio::test]
async fn an_event_of_an_unknown_kind_stops_reading_and_writing() {
    let (_, log) = faulty();
    let ledger = open(&log).await;
    ledger.submit(caller(), vpc("blue")).await.unwrap();
    log.append(&StreamName::new("resource"), Position(1), vec![from_another_version()]).await.unwrap();
    assert_eq!(reason(&ledger.submit(caller(), vpc("red")).await.unwrap_err()), "Damaged");
    assert_eq!(names(&ledger.view().state), ["blue"], "what was folded before can still be read");
}

#[tokio::test]
async fn a_commit_carries_the_trace_context_that_its_request_came_with() {
    let (_, log) = faulty();
    let ledger = open(&log).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut metadata = tonic::metadata::MetadataMap::new();
    metadata.insert("traceparent", trace.parse().unwrap());
    metadata.insert(mooring_ledger::ACTOR, "a-caller".parse().unwrap());
    ledger.submit(mooring_ledger::Caller::of(&metadata), vpc("blue")).await.unwrap();
    let stored = log.read(&mooring_event_log::Filter::All, Position(0), 1).await.unwrap();
    assert_eq!(&*stored[0].commits[0].trace_parent, trace);
    assert_eq!(&*stored[0].commits[0].actor, "a-caller");
}
