//! L5 and L6: an append that is tried again.

use std::sync::Arc;

use futures::future::join_all;

use super::{Fresh, all, assert_bounds, commit, last_of, stream, write};
use crate::{
    contract::{EventLog, LogError},
    faulty::{Fault, FaultyLog},
    record::Position,
};

/// L5.
pub async fn l5_a_record_tried_again_answers_with_its_first_position(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let a = stream("a");
    let commits = vec![commit("one"), commit("two")];
    write(log, "b", "x").await;
    for _ in 0..3 {
        assert_eq!(log.append(&a, Position(0), commits.clone()).await, Ok(Position(2)));
    }
    assert_eq!(all(log).await.len(), 2);
}

/// L5, after the stream went on, whatever position is expected.
pub async fn l5_a_record_tried_again_later_is_not_written_twice(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let a = stream("a");
    let commits = vec![commit("one")];
    assert_eq!(log.append(&a, Position(0), commits.clone()).await, Ok(Position(1)));
    for _ in 0..10 {
        write(log, "a", "more").await;
    }
    let last = last_of(log, &a).await;
    for expected in [Position(0), last] {
        assert_eq!(log.append(&a, expected, commits.clone()).await, Ok(Position(1)));
    }
    assert_eq!(all(log).await.len(), 11);
}

/// L5, when the first try is still under way.
pub async fn l5_the_same_record_tried_at_once_lands_once(fresh: Fresh) {
    let (log, commits) = (fresh.log, vec![commit("one")]);
    let tries = (0..8).map(|_| {
        let (log, commits) = (Arc::clone(&log), commits.clone());
        tokio::spawn(async move { log.append(&stream("a"), Position(0), commits).await })
    });
    for answer in join_all(tries).await {
        assert_eq!(answer.expect("it runs"), Ok(Position(1)));
    }
    assert_eq!(all(log.as_ref()).await.len(), 1);
}

/// L5: a retry is the very same record, or it is a mistake.
pub async fn l5_known_commits_in_another_record_are_refused(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let (a, first) = (stream("a"), commit("one"));
    log.append(&a, Position(0), vec![first.clone()]).await.expect("it lands");
    let regrouped = log.append(&a, Position(1), vec![first.clone(), commit("two")]).await;
    assert_bounds(regrouped, "more commits");
    assert_bounds(log.append(&stream("b"), Position(0), vec![first]).await, "another stream");
    assert_eq!(all(log).await.len(), 1);
}

/// L6: whether it had landed or not, the same commits lead to one record and its position.
pub async fn l6_a_retry_after_a_lost_answer_tells_the_outcome(fresh: Fresh) {
    let faulty = FaultyLog::around(fresh.log);
    let a = stream("a");
    let mut last = Position(0);
    for fault in [Fault::UnknownLanded, Fault::UnknownLost] {
        let commits = vec![commit("x")];
        faulty.fail_next(fault);
        let lost = faulty.append(&a, last, commits.clone()).await;
        assert!(matches!(lost, Err(LogError::Unknown(_))), "{fault:?}: {lost:?}");
        let expected = Position(last.0 + 1);
        assert_eq!(faulty.append(&a, last, commits).await, Ok(expected), "{fault:?}");
        last = expected;
    }
    assert_eq!(all(&faulty).await.len(), 2);
}
