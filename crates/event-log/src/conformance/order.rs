//! L1, L2, L8's chain and time: what order records have.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;

use super::{Fresh, all, commit, last_of, positions, stream, write};
use crate::{
    contract::LogError,
    record::{Hash, Position},
};

/// L1.
pub async fn l1_positions_grow_by_one_over_all_streams(fresh: Fresh) {
    let log = fresh.log.as_ref();
    assert_eq!(log.tail().await.expect("a tail").position, Position(0));
    for (n, name) in ["a", "b", "a", "c", "b"].iter().enumerate() {
        assert_eq!(write(log, name, "x").await, Position(n as u64 + 1));
    }
    assert_eq!(positions(&all(log).await), [1, 2, 3, 4, 5]);
    let tail = log.tail().await.expect("a tail");
    let ends: Vec<_> = tail.streams.iter().map(|(name, (last, _))| (name.as_str(), last.0)).collect();
    assert_eq!((tail.position, ends), (Position(5), vec![("a", 3), ("b", 5), ("c", 4)]));
}

/// L2.
pub async fn l2_an_append_lands_only_on_the_streams_last_record(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let a = stream("a");
    write(log, "a", "first").await;
    write(log, "b", "other").await;
    for wrong in [0, 2, 3, u64::MAX] {
        let answer = log.append(&a, Position(wrong), vec![commit("second")]).await;
        let conflict = LogError::Conflict { stream: a.clone(), expected: Position(wrong), last: Position(1) };
        assert_eq!(answer, Err(conflict));
    }
    assert_eq!(log.append(&a, Position(1), vec![commit("second")]).await, Ok(Position(3)));
}

/// L2.
pub async fn l2_of_many_racers_one_wins(fresh: Fresh) {
    let (log, a) = (fresh.log, stream("a"));
    for round in 1..=20 {
        let last = last_of(log.as_ref(), &a).await;
        let racers = (0..8).map(|racer| {
            let (log, a) = (Arc::clone(&log), a.clone());
            tokio::spawn(async move { log.append(&a, last, vec![commit(&format!("{racer}"))]).await })
        });
        let answers: Vec<_> =
            join_all(racers).await.into_iter().map(|answer| answer.expect("it runs")).collect();
        let won = answers.iter().filter(|answer| **answer == Ok(Position(round))).count();
        let conflict = LogError::Conflict { stream: a.clone(), expected: last, last: Position(round) };
        let lost = answers.iter().filter(|answer| answer.as_ref() == Err(&conflict)).count();
        assert_eq!((won, lost), (1, 7), "round {round}: {answers:?}");
    }
    assert_eq!(all(log.as_ref()).await.len(), 20);
}

/// L2: streams are independent.
pub async fn l2_a_conflict_in_one_stream_does_not_hold_up_another(fresh: Fresh) {
    let log = fresh.log.as_ref();
    write(log, "a", "x").await;
    let (a, b) = (stream("a"), stream("b"));
    let (refused, taken) = tokio::join!(
        log.append(&a, Position(0), vec![commit("late")]),
        log.append(&b, Position(0), vec![commit("first")]),
    );
    assert!(matches!(refused, Err(LogError::Conflict { .. })), "{refused:?}");
    assert_eq!(taken, Ok(Position(2)));
}

/// L8: the chain that a lost or swapped record breaks.
pub async fn l8_each_record_holds_the_hash_of_the_one_before_it_in_its_stream(fresh: Fresh) {
    let log = fresh.log.as_ref();
    for name in ["a", "b", "a", "a", "b", "c"] {
        write(log, name, "the same every time").await;
    }
    let mut last = BTreeMap::new();
    let mut hashes = Vec::new();
    for record in all(log).await {
        let before = last.insert(record.stream.clone(), record.hash).unwrap_or_default();
        assert_eq!(record.previous, before, "record {}", record.position);
        assert!(record.hash != Hash::default() && !hashes.contains(&record.hash));
        hashes.push(record.hash);
    }
    let tail = log.tail().await.expect("a tail").streams;
    assert_eq!(tail.into_iter().map(|(name, (_, hash))| (name, hash)).collect::<BTreeMap<_, _>>(), last);
}

/// Recorded-at is max(what the writer says, the last in the region).
pub async fn recorded_at_never_goes_back_in_a_region(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let at = |recorded_at| crate::record::Commit { recorded_at, ..commit("x") };
    let (a, b) = (stream("a"), stream("b"));
    log.append(&a, Position(0), vec![at(50), at(40)]).await.expect("it lands");
    log.append(&b, Position(0), vec![at(10), at(60)]).await.expect("it lands");
    log.append(&a, Position(1), vec![at(55)]).await.expect("it lands");
    let times: Vec<u64> = all(log)
        .await
        .iter()
        .flat_map(|r| r.commits.iter().map(|c| c.recorded_at).collect::<Vec<_>>())
        .collect();
    assert_eq!(times, [50, 50, 50, 60, 60]);
}

/// Group commit: what three services write at once.
pub async fn three_streams_write_at_once_without_gaps(fresh: Fresh) {
    const EACH: usize = 200;
    let log = fresh.log;
    let writers = ["binding", "health", "resource"].map(|name| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let (stream, mut last) = (stream(name), Position(0));
            for n in 0..EACH {
                let position =
                    log.append(&stream, last, vec![commit(&format!("{name} {n}"))]).await.expect("it lands");
                assert!(position > last);
                last = position;
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("it writes");
    }
    let records = all(log.as_ref()).await;
    assert_eq!(positions(&records), (1..=3 * EACH as u64).collect::<Vec<_>>());
    for name in ["binding", "health", "resource"] {
        let own: Vec<_> = records.iter().filter(|record| record.stream.as_str() == name).cloned().collect();
        let expected: Vec<_> = (0..EACH).map(|n| format!("{name} {n}")).collect();
        assert_eq!(super::texts(&own), expected);
    }
}
