//! Following a log (L7): one loop for every engine that can hand out batches and wake those who wait.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use tokio::sync::watch;

use crate::{
    contract::{Filter, Follow, LogError},
    record::{Position, Record},
};

/// What a follower needs from an engine.
#[async_trait]
pub(crate) trait Source: Send + Sync + 'static {
    /// The records right after a position, without gaps, some at a time; empty at the log's end. More than `enough` are not
    /// looked for, but there may be more.
    async fn batch(&self, after: Position, enough: usize) -> Result<Vec<Arc<Record>>, LogError>;

    /// Changes whenever records were added, the log was closed or damage was found.
    fn changes(&self) -> watch::Receiver<()>;

    /// Whether nothing more will be added.
    fn closed(&self) -> bool;
}

struct Following<S> {
    source: Arc<S>,
    filter: Filter,
    after: Position,
    waiting: VecDeque<Arc<Record>>,
    changes: watch::Receiver<()>,
}

/// Every wanted record after a position, now and as they come.
pub(crate) fn follow<S: Source>(source: Arc<S>, filter: Filter, after: Position) -> Follow {
    let changes = source.changes();
    let following = Following { source, filter, after, waiting: VecDeque::new(), changes };
    stream::unfold(Some(following), |following| async {
        let mut following = following?;
        match following.next().await {
            Ok(Some(record)) => Some((Ok(record), Some(following))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

/// Up to `limit` wanted records after a position; fewer only at the log's end.
pub(crate) async fn read<S: Source>(
    source: &S,
    filter: &Filter,
    mut after: Position,
    limit: usize,
) -> Result<Vec<Arc<Record>>, LogError> {
    let mut found = Vec::new();
    while found.len() < limit {
        let room = limit - found.len();
        // Of those that a filter leaves out nobody knows how many come.
        let enough = if matches!(filter, Filter::All) { room } else { usize::MAX };
        let batch = source.batch(after, enough).await?;
        let Some(last) = batch.last() else { break };
        after = last.position;
        found.extend(batch.into_iter().filter(|record| filter.wants(&record.stream)).take(room));
    }
    Ok(found)
}

impl<S: Source> Following<S> {
    async fn next(&mut self) -> Result<Option<Arc<Record>>, LogError> {
        loop {
            while let Some(record) = self.waiting.pop_front() {
                self.after = record.position;
                if self.filter.wants(&record.stream) {
                    return Ok(Some(record));
                }
            }
            // In this order: what changes after the look wakes us, and what is written before closing is found.
            self.changes.borrow_and_update();
            let closed = self.source.closed();
            self.waiting = self.source.batch(self.after, usize::MAX).await?.into();
            if self.waiting.is_empty() && (closed || self.changes.changed().await.is_err()) {
                return Ok(None);
            }
        }
    }
}
