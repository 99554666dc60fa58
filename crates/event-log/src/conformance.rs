//! The contract as tests. An engine that passes them all keeps L1–L3 and L5–L7 and the bounds within one process;
//! L4 and L8 are about disks and peers, and each engine shows them in tests of its own.
//!
//! ```text
//! conformance_suite!(memory, async { Fresh::of(Memory::new()) });
//! ```
#![allow(clippy::expect_used, clippy::panic, reason = "it is a suite of tests, only outside `cfg(test)`")]

mod bounds;
mod following;
mod order;
mod retries;

use std::{any::Any, fmt::Debug, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;
use uuid::Uuid;

pub use self::{bounds::*, following::*, order::*, retries::*};
use crate::{
    contract::{EventLog, Filter, Follow, LogError},
    record::{Commit, Position, Record, StreamName},
};

/// What waits longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// An empty log of the engine under test.
pub struct Fresh {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// What must live as long as the log: a temporary folder, a server.
    pub keep: Box<dyn Any + Send + Sync>,
}

impl Fresh {
    /// A log that needs nothing beside it.
    pub fn of(log: impl EventLog) -> Self {
        Self { log: Arc::new(log), keep: Box::new(()) }
    }
}

/// Runs the whole suite: `conformance_suite!(name, factory)`, where `factory` is an expression for a future of a
/// [`Fresh`] log; it is evaluated once per test.
#[macro_export]
macro_rules! conformance_suite {
    ($name:ident, $factory:expr) => {
        $crate::conformance_suite!(@tests $name, $factory,
            l1_positions_grow_by_one_over_all_streams
            l2_an_append_lands_only_on_the_streams_last_record
            l2_of_many_racers_one_wins
            l2_a_conflict_in_one_stream_does_not_hold_up_another
            l3_a_record_is_read_back_as_it_was_written
            l3_a_refused_record_leaves_nothing_behind
            l5_a_record_tried_again_answers_with_its_first_position
            l5_a_record_tried_again_later_is_not_written_twice
            l5_the_same_record_tried_at_once_lands_once
            l5_known_commits_in_another_record_are_refused
            l6_a_retry_after_a_lost_answer_tells_the_outcome
            l7_a_follower_gets_every_record_once_in_order
            l7_a_follower_goes_on_from_the_position_it_had
            l7_a_follower_of_one_stream_gets_that_stream
            l7_a_follower_that_is_far_behind_catches_up_while_others_write
            l8_each_record_holds_the_hash_of_the_one_before_it_in_its_stream
            recorded_at_never_goes_back_in_a_region
            read_gives_what_was_asked_for_and_no_more
            a_record_out_of_bounds_is_refused
            the_largest_record_is_taken
            three_streams_write_at_once_without_gaps
        );
    };
    (@tests $name:ident, $factory:expr, $($test:ident)+) => {
        mod $name {
            #[allow(unused_imports, reason = "not every factory needs them")]
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $crate::conformance::within_patience($crate::conformance::$test($factory.await)).await;
                }
            )+
        }
    };
}

/// Fails a test that hangs.
pub async fn within_patience(test: impl Future<Output = ()>) {
    timeout(PATIENCE, test).await.expect("the test hangs");
}

fn stream(name: &str) -> StreamName {
    StreamName::new(name)
}

/// A commit with one event of this text.
fn commit(text: &str) -> Commit {
    Commit {
        id: Uuid::now_v7(),
        request_id: None,
        request_hash: Bytes::new(),
        actor: "conformance".into(),
        recorded_at: 1_000,
        observed_at: None,
        trace_parent: "".into(),
        events: vec![Bytes::copy_from_slice(text.as_bytes())],
    }
}

/// Appends one commit where its stream ends now.
async fn write(log: &dyn EventLog, name: &str, text: &str) -> Position {
    let stream = stream(name);
    let last = last_of(log, &stream).await;
    log.append(&stream, last, vec![commit(text)]).await.expect("it lands")
}

async fn last_of(log: &dyn EventLog, stream: &StreamName) -> Position {
    log.tail().await.expect("a tail").streams.get(stream).map(|(position, _)| *position).unwrap_or_default()
}

async fn all(log: &dyn EventLog) -> Vec<Arc<Record>> {
    log.read(&Filter::All, Position(0), usize::MAX).await.expect("everything")
}

/// The next so many records of a follower.
async fn next(follow: &mut Follow, records: usize) -> Vec<Arc<Record>> {
    let mut got = Vec::with_capacity(records);
    while got.len() < records {
        got.push(follow.next().await.expect("the follower goes on").expect("a record"));
    }
    got
}

fn positions(records: &[Arc<Record>]) -> Vec<u64> {
    records.iter().map(|record| record.position.0).collect()
}

/// The text of each record's first event.
fn texts(records: &[Arc<Record>]) -> Vec<String> {
    let first = |record: &Arc<Record>| record.commits[0].events[0].clone();
    records.iter().map(|record| String::from_utf8_lossy(&first(record)).into_owned()).collect()
}

fn assert_bounds<T: Debug>(answer: Result<T, LogError>, what: &str) {
    assert!(matches!(answer, Err(LogError::Bounds(_))), "{what}: {answer:?}");
}
