//! A core's state as folded from the log, with the requests it has answered.

use std::{sync::Arc, time::Instant};

use futures::StreamExt;
use mooring_domain::{Commit, Decider, Position, RequestId, Timestamp};
use mooring_event_log::{EventLog, Filter, Hash, Record};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::{
    codec::{self, Undecodable, to_log_position},
    ledger::OpenError,
    requests::Requests,
    saver::Saver,
    snapshots::{Snapshot, Witness},
};

/// The version of [`Folded`]'s serialized form around a core's state; grows with every change of it.
const VERSION: u32 = 3;

/// So many records are folded beside other folds; more of them alone. Seen with 50 000 records on two busy cores: one
/// after the other all folds of mooringd took 27 s; four at once had not ended after 710 s and 123 s of processor time,
/// two thirds of it in the C library's allocator, which no process has any more. All at once was not tried since.
const SHORT: u64 = 10_000;
static ALONE: Semaphore = Semaphore::const_new(1);

/// What is folded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Commands are decided on it: requests are remembered.
    Write,
    /// It is only looked at.
    Read,
}

/// A core's state at a position.
#[derive(Debug)]
pub struct View<S> {
    /// The record folded last, of any stream.
    pub position: Position,
    /// The state. Everybody who looks at it has the same one: it has many collections, and to clone each of them for every
    /// request takes longer than most requests.
    pub state: Arc<S>,
}

impl<S> Clone for View<S> {
    fn clone(&self) -> Self {
        Self { position: self.position, state: self.state.clone() }
    }
}

/// Everything that is folded; what a snapshot stores.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Folded<S> {
    pub(crate) state: S,
    pub(crate) requests: Requests,
    /// The last record folded.
    pub(crate) position: Position,
    /// Its hash.
    pub(crate) hash: [u8; 32],
    /// The core's own stream's last record.
    pub(crate) own: Position,
    /// When the last commit was recorded.
    pub(crate) recorded_at: Timestamp,
}

impl<S: Clone> Folded<S> {
    pub(crate) fn view(&self) -> View<S> {
        View { position: self.position, state: Arc::new(self.state.clone()) }
    }

    /// The record folded last.
    pub(crate) fn witness(&self) -> Witness {
        Witness { position: self.position, hash: self.hash }
    }

    /// Folds a record of any stream.
    pub(crate) fn record<D: Decider<State = S>>(
        &mut self,
        record: &Record,
        purpose: Purpose,
    ) -> Result<(), Undecodable> {
        if reads::<D>(record) {
            for (commit, stored) in codec::commits(record)?.iter().zip(&record.commits) {
                match purpose {
                    Purpose::Write => self.commit::<D>(commit, &stored.request_hash),
                    Purpose::Read => D::evolve(&mut self.state, commit),
                }
            }
        } else if let (Purpose::Write, Some(last)) = (purpose, record.commits.last()) {
            self.pass(Timestamp(last.recorded_at));
        }
        self.position = codec::to_domain_position(record.position);
        let Hash(hash) = record.hash;
        self.hash = hash;
        Ok(())
    }

    /// Whether a record is the one that `ahead` has at its end, decided on this and stored right behind it.
    pub(crate) fn leads_to<D: Decider<State = S>>(&self, ahead: &Self, record: &Record) -> bool {
        let position = codec::to_domain_position(record.position);
        let next = Position(self.position.0 + 1) == position && position == ahead.position;
        let at_that_time = |commit: &mooring_event_log::Commit| commit.recorded_at == ahead.recorded_at.0;
        next && record.stream.as_str() == D::STREAM.name() && record.commits.iter().all(at_that_time)
    }

    /// Folds a commit: one that was read, or one that is about to be stored.
    pub(crate) fn commit<D: Decider<State = S>>(&mut self, commit: &Commit, request_hash: &[u8]) {
        D::evolve(&mut self.state, commit);
        self.position = commit.at.position;
        if commit.stream == D::STREAM {
            self.own = commit.at.position;
            self.remember(commit.request_id, request_hash, commit);
        }
        self.pass(commit.recorded_at);
    }

    /// Something was recorded at that time.
    fn pass(&mut self, recorded_at: Timestamp) {
        self.recorded_at = self.recorded_at.max(recorded_at);
        self.requests.forget(self.recorded_at);
    }

    fn remember(&mut self, id: Option<RequestId>, hash: &[u8], commit: &Commit) {
        if let Some(id) = id {
            self.requests.remember(id, hash, commit.at, commit.recorded_at);
        }
    }
}

/// Whether a record can change the core's state.
pub(crate) fn reads<D: Decider>(record: &Record) -> bool {
    D::READS.iter().any(|stream| stream.name() == record.stream.as_str())
}

/// Folds every record there is, on top of the snapshot if it fits, some at a time.
pub(crate) async fn up_to_tail<D: Decider>(
    log: &dyn EventLog,
    snapshot: Option<Snapshot>,
    purpose: Purpose,
) -> Result<(Folded<D::State>, Saver), OpenError> {
    let begun = Instant::now();
    let version = VERSION << 16 | D::STATE_VERSION;
    let restored = match &snapshot {
        Some(snapshot) => snapshot.restore::<Folded<D::State>>(log, version).await?,
        None => None,
    };
    let mut folded = restored.map(|(_, folded)| folded).unwrap_or_default();
    let (from, who) = (folded.position, snapshot.as_ref().map(|snapshot| snapshot.who().to_owned()));
    let tail = log.tail().await?.position;
    let _alone = match tail.0.saturating_sub(folded.position.0) > SHORT {
        true => ALONE.acquire().await.ok(),
        false => None,
    };
    let mut records = log.follow(Filter::All, to_log_position(folded.position));
    while to_log_position(folded.position) < tail {
        let record = records.next().await.unwrap_or(Err(mooring_event_log::LogError::Closed))?;
        folded.record::<D>(&record, purpose)?;
    }
    tracing::info!(who, %from, to = %folded.position, took = ?begun.elapsed(), "folded");
    Ok((folded, Saver::new(snapshot, version, from)))
}
