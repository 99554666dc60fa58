//! A log that fails on demand, around any other: for the tests of whoever appends and follows.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use tokio::sync::{Semaphore, watch};

use crate::{
    contract::{EventLog, Filter, Follow, LogError, Tail},
    record::{Commit, Position, Record, StreamName},
};

/// What goes wrong with one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not written; the answer is `Unavailable`.
    Unavailable,
    /// It is written; the answer is `Unknown`.
    UnknownLanded,
    /// It is not written; the answer is `Unknown`.
    UnknownLost,
    /// It is not written; the answer is `Full`.
    Full,
    /// It is not written; the answer is `Conflict`, with the stream's true last record.
    Conflict,
    /// It waits until [`FaultyLog::release`], then goes on as any other.
    Hang,
}

/// A log whose next appends fail as told.
pub struct FaultyLog {
    inner: Arc<dyn EventLog>,
    faults: Mutex<VecDeque<Fault>>,
    tails: Mutex<VecDeque<LogError>>,
    released: Semaphore,
    hanging: watch::Sender<usize>,
    breaks: watch::Sender<()>,
}

impl FaultyLog {
    /// Around this log; nothing fails yet.
    pub fn around(inner: Arc<dyn EventLog>) -> Self {
        Self {
            inner,
            faults: Mutex::default(),
            tails: Mutex::default(),
            released: Semaphore::new(0),
            hanging: watch::Sender::new(0),
            breaks: watch::Sender::new(()),
        }
    }

    /// The next question where the log ends is answered like this.
    pub fn fail_next_tail(&self, error: LogError) {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner).push_back(error);
    }

    /// The next append that no earlier call spoke for fails like this.
    pub fn fail_next(&self, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    /// Lets one append that hangs, or the next that would, go on.
    pub fn release(&self) {
        self.released.add_permits(1);
    }

    /// Waits until so many appends hang.
    pub async fn hanging(&self, appends: usize) {
        // The sender lives as long as `self`.
        let _ = self.hanging.subscribe().wait_for(|hanging| *hanging >= appends).await;
    }

    /// Ends every follower there is with `Unavailable`, as a broken connection does.
    pub fn break_followers(&self) {
        self.breaks.send_replace(());
    }

    fn next_fault(&self) -> Option<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    async fn hang(&self) {
        self.hanging.send_modify(|hanging| *hanging += 1);
        if let Ok(permit) = self.released.acquire().await {
            permit.forget();
        }
        self.hanging.send_modify(|hanging| *hanging -= 1);
    }
}

#[async_trait]
impl EventLog for FaultyLog {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, LogError> {
        let unknown = || LogError::Unknown("told to lose the answer".into());
        match self.next_fault() {
            Some(Fault::Unavailable) => return Err(LogError::Unavailable("told to fail".into())),
            Some(Fault::Full) => return Err(LogError::Full("told to be full".into())),
            Some(Fault::UnknownLost) => return Err(unknown()),
            Some(Fault::UnknownLanded) => {
                self.inner.append(stream, expected, commits).await?;
                return Err(unknown());
            }
            Some(Fault::Conflict) => {
                let last = self.tail().await?.streams.get(stream).copied().unwrap_or_default().0;
                return Err(LogError::Conflict { stream: stream.clone(), expected, last });
            }
            Some(Fault::Hang) => self.hang().await,
            None => {}
        }
        self.inner.append(stream, expected, commits).await
    }

    async fn read(
        &self,
        filter: &Filter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, LogError> {
        self.inner.read(filter, after, limit).await
    }

    fn follow(&self, filter: Filter, after: Position) -> Follow {
        let following = Some((self.inner.follow(filter, after), self.breaks.subscribe()));
        stream::unfold(following, |following| async {
            let (mut records, mut breaks) = following?;
            tokio::select! {
                biased;
                Ok(()) = breaks.changed() => {
                    Some((Err(LogError::Unavailable("told to break".into())), None))
                }
                record = records.next() => Some((record?, Some((records, breaks)))),
            }
        })
        .boxed()
    }

    async fn tail(&self) -> Result<Tail, LogError> {
        let error = self.tails.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match error {
            Some(error) => Err(error),
            None => self.inner.tail().await,
        }
    }
}
