//! Segment files as a source or a target of a copy.

use std::{path::PathBuf, sync::Arc};

use tokio::task;

use crate::{
    contract::{EventLog, Filter, LogError},
    record::{Position, Record},
    segments::{Options, Segments},
};

/// So many records are read at once, and written as one frame with one sync.
const CHUNK: usize = 1_000;

/// An open log in segment files.
pub(super) struct Files {
    log: Arc<Segments>,
    pub last: Position,
}

impl Files {
    /// Opens the log; every byte of it is checked. Whoever has it open already is in the way.
    pub async fn open(folder: PathBuf) -> Result<Self, LogError> {
        let opened = task::spawn_blocking(move || Segments::open(&folder, Options::default(), &[])).await;
        let opened = opened.map_err(|error| LogError::Unavailable(error.to_string().into()))??;
        if let Some(torn) = &opened.repaired {
            tracing::warn!(?torn, "a torn end that nobody had seen was cut off and set aside");
        }
        let last = opened.log.tail().await?.position;
        Ok(Self { log: opened.log, last })
    }

    pub fn read(&self) -> Reading {
        Reading { log: Arc::clone(&self.log), at: Position(0) }
    }

    /// Writes records as they are, synced.
    pub async fn write(&mut self, records: Vec<Arc<Record>>) -> Result<Position, LogError> {
        let mut records = records.into_iter().map(Arc::unwrap_or_clone).peekable();
        while records.peek().is_some() {
            let frame: Vec<_> = records.by_ref().take(CHUNK).collect();
            self.last = self.log.mirror(frame, true).await?;
        }
        Ok(self.last)
    }

    /// Lets go of the folder.
    pub async fn close(self) -> Result<(), LogError> {
        let closed = task::spawn_blocking(move || self.log.close()).await;
        closed.map_err(|error| LogError::Unavailable(error.to_string().into()))
    }
}

/// The log from its start on.
pub(super) struct Reading {
    log: Arc<Segments>,
    at: Position,
}

impl Reading {
    /// The next records, up to a position.
    pub async fn chunk(&mut self, last: Position) -> Result<Vec<Arc<Record>>, LogError> {
        let records = self.log.read(&Filter::All, self.at, CHUNK).await?;
        let Some(end) = records.last() else {
            return Err(LogError::Damaged(
                format!("ends at {}, and went on to {last} before", self.at).into(),
            ));
        };
        self.at = end.position;
        Ok(records)
    }
}
