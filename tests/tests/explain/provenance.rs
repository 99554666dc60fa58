//! Who put something there is read where it stands, and not from the log's beginning on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use mooring_domain::{CommitPosition, Event};
use mooring_event_log::{
    Commit, EventLog, Filter, Follow, LogError, Memory, Position, Record, StreamName, Tail,
};
use mooring_past::commits_of;
use mooring_tests::history;

const EVENTS: u64 = 20_000;

/// A log that counts the records that are read.
struct Counted {
    log: Memory,
    read: AtomicUsize,
}

#[async_trait]
impl EventLog for Counted {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, LogError> {
        self.log.append(stream, expected, commits).await
    }

    async fn read(
        &self,
        filter: &Filter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, LogError> {
        let records = self.log.read(filter, after, limit).await?;
        self.read.fetch_add(records.len(), Ordering::Relaxed);
        Ok(records)
    }

    fn follow(&self, filter: Filter, after: Position) -> Follow {
        self.log.follow(filter, after)
    }

    async fn tail(&self) -> Result<Tail, LogError> {
        self.log.tail().await
    }
}

#[tokio::test]
async fn of_a_long_log_only_what_is_named_is_read_and_says_who_asked() {
    let log = Counted { log: Memory::default(), read: AtomicUsize::new(0) };
    history::write(&log, EVENTS).await.unwrap();
    let records = log.read(&Filter::All, Position(0), usize::MAX).await.unwrap();
    let (mut asked, mut bound) = (BTreeMap::new(), Vec::new());
    for commit in records.iter().flat_map(|record| mooring_ledger::commits(record).unwrap()) {
        for event in &commit.events {
            match event {
                Event::BindRequested(request) => drop(asked.insert(request.binding, commit.at)),
                Event::Bound(facts) => bound.push((commit.at, facts.binding)),
                _ => {}
            }
        }
    }
    // From the first to the last, and each in a record of others.
    for (at, binding) in bound.iter().step_by(97).chain(bound.last()) {
        log.read.store(0, Ordering::Relaxed);
        let wanted = BTreeSet::from([*at]);
        let found = commits_of(&log, &wanted).await.unwrap().remove(at).unwrap();
        let place = |position, index| CommitPosition { position: mooring_domain::Position(position), index };
        let by = found.asked.unwrap();
        assert_eq!((place(found.position, found.index), place(by.position, by.index)), (*at, asked[binding]));
        let read = log.read.load(Ordering::Relaxed);
        assert!(read * 5 < records.len(), "{read} of {} records were read", records.len());
    }
}
