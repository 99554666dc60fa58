//! Who asks, out of a gRPC request.

use std::sync::Arc;

use mooring_domain::RequestId;
use mooring_proto::status::bad_field;
use sha2::{Digest, Sha256};
use tonic::{Status, metadata::MetadataMap};
use uuid::Uuid;

use crate::requests::ContentHash;

/// The metadata key under which a caller says who it is.
pub const ACTOR: &str = "mooring-actor";
const LONGEST: usize = 128;

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

    /// The caller of a request: its metadata, its `request_id`, and its content without that id.
    pub fn of(metadata: &MetadataMap, request_id: &str, content: &[u8]) -> Result<Self, Status> {
        let actor = metadata.get(ACTOR).and_then(|value| value.to_str().ok()).unwrap_or("anonymous");
        let caller = Self::new(actor.chars().take(LONGEST).collect::<String>());
        match request_id {
            "" => Ok(caller),
            id => Uuid::parse_str(id)
                .map(|id| caller.with_request(RequestId(id), content))
                .map_err(|_| bad_field("request_id", "must be a UUID, or empty")),
        }
    }

    /// The same, with an id for the request. `content` is the request as sent, without its id.
    #[must_use]
    pub fn with_request(mut self, id: RequestId, content: &[u8]) -> Self {
        let digest = Sha256::digest(content);
        let mut hash = ContentHash::default();
        hash.copy_from_slice(&digest[..16]);
        self.request = Some((id, hash));
        self
    }
}
