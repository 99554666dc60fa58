//! What connects the writer with readers and followers.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use async_trait::async_trait;
use tokio::{sync::watch, task};

use crate::{
    contract::{LogError, Tail},
    follow::Source,
    record::{Position, Record},
    segments::{
        reader,
        state::{Found, State},
    },
};

/// The readable part of the log, and a bell.
pub(super) struct Shared {
    state: RwLock<State>,
    changes: watch::Sender<()>,
}

impl Shared {
    pub fn new(state: State) -> Self {
        Self { state: RwLock::new(state), changes: watch::Sender::new(()) }
    }

    /// Where the log ends.
    pub fn tail(&self) -> Result<Tail, LogError> {
        self.look().tail().cloned()
    }

    /// The last position.
    pub fn position(&self) -> Result<Position, LogError> {
        self.look().tail().map(|tail| tail.position)
    }

    /// What is wrong with the log.
    pub fn damaged(&self) -> Option<Arc<str>> {
        self.look().damaged.clone()
    }

    /// Makes a synced frame readable. Followers see it when they look, and are told by [`Self::wake`].
    pub fn add_frame(&self, size: u64, records: impl IntoIterator<Item = (Arc<Record>, usize)>) {
        self.change().add_frame(size, records);
    }

    /// Makes a new segment known.
    pub fn add_segment(&self, path: PathBuf, first: Position, length: u64) {
        self.change().add_segment(path, first, length);
    }

    /// Tells followers to look again.
    pub fn wake(&self) {
        self.changes.send_replace(());
    }

    /// L8: from now on nothing is served and nothing written. The first reason stays.
    pub fn condemn(&self, why: Arc<str>) {
        tracing::error!(%why, "the log is damaged");
        self.change().damaged.get_or_insert(why);
        self.wake();
    }

    /// Checks every segment that a start did not read, the latest first, until all are whole, one is damaged (L8), or the
    /// log is closed.
    pub fn check_earlier(&self) {
        loop {
            let unread = self.look().unread();
            let Some((segment, earlier)) = unread.filter(|_| !self.closed()) else { return };
            match earlier.check() {
                Ok((marks, length)) => self.change().has_read(segment, marks, length),
                Err(LogError::Damaged(why)) => return self.condemn(why),
                Err(error) => {
                    tracing::error!(%error, "a segment that the start did not read can't be checked");
                    return;
                }
            }
        }
    }

    /// Lets followers end once they have everything.
    pub fn close(&self) {
        self.change().closed = true;
        self.wake();
    }

    // A panic elsewhere can't leave the state half changed: nothing in it fails.
    fn look(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let stopped = |error| LogError::Unavailable(format!("a read stopped: {error}").into());
    task::spawn_blocking(read).await.map_err(stopped)?
}

#[async_trait]
impl Source for Shared {
    async fn batch(&self, after: Position, enough: usize) -> Result<Vec<Arc<Record>>, LogError> {
        let read = loop {
            let found = self.look().find(after)?;
            match found {
                Found::Records(records) => return Ok(records),
                Found::OnDisk(place) => break blocking(move || reader::read(place, after, enough)).await,
                Found::Unread(segment, earlier) => {
                    let checked = blocking(move || earlier.check()).await;
                    match checked {
                        Ok((marks, length)) => self.change().has_read(segment, marks, length),
                        Err(error) => break Err(error),
                    }
                }
            }
        };
        if let Err(LogError::Damaged(why)) = &read {
            self.condemn(Arc::clone(why));
        }
        read
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn closed(&self) -> bool {
        self.look().closed
    }
}
