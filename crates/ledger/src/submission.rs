//! What goes into the loop with a command, and what comes out.

use std::sync::Arc;

use mooring_domain::{Actor, Commit, CommitPosition, Decider, Event, Position, Rejection};
use mooring_event_log::LogError;
use mooring_proto::{
    preview,
    status::{Unserved, from_rejection, from_unserved},
};
use tokio::sync::oneshot;
use tonic::Response;

use crate::{Ledger, caller::Caller, now};

/// What a command came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Where it is stored. `None`: it held already, nothing was written.
    pub at: Option<CommitPosition>,
    /// What was stored, by this request or by the first one with its id, or would have been.
    pub events: Vec<Event>,
    /// A position of the log at which it holds; of what was only validated, at which it would.
    pub position: Position,
    /// Nothing was stored, only because the caller wanted nothing to be. `at` is 0 then.
    pub validated_only: bool,
}

impl Outcome {
    pub(crate) fn nothing(position: Position) -> Self {
        Self { at: None, events: Vec::new(), position, validated_only: false }
    }

    pub(crate) fn validated(position: Position, events: Vec<Event>) -> Self {
        Self { at: Some(CommitPosition::default()), events, position, validated_only: true }
    }

    /// The state with it: as it is now, or as it would be.
    pub fn state_after<D: Decider>(&self, ledger: &Ledger<D>) -> D::State {
        let mut state = Arc::unwrap_or_clone(ledger.view().state);
        if self.validated_only {
            suppose::<D>(&mut state, &self.events);
        }
        state
    }

    /// The same, for an answer that is true only from a later position on: what began here has come to its end there.
    #[must_use]
    pub fn ended_at(mut self, position: Position) -> Self {
        self.position = self.position.max(position);
        self
    }

    /// The answer with this message, and what its metadata says of the outcome.
    pub fn answer<T>(&self, message: T) -> Response<T> {
        let mut response = Response::new(message);
        preview::put_position(response.metadata_mut(), self.position);
        if self.validated_only {
            preview::put_events(response.metadata_mut(), &self.events);
        }
        response
    }
}

/// Folds events as if they had been stored.
pub fn suppose<D: Decider>(state: &mut D::State, events: &[Event]) {
    let commit = Commit {
        at: CommitPosition::default(),
        stream: D::STREAM,
        recorded_at: now(),
        actor: Actor("".into()),
        request_id: None,
        events: events.to_vec(),
    };
    D::evolve(state, &commit);
}

/// Why a command came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The core refused it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The log could not take it.
    #[error(transparent)]
    Unserved(#[from] Unserved),
}

impl From<Refused> for tonic::Status {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Rejected(rejection) => from_rejection(&rejection),
            Refused::Unserved(unserved) => from_unserved(unserved),
        }
    }
}

/// A command on its way through the loop.
pub(crate) struct Submission<C> {
    pub(crate) caller: Caller,
    /// `None`: only what the first request with this id came to is asked for.
    pub(crate) command: Option<C>,
    pub(crate) answer: oneshot::Sender<Result<Outcome, Refused>>,
}

/// What a failure of the log means to whoever asked.
pub fn unserved(error: &LogError) -> Unserved {
    match error {
        LogError::Full(_) => Unserved::Full,
        LogError::Damaged(_) => Unserved::Damaged,
        LogError::Unknown(_) => Unserved::Unknown,
        LogError::Closed => Unserved::Closed,
        LogError::Conflict { .. } | LogError::Unavailable(_) | LogError::Bounds(_) | LogError::Refused(_) => {
            Unserved::Unavailable
        }
    }
}
