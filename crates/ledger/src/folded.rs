//! A core's state as folded from the log, with the requests it has answered.

use mooring_domain::{Commit, Decider, Position, RequestId, Timestamp};
use mooring_event_log::{Hash, Record};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{self, Undecodable},
    requests::Requests,
};

/// A core's state at a position.
#[derive(Debug)]
pub struct View<S> {
    /// The record folded last, of any stream.
    pub position: Position,
    /// The state.
    pub state: S,
}

impl<S: Clone> Clone for View<S> {
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
        View { position: self.position, state: self.state.clone() }
    }

    /// Folds a record of any stream.
    pub(crate) fn record<D: Decider<State = S>>(&mut self, record: &Record) -> Result<(), Undecodable> {
        for (commit, stored) in codec::commits(record)?.iter().zip(&record.commits) {
            self.commit::<D>(commit, &stored.request_hash);
        }
        let Hash(hash) = record.hash;
        self.hash = hash;
        Ok(())
    }

    /// Folds a commit: one that was read, or one that is about to be stored.
    pub(crate) fn commit<D: Decider<State = S>>(&mut self, commit: &Commit, request_hash: &[u8]) {
        D::evolve(&mut self.state, commit);
        self.position = commit.at.position;
        self.recorded_at = self.recorded_at.max(commit.recorded_at);
        if commit.stream == D::STREAM {
            self.own = commit.at.position;
            self.remember(commit.request_id, request_hash, commit);
        }
        self.requests.forget(self.recorded_at);
    }

    fn remember(&mut self, id: Option<RequestId>, hash: &[u8], commit: &Commit) {
        if let (Some(id), Ok(content)) = (id, hash.try_into()) {
            self.requests.remember(id, content, commit.at, commit.recorded_at);
        }
    }
}
