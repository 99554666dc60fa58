//! What goes into the loop with a command, and what comes out.

use mooring_domain::{CommitPosition, Event, Rejection};
use mooring_event_log::LogError;
use mooring_proto::status::{Unserved, from_rejection, from_unserved};
use tokio::sync::oneshot;

use crate::caller::Caller;

/// What a command came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Where it is stored. `None`: it held already, nothing was written.
    pub at: Option<CommitPosition>,
    /// What was stored, by this request or by the first one with its id.
    pub events: Vec<Event>,
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
    pub(crate) command: C,
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
