//! L5 and L6: what was sent and not answered is `Unknown`, and the retry of the same commits tells which it was.

use std::sync::Arc;

use futures::StreamExt;
use mooring_event_log::{EventLog, Filter, JetStream, LogError, Position, jetstream::Standing};
use mooring_tests::proxy::Weather;

use crate::given::{Between, Given, PATIENCE, all, commit, stands, story, stream, texts, until_known, write};

/// A server behind a proxy, and an engine that has written one record through it.
async fn given() -> (Given, Arc<JetStream>, Between) {
    let given = Given::new().await;
    let proxy = given.proxy();
    let log = given.open_through(&proxy, "copy").await;
    assert_eq!(write(log.as_ref(), "a", "first").await, Ok(Position(1)));
    (given, log, proxy)
}

/// Loses the next append on this way, then the connection; the retry must answer with position 2.
async fn lost_and_tried_again(lost: Weather, landed: bool) {
    let (given, log, proxy) = given().await;
    let (a, commits) = (stream("a"), vec![commit("second")]);
    proxy.weather(lost);
    let trying = {
        let (log, a, commits) = (Arc::clone(&log), a.clone(), commits.clone());
        tokio::spawn(async move { log.append(&a, Position(1), commits).await })
    };
    if landed {
        let beside = given.open("beside").await;
        let mut follow = beside.follow(Filter::All, Position(1));
        let record = follow.next().await.unwrap().unwrap();
        assert_eq!(record.commits[0].id, commits[0].id, "it landed, though nobody was told");
        proxy.weather(Weather::CUT);
    }
    let first = trying.await.unwrap();
    assert!(matches!(first, Err(LogError::Unknown(_))), "{first:?}");
    proxy.weather(Weather::CUT);
    let second = log.append(&a, Position(1), commits.clone()).await;
    assert!(matches!(second, Err(LogError::Unknown(_))), "still nobody knows: {second:?}");
    proxy.weather(Weather::FAIR);
    assert_eq!(until_known(&log, &a, Position(1), commits).await, Ok(Position(2)));
    assert_eq!(write(log.as_ref(), "a", "third").await, Ok(Position(3)));
    assert_eq!(texts(log.as_ref()).await, ["first", "second", "third"]);
}

#[test]
fn the_answer_of_a_record_that_landed_is_lost_and_the_retry_finds_it() {
    story(|| lost_and_tried_again(Weather::SILENT_BACK, true));
}

#[test]
fn a_record_that_never_arrived_is_written_by_the_retry() {
    story(|| lost_and_tried_again(Weather::SILENT_THERE, false));
}

#[test]
fn a_record_that_lands_after_its_append_was_given_up_is_not_written_twice() {
    story(|| async {
        let (given, log, _proxy) = given().await;
        let (a, commits) = (stream("a"), vec![commit("second")]);
        given.nats.pause().unwrap();
        let first = log.append(&a, Position(1), commits.clone()).await;
        assert!(matches!(first, Err(LogError::Unknown(_))), "{first:?}");
        given.nats.resume().unwrap();
        assert_eq!(until_known(&log, &a, Position(1), commits).await, Ok(Position(2)));
        assert_eq!(texts(log.as_ref()).await, ["first", "second"]);
    });
}

#[test]
fn somebody_elses_record_after_a_lost_answer_is_a_conflict() {
    story(|| async {
        let (given, log, proxy) = given().await;
        let other = given.open("other").await;
        proxy.weather(Weather::SILENT_THERE);
        let (a, commits) = (stream("a"), vec![commit("ours")]);
        let trying = {
            let (log, a, commits) = (Arc::clone(&log), a.clone(), commits.clone());
            tokio::spawn(async move { log.append(&a, Position(1), commits).await })
        };
        assert_eq!(other.append(&a, Position(1), vec![commit("theirs")]).await, Ok(Position(2)));
        let first = trying.await.unwrap();
        assert!(matches!(first, Err(LogError::Unknown(_))), "{first:?}");
        proxy.weather(Weather::CUT);
        stands(&log, PATIENCE, |standing| matches!(standing, Standing::NotReached(_))).await;
        proxy.weather(Weather::FAIR);
        let known = until_known(&log, &a, Position(1), commits).await;
        let conflict = LogError::Conflict { stream: a, expected: Position(1), last: Position(2) };
        assert_eq!(known, Err(conflict));
        assert_eq!(texts(log.as_ref()).await, ["first", "theirs"]);
    });
}

#[test]
fn a_retry_by_the_next_process_is_known_too() {
    story(|| async {
        let (given, log, _proxy) = given().await;
        let (a, commits) = (stream("a"), vec![commit("second")]);
        given.nats.pause().unwrap();
        let first = log.append(&a, Position(1), commits.clone()).await;
        assert!(matches!(first, Err(LogError::Unknown(_))), "{first:?}");
        log.close().await;
        given.nats.resume().unwrap();
        let next = given.open("copy").await;
        assert_eq!(until_known(&next, &a, Position(1), commits).await, Ok(Position(2)));
        assert_eq!(all(next.as_ref()).await.len(), 2);
    });
}

#[test]
fn every_acknowledged_record_is_there_once_after_the_server_was_killed_again_and_again() {
    story(|| async {
        let mut given = Given::new().await;
        let log = given.open("copy").await;
        let writer = {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let (a, mut last, mut written) = (stream("a"), Position(0), Vec::new());
                for n in 0..600 {
                    last = until_known(&log, &a, last, vec![commit(&n.to_string())]).await.unwrap();
                    written.push((last, n.to_string()));
                }
                written
            })
        };
        let mut kills = 0;
        while !writer.is_finished() {
            let at = log.tail().await.map(|tail| tail.position.0).unwrap_or_default();
            if at > kills * 100 {
                tokio::task::block_in_place(|| given.nats.restart().unwrap());
                kills += 1;
            }
            tokio::task::yield_now().await;
        }
        let written = writer.await.unwrap();
        let found: Vec<_> = all(log.as_ref()).await;
        let texts = texts(log.as_ref()).await;
        let found: Vec<_> = found.iter().map(|record| record.position).zip(texts).collect();
        assert_eq!(found, written);
        assert!(kills >= 5, "{kills} kills");
    });
}
