//! A log in memory, for tests: it keeps the whole contract but L4.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{
    contract::{EventLog, Filter, Follow, LogError, Tail},
    follow::{self, Source},
    head::Head,
    record::{Commit, Position, Record, StreamName},
};

/// So many records at a time.
const BATCH_RECORDS: usize = 256;

/// A log that is gone with its process.
#[derive(Default)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: RwLock<State>,
    changes: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    head: Head,
    records: Vec<Arc<Record>>,
    closed: bool,
}

impl Memory {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.shared.state.write().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.shared.changes.send_replace(());
    }
}

impl Shared {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, LogError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut staged = state.head.stage();
        let position = staged.offer(stream, expected, commits)?;
        let group = staged.finish();
        state.head.accept(&group);
        state.records.extend(group.records.into_iter().map(|(record, _)| record));
        Ok(position)
    }
}

#[async_trait]
impl Source for Shared {
    async fn batch(&self, after: Position, _: usize) -> Result<Vec<Arc<Record>>, LogError> {
        let after = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(self.state().records.iter().skip(after).take(BATCH_RECORDS).cloned().collect())
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn closed(&self) -> bool {
        self.state().closed
    }
}

#[async_trait]
impl EventLog for Memory {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, LogError> {
        let position = self.shared.append(stream, expected, commits)?;
        self.shared.changes.send_replace(());
        Ok(position)
    }

    async fn read(
        &self,
        filter: &Filter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, LogError> {
        follow::read(self.shared.as_ref(), filter, after, limit).await
    }

    fn follow(&self, filter: Filter, after: Position) -> Follow {
        follow::follow(Arc::clone(&self.shared), filter, after)
    }

    async fn tail(&self) -> Result<Tail, LogError> {
        Ok(self.shared.state().head.tail().clone())
    }
}
