//! A place that has a region's log, and what a copy does there: read from the start, write at the end.

use std::{collections::VecDeque, fmt, path::PathBuf, sync::Arc};

use super::{
    TransferError,
    files::{self, Files},
};
use crate::{
    contract::LogError,
    jetstream::{
        connect::Servers,
        durability::Durability,
        settings,
        whole::{Records, Whole},
    },
    record::{Position, Record},
};

/// Where a region's log is.
#[derive(Clone, Debug)]
pub enum Place {
    /// In segment files in this folder.
    Files(PathBuf),
    /// In a JetStream stream.
    JetStream {
        /// The NATS servers.
        servers: Servers,
        /// Who vouches that they sync what they acknowledge. Only asked where it is written to.
        durability: Durability,
        /// The region.
        region: String,
    },
}

/// A log that is open.
pub(super) enum Open {
    Files(Files),
    JetStream(Whole),
}

/// Reads a log from the start on, each record once and checked to follow the one before.
pub(super) struct Reader {
    place: Arc<str>,
    feed: Feed,
    waiting: VecDeque<Arc<Record>>,
    at: Position,
}

pub(super) enum Feed {
    Files(files::Reading),
    JetStream(Box<Records>),
}

impl Place {
    pub(super) async fn open_to_read(&self) -> Result<Opened, TransferError> {
        match self {
            // Opening would make a log there.
            Self::Files(folder) if !folder.join("segments").is_dir() => {
                Err(TransferError::Missing { place: self.to_string().into() })
            }
            Self::Files(_) => self.open_to_write().await,
            Self::JetStream { servers, region, .. } => {
                let open = Whole::open(servers, region, &Durability::Trusted, false).await;
                self.opened(open.map(Open::JetStream))
            }
        }
    }

    pub(super) async fn open_to_write(&self) -> Result<Opened, TransferError> {
        let open = match self {
            Self::Files(folder) => Files::open(folder.clone()).await.map(Open::Files),
            Self::JetStream { servers, region, durability } => {
                Whole::open(servers, region, durability, true).await.map(Open::JetStream)
            }
        };
        self.opened(open)
    }

    fn opened(&self, open: Result<Open, LogError>) -> Result<Opened, TransferError> {
        let place: Arc<str> = self.to_string().into();
        match open {
            Ok(open) => Ok(Opened { place, open }),
            Err(error) => Err(TransferError::At { place, error }),
        }
    }
}

/// An open log, and where it is.
pub(super) struct Opened {
    place: Arc<str>,
    open: Open,
}

impl Opened {
    /// Its last position when it was opened, and of what was written since.
    pub fn last(&self) -> Position {
        match &self.open {
            Open::Files(files) => files.last,
            Open::JetStream(whole) => whole.last(),
        }
    }

    /// A reader at its start.
    pub async fn read(&self) -> Result<Reader, TransferError> {
        let feed = match &self.open {
            Open::Files(files) => Ok(Feed::Files(files.read())),
            Open::JetStream(whole) => whole.records().await.map(|records| Feed::JetStream(Box::new(records))),
        };
        let feed = feed.map_err(|error| self.failed(error))?;
        Ok(Reader { place: Arc::clone(&self.place), feed, waiting: VecDeque::new(), at: Position(0) })
    }

    /// Writes records where it ends, durably; the last position then.
    pub async fn write(&mut self, records: Vec<Arc<Record>>) -> Result<Position, TransferError> {
        let written = match &mut self.open {
            Open::Files(files) => files.write(records).await,
            Open::JetStream(whole) => whole.write(&records).await,
        };
        written.map_err(|error| self.failed(error))
    }

    /// Lets go of it.
    pub async fn close(self) -> Result<(), TransferError> {
        match self.open {
            Open::Files(files) => {
                files.close().await.map_err(|error| TransferError::At { place: self.place, error })
            }
            Open::JetStream(_) => Ok(()),
        }
    }

    fn failed(&self, error: LogError) -> TransferError {
        TransferError::At { place: Arc::clone(&self.place), error }
    }
}

impl Reader {
    /// The position of the last record that was taken.
    pub fn at(&self) -> Position {
        self.at
    }

    /// The next record; there must be one, up to `last`.
    pub async fn next(&mut self, last: Position) -> Result<Arc<Record>, TransferError> {
        loop {
            if let Some(record) = self.waiting.pop_front() {
                self.at = record.position;
                return Ok(record);
            }
            self.waiting = self.fetch(last).await?.into();
        }
    }

    /// The next records up to `last`, at least one.
    pub async fn chunk(&mut self, last: Position) -> Result<Vec<Arc<Record>>, TransferError> {
        let mut records: Vec<_> = std::mem::take(&mut self.waiting).into();
        while records.is_empty() {
            records = self.fetch(last).await?;
        }
        records.retain(|record| record.position <= last);
        self.at = records.last().map_or(last, |record| record.position);
        Ok(records)
    }

    async fn fetch(&mut self, last: Position) -> Result<Vec<Arc<Record>>, TransferError> {
        let fetched = match &mut self.feed {
            Feed::Files(reading) => reading.chunk(last).await,
            Feed::JetStream(records) => records.chunk().await,
        };
        fetched.map_err(|error| TransferError::At { place: Arc::clone(&self.place), error })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(folder) => folder.display().fmt(f),
            Self::JetStream { servers, region, .. } => {
                write!(f, "JetStream stream {} at {servers}", settings::name(region))
            }
        }
    }
}
