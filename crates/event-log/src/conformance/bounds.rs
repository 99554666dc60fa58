//! L3 and the bounds: what a record may be, and that it is all or nothing.

use bytes::Bytes;
use uuid::Uuid;

use super::{Fresh, all, assert_bounds, commit, stream};
use crate::{
    contract::{EventLog, MAX_COMMITS, MAX_RECORD_BYTES},
    record::{Commit, Position},
};

/// L3: every field.
pub async fn l3_a_record_is_read_back_as_it_was_written(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let full = Commit {
        id: Uuid::now_v7(),
        request_id: Some(Uuid::now_v7()),
        request_hash: Bytes::from_static(&[0, 1, 255]),
        actor: "projects/p/users/ann ü".into(),
        recorded_at: u64::MAX - 1,
        observed_at: Some(0),
        trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        events: vec![Bytes::new(), Bytes::from(vec![0; 1_000]), Bytes::from_static(b"\xf1Mf\n")],
    };
    let commits = vec![full.clone(), Commit { id: Uuid::now_v7(), request_id: None, ..full }];
    let position = log.append(&stream("a"), Position(0), commits.clone()).await.expect("it lands");
    let read = all(log).await;
    assert_eq!((position, read.len()), (Position(1), 1));
    assert_eq!((read[0].position, &read[0].stream, &read[0].commits), (position, &stream("a"), &commits));
}

/// L3: the position of a refused record goes to the next one.
pub async fn l3_a_refused_record_leaves_nothing_behind(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let before = log.tail().await;
    assert_bounds(log.append(&stream("a"), Position(0), Vec::new()).await, "no commit");
    assert!(log.append(&stream("a"), Position(9), vec![commit("x")]).await.is_err());
    assert_eq!(log.tail().await, before);
    assert_eq!(log.append(&stream("a"), Position(0), vec![commit("x")]).await, Ok(Position(1)));
    assert_eq!(all(log).await.len(), 1);
}

/// Bounded in every engine.
pub async fn a_record_out_of_bounds_is_refused(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let too_many: Vec<_> = (0..=MAX_COMMITS).map(|_| commit("x")).collect();
    let no_event = Commit { events: Vec::new(), ..commit("x") };
    let too_large = Commit { events: vec![Bytes::from(vec![0; MAX_RECORD_BYTES])], ..commit("x") };
    assert_bounds(append(log, "a", too_many).await, "1 001 commits");
    assert_bounds(append(log, "a", vec![commit("x"), no_event]).await, "a commit without an event");
    assert_bounds(append(log, "a", vec![too_large]).await, "more than 512 KiB");
    assert_bounds(append(log, "", vec![commit("x")]).await, "a stream without a name");
    assert_bounds(append(log, &"n".repeat(65), vec![commit("x")]).await, "a long name");
    assert_eq!(all(log).await.len(), 0);
}

/// The bounds themselves are inside.
pub async fn the_largest_record_is_taken(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let most: Vec<_> = (0..MAX_COMMITS).map(|_| commit("x")).collect();
    let large = Commit { events: vec![Bytes::from(vec![7; MAX_RECORD_BYTES - 200])], ..commit("x") };
    assert_eq!(append(log, "a", most.clone()).await, Ok(Position(1)));
    assert_eq!(append(log, "b", vec![large.clone()]).await, Ok(Position(2)));
    let read = all(log).await;
    assert_eq!(read[0].commits.len(), most.len());
    assert_eq!(read[1].commits[0].events, large.events);
}

async fn append(
    log: &dyn EventLog,
    name: &str,
    commits: Vec<Commit>,
) -> Result<Position, crate::contract::LogError> {
    log.append(&stream(name), Position(0), commits).await
}
