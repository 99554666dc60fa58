//! The log that fails on demand does exactly what it is told, once, and keeps the contract otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "stories/given.rs"]
mod given;

use std::sync::Arc;

use futures::StreamExt;
use given::{all, commit, stream, write};
use mooring_event_log::{EventLog, Fault, FaultyLog, Filter, LogError, Memory, Position};

#[tokio::test]
async fn each_fault_hits_one_append() {
    let told = [
        (Fault::Unavailable, 0),
        (Fault::UnknownLanded, 1),
        (Fault::UnknownLost, 0),
        (Fault::Full, 0),
        (Fault::Conflict, 0),
    ];
    for (fault, written) in told {
        let log = FaultyLog::around(Arc::new(Memory::new()));
        log.fail_next(fault);
        let commits = vec![commit("x")];
        let error = log.append(&stream("a"), Position(0), commits.clone()).await.unwrap_err();
        let as_told = match fault {
            Fault::Unavailable => matches!(error, LogError::Unavailable(_)),
            Fault::UnknownLanded | Fault::UnknownLost => matches!(error, LogError::Unknown(_)),
            Fault::Full => matches!(error, LogError::Full(_)),
            Fault::Conflict => matches!(error, LogError::Conflict { last: Position(0), .. }),
            Fault::Hang => false,
        };
        assert!(as_told, "{fault:?}: {error}");
        assert_eq!(all(&log).await.len(), written, "{fault:?}");
        assert_eq!(log.append(&stream("a"), Position(0), commits).await, Ok(Position(1)), "{fault:?}");
    }
}

#[tokio::test]
async fn an_append_hangs_until_it_is_released_and_others_pass_it() {
    let log = Arc::new(FaultyLog::around(Arc::new(Memory::new())));
    log.fail_next(Fault::Hang);
    let hanging = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.append(&stream("a"), Position(0), vec![commit("x")]).await })
    };
    log.hanging(1).await;
    assert_eq!(write(log.as_ref(), "b", "passes").await, Ok(Position(1)));
    log.release();
    assert_eq!(hanging.await.unwrap(), Ok(Position(2)));
}

#[tokio::test]
async fn followers_break_and_new_ones_go_on() {
    let log = FaultyLog::around(Arc::new(Memory::new()));
    write(&log, "a", "first").await.unwrap();
    let mut follow = log.follow(Filter::All, Position(0));
    assert_eq!(follow.next().await.unwrap().unwrap().position, Position(1));
    log.break_followers();
    assert!(matches!(follow.next().await, Some(Err(LogError::Unavailable(_)))));
    assert!(follow.next().await.is_none());
    write(&log, "a", "second").await.unwrap();
    let mut again = log.follow(Filter::All, Position(1));
    assert_eq!(again.next().await.unwrap().unwrap().position, Position(2));
}
