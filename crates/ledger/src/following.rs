//! Following a log through broken connections: goes on after the last record it gave (L7).

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use mooring_event_log::{EventLog, Filter, Follow, LogError, Position, Record};

/// Between a broken connection and the next try.
const PAUSE: Duration = Duration::from_millis(100);

/// Every record of a region after a position, each once, in order.
pub struct Following {
    log: Arc<dyn EventLog>,
    after: Position,
    follow: Follow,
    broken: bool,
}

impl Following {
    /// Follows from this position on.
    pub fn after(log: Arc<dyn EventLog>, after: Position) -> Self {
        let follow = log.follow(Filter::All, after);
        Self { log, after, follow, broken: false }
    }

    /// The next record. Safe to drop while it waits. An error is final: the log is damaged or closed.
    pub async fn next(&mut self) -> Result<Arc<Record>, LogError> {
        loop {
            if self.broken {
                tokio::time::sleep(PAUSE).await;
                self.follow = self.log.follow(Filter::All, self.after);
                self.broken = false;
            }
            match self.follow.next().await {
                Some(Ok(record)) => {
                    self.after = record.position;
                    return Ok(record);
                }
                Some(Err(error)) if !error.is_final() => {
                    tracing::warn!(%error, after = %self.after, "following broke off; going on");
                    self.broken = true;
                }
                Some(Err(error)) => return Err(error),
                None => return Err(LogError::Closed),
            }
        }
    }
}
