//! The log in NATS JetStream: one JetStream stream per region, and a copy of all of it in segment files.
//!
//! The JetStream stream decides the order; the copy serves all reads and is the witness against a JetStream stream
//! that lost something. See docs/design/log.md.

pub mod admin;
mod ahead;
mod appending;
pub mod connect;
pub mod durability;
mod engine;
mod feed;
mod keeper;
mod message;
mod opening;
mod permissions;
mod publishing;
mod question;
mod remote;
pub mod settings;
mod verify;
pub(crate) mod whole;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use tokio::{
    sync::watch,
    task::{self, JoinHandle},
};

pub use self::{connect::Servers, permissions::Permissions};
use self::{
    durability::Durability,
    engine::Engine,
    remote::{Remote, refusal},
};
use crate::{
    contract::{EventLog, Filter, Follow, LogError, Tail},
    record::{Commit, Position, Record, StreamName},
    segments::{self, Witness},
};

/// How a region's log is reached and kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The NATS servers.
    pub servers: Servers,
    /// Who vouches that they sync what they acknowledge.
    pub durability: Durability,
    /// The region's name; the JetStream stream is `mooring-<region>`.
    pub region: String,
    /// The folder of the copy.
    pub copy: PathBuf,
    /// How the copy is kept.
    pub segments: segments::Options,
    /// The streams that this process appends to: the copy of their records is synced before an acknowledgement.
    pub writes: BTreeSet<StreamName>,
}

/// How it stands with the log, for readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Connected and verified, and the copy has everything that was seen.
    Reached,
    /// Connected; the copy has not everything yet.
    Behind {
        /// Where the copy ends.
        at: Position,
        /// Where the JetStream stream was seen to end.
        tail: Position,
    },
    /// Not connected, or not verified since.
    NotReached(Arc<str>),
    /// L8: nothing is served any more.
    Damaged(Arc<str>),
}

/// One region's log in a JetStream stream, and a copy of it. It needs a tokio runtime around it.
pub struct JetStream {
    engine: Arc<Engine>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl JetStream {
    /// Connects, compares the copy with the JetStream stream, and has the copy catch up. From then on it connects
    /// again by itself.
    ///
    /// # Errors
    /// `Unavailable`: NATS, or who vouches for it, does not answer, or the folder is in use; to be tried again.
    /// `Refused`: settings, login, durability. `Damaged`: the copy, or L8.
    pub async fn open(options: Options, witnesses: &[Witness]) -> Result<Arc<Self>, LogError> {
        let Options { servers, durability, region, copy, segments, writes } = options;
        let connected = servers.connect(&format!("mooring {region}")).await;
        let connected = connected.map_err(|error| refusal(error.retryable(), &error))?;
        let copied = opening::copy(copy.clone(), segments).await?;
        let remote = Remote::new(connected, region, durability, copy);
        let engine = Arc::new(Engine::new(remote, copied, writes));
        let standing = engine.standing.subscribe();
        let keeper = tokio::spawn(keeper::keep(Arc::clone(&engine)));
        let log = Arc::new(Self { engine, keeper: Mutex::new(Some(keeper)) });
        match opening::caught_up(&log.engine, standing, witnesses).await {
            Ok(()) => Ok(log),
            Err(error) => {
                log.close().await;
                Err(error)
            }
        }
    }

    /// How it stands, now and as it changes.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.engine.standing.subscribe()
    }

    /// Writes the end of the copy, refuses what comes, and lets go of the folder. Followers end once they have
    /// everything.
    pub async fn close(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            keeper.abort();
            // It was told to stop.
            let _ = keeper.await;
        }
        self.engine.distrust(LogError::Closed);
        let copy = Arc::clone(&self.engine.copy);
        if task::spawn_blocking(move || copy.close()).await.is_err() {
            tracing::error!("closing the log's copy stopped in the middle");
        }
    }
}

impl Drop for JetStream {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take() {
            keeper.abort();
        }
    }
}

#[async_trait]
impl EventLog for JetStream {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, LogError> {
        appending::append(&self.engine, stream, expected, commits).await
    }

    async fn read(
        &self,
        filter: &Filter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, LogError> {
        let copy = &self.engine.copy;
        let copied = copy.position()?;
        let mut found = copy.read(filter, after, limit).await?;
        if found.len() < limit {
            self.engine.catch_up().await?;
            // What was copied by then was looked through.
            let after = found.last().map_or(after, |last| last.position).max(copied).max(after);
            found.extend(copy.read(filter, after, limit - found.len()).await?);
        }
        Ok(found)
    }

    fn follow(&self, filter: Filter, after: Position) -> Follow {
        self.engine.copy.follow(filter, after)
    }

    async fn tail(&self) -> Result<Tail, LogError> {
        self.engine.catch_up().await?;
        self.engine.copy.tail().await
    }
}
