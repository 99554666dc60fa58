//! What goes into the loop with a command, and what comes out.

use std::sync::Arc;

use mooring_domain::{CommitPosition, Event, Rejection, RequestId};
use mooring_proto::status::{Unserved, from_rejection, from_unserved};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::requests::ContentHash;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// As they said.
    pub actor: Arc<str>,
    /// Their id for the request, and a hash of its content.
    pub(crate) request: Option<(RequestId, ContentHash)>,
}

impl Caller {
    /// A caller whose request has no id.
    pub fn new(actor: impl Into<Arc<str>>) -> Self {
        Self { actor: actor.into(), request: None }
    }

    /// A caller whose request has an id. `content` is the request as sent, without its id.
    #[must_use]
    pub fn with_request(mut self, id: RequestId, content: &[u8]) -> Self {
        let digest = Sha256::digest(content);
        let mut hash = ContentHash::default();
        hash.copy_from_slice(&digest[..16]);
        self.request = Some((id, hash));
        self
    }
}

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
