//! A log as it was at one of its positions: everything behind it is not there yet.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use futures::{StreamExt, future, stream};
use mooring_event_log::{Commit, EventLog, Filter, Follow, LogError, Position, Record, StreamName, Tail};

/// Nothing can be appended to it.
pub struct Prefix {
    pub log: Arc<dyn EventLog>,
    pub tail: Tail,
    /// The first position after which it was followed.
    pub followed_after: AtomicU64,
}

impl Prefix {
    pub fn new(log: Arc<dyn EventLog>, tail: Tail) -> Self {
        Self { log, tail, followed_after: AtomicU64::new(u64::MAX) }
    }
}

/// Where the log ended at each of these positions.
pub async fn tails(log: &dyn EventLog, wanted: impl Fn(Position) -> bool) -> BTreeMap<u64, Tail> {
    let (mut tail, mut all) = (Tail::default(), BTreeMap::new());
    let end = log.tail().await.unwrap().position;
    while tail.position < end {
        for record in log.read(&Filter::All, tail.position, 256).await.unwrap() {
            tail.position = record.position;
            tail.streams.insert(record.stream.clone(), (record.position, record.hash));
            if wanted(record.position) || record.position == end {
                all.insert(record.position.0, tail.clone());
            }
        }
    }
    all
}

#[async_trait]
impl EventLog for Prefix {
    async fn append(&self, _: &StreamName, _: Position, _: Vec<Commit>) -> Result<Position, LogError> {
        Err(LogError::Refused("it is only looked at".into()))
    }

    async fn read(
        &self,
        filter: &Filter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, LogError> {
        let mut records = self.log.read(filter, after, limit).await?;
        records.retain(|record| record.position <= self.tail.position);
        Ok(records)
    }

    fn follow(&self, filter: Filter, after: Position) -> Follow {
        self.followed_after.fetch_min(after.0, Ordering::Relaxed);
        let end = self.tail.position;
        let there = self.log.follow(filter, after);
        let there = there.take_while(move |record| {
            future::ready(!record.as_ref().is_ok_and(|record| record.position > end))
        });
        // What comes next has not happened.
        there.chain(stream::pending()).boxed()
    }

    async fn tail(&self) -> Result<Tail, LogError> {
        Ok(self.tail.clone())
    }
}
