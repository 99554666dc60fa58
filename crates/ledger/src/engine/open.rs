//! Opening one region's log, for as long as it takes: a NATS that is away comes back, what is wrong does not get right.

use std::{fmt::Display, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use mooring_domain::{Stream, name::RegionId};
use mooring_event_log::{
    EventLog, LogError, Segments, StreamName,
    jetstream::{self, JetStream},
    segments::{self, Witness},
};
use tokio::task;

use super::Engine;
use crate::Cursor;

/// Between a log that does not answer and the next try.
const PAUSE: Duration = Duration::from_millis(500);

/// What is to be opened.
pub(crate) struct Opening<'a> {
    pub(crate) region: &'a RegionId,
    /// The log's folder, or its copy's.
    pub(crate) folder: &'a Path,
    pub(crate) witnesses: &'a [Witness],
    /// The streams that this process appends to.
    pub(crate) writes: &'a [Stream],
}

/// A region as it is kept.
pub(crate) struct Kept {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) cursor: Option<Cursor>,
    closing: Closing,
}

enum Closing {
    Files(Arc<Segments>),
    Nats(Arc<JetStream>),
}

impl Opening<'_> {
    pub(crate) async fn open(
        &self,
        engine: &Engine,
        cursor: Cursor,
        waiting: impl Fn(String),
    ) -> Result<Kept> {
        let cursor = Some(cursor);
        match engine {
            Engine::Files => {
                let log = self.files()?;
                Ok(Kept { log: log.clone(), cursor, closing: Closing::Files(log) })
            }
            Engine::Nats { servers, durability } => {
                let options = jetstream::Options {
                    servers: servers.clone(),
                    durability: durability.clone(),
                    region: self.region.to_string(),
                    copy: self.folder.to_owned(),
                    segments: self.segments(),
                    writes: self.writes.iter().map(|stream| StreamName::new(stream.name())).collect(),
                };
                let log = self.nats(&options, waiting).await?;
                Ok(Kept { log: log.clone(), cursor, closing: Closing::Nats(log) })
            }
        }
    }

    /// What a snapshot was taken of was whole then: a start checks from there on, and the rest behind itself.
    fn segments(&self) -> segments::Options {
        segments::Options { trusted: Witness::trusted(self.witnesses), ..segments::Options::default() }
    }

    fn files(&self) -> Result<Arc<Segments>> {
        let opened = Segments::open(self.folder, self.segments(), self.witnesses);
        let opened = opened.with_context(|| self.named(self.folder.display()))?;
        if let Some(torn) = opened.repaired {
            tracing::warn!(
                region = %self.region, position = %torn.position, bytes = torn.bytes, file = %torn.file.display(),
                "the last record was torn and acknowledged to nobody known; it is set aside"
            );
        }
        Ok(opened.log)
    }

    async fn nats(&self, options: &jetstream::Options, waiting: impl Fn(String)) -> Result<Arc<JetStream>> {
        let mut said = String::new();
        loop {
            match JetStream::open(options.clone(), self.witnesses).await {
                Err(error @ LogError::Unavailable(_)) => {
                    let why = format!("{}: {error}", self.named(&options.servers));
                    if why != said {
                        tracing::warn!("{why}; trying again");
                        waiting(why.clone());
                        said = why;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                opened => return opened.with_context(|| self.named(&options.servers)),
            }
        }
    }

    fn named(&self, place: impl Display) -> String {
        format!("the log of region {} in {place}", self.region)
    }
}

impl Kept {
    /// Writes what waits and lets go of the folder.
    pub(crate) async fn close(self) {
        match self.closing {
            Closing::Nats(log) => log.close().await,
            Closing::Files(log) => {
                if task::spawn_blocking(move || log.close()).await.is_err() {
                    tracing::error!("closing the log stopped in the middle");
                }
            }
        }
    }
}
