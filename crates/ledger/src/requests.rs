//! Which requests have been answered, so that a retry answers as the first did and writes nothing.
//!
//! Folded from the log like all state; remembered for a day, or for the last 1 000 000 of a region. An id is one among those of
//! its project, or of the operator: what others send under the same id is nobody's business.

use bytes::Bytes;
use imbl::OrdMap;
use mooring_domain::{CommitPosition, RequestId, Timestamp};
use mooring_proto::access::Identity;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

const REMEMBERED_NANOS: u64 = 24 * 60 * 60 * 1_000_000_000;
const REMEMBERED_COUNT: usize = 1_000_000;

/// The first 16 bytes of the SHA-256 of a request's content.
pub(crate) type ContentHash = [u8; 16];

/// Among whose requests an id counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Scope([u8; 16]);

impl Scope {
    /// Of requests that were stored before their commits said it.
    const UNSAID: Self = Self([0; 16]);

    /// `None`: of whoever is neither.
    pub(crate) fn of(identity: Option<&Identity>) -> Self {
        Self(match identity {
            Some(Identity::Operator) => hash(b"operator"),
            Some(Identity::Member(project)) => hash(format!("projects/{project}").as_bytes()),
            None => hash(b""),
        })
    }
}

fn hash(content: &[u8]) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&Sha256::digest(content)[..16]);
    hash
}

/// A request with an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) id: RequestId,
    scope: Scope,
    content: ContentHash,
}

impl Asked {
    pub(crate) fn new(id: RequestId, scope: Scope, content: &[u8]) -> Self {
        Self { id, scope, content: hash(content) }
    }

    /// What its commit says of it beside its id: the hash of its content, then its scope.
    pub(crate) fn stored(&self) -> Bytes {
        Bytes::from([self.content, self.scope.0].concat())
    }

    /// As a commit has it. One that does not say a scope was stored before scopes were.
    fn read(id: RequestId, stored: &[u8]) -> Option<Self> {
        let (content, scope) = stored.split_first_chunk::<16>()?;
        let scope = if scope.is_empty() { Scope::UNSAID } else { Scope(scope.try_into().ok()?) };
        Some(Self { id, scope, content: *content })
    }

    fn key(&self) -> Key {
        (self.scope, self.id)
    }
}

/// What is known of a request's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// The same request is stored there.
    Same(CommitPosition),
    /// Another one of the same project, or of the operator, is stored there.
    Other(CommitPosition),
}

impl Known {
    pub(crate) fn at(self) -> CommitPosition {
        let (Self::Same(at) | Self::Other(at)) = self;
        at
    }
}

type Key = (Scope, RequestId);

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Requests {
    by_key: OrdMap<Key, (ContentHash, CommitPosition)>,
    by_age: OrdMap<CommitPosition, (Key, Timestamp)>,
}

impl Requests {
    pub(crate) fn find(&self, asked: &Asked) -> Option<Known> {
        let known = |key: Key| {
            let (content, at) = *self.by_key.get(&key)?;
            Some(if content == asked.content { Known::Same(at) } else { Known::Other(at) })
        };
        // One whose scope nobody stored may be anybody's: only the very same request is taken for it.
        let unsaid = || known((Scope::UNSAID, asked.id)).filter(|known| matches!(known, Known::Same(_)));
        known(asked.key()).or_else(unsaid)
    }

    /// Remembers a request as its commit has it.
    pub(crate) fn remember(
        &mut self,
        id: RequestId,
        stored: &[u8],
        at: CommitPosition,
        recorded_at: Timestamp,
    ) {
        if let Some(asked) = Asked::read(id, stored) {
            self.insert(asked.key(), asked.content, at, recorded_at);
        }
    }

    fn insert(&mut self, key: Key, content: ContentHash, at: CommitPosition, recorded_at: Timestamp) {
        self.by_key.insert(key, (content, at));
        self.by_age.insert(at, (key, recorded_at));
    }

    /// Forgets what is older than a day before `now`, and the oldest beyond the count.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        while let Some((&at, &(key, recorded_at))) = self.by_age.get_min().map(|(at, entry)| (at, entry)) {
            let old = recorded_at.0.saturating_add(REMEMBERED_NANOS) < now.0;
            if !old && self.by_age.len() <= REMEMBERED_COUNT {
                return;
            }
            self.by_age.remove(&at);
            self.by_key.remove(&key);
        }
    }
}

/// One request in a snapshot; oldest first, each once.
type Stored = (CommitPosition, Key, ContentHash, Timestamp);

impl Serialize for Requests {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let content = |key: &Key| self.by_key.get(key).map(|(content, _)| *content).unwrap_or_default();
        serializer.collect_seq(self.by_age.iter().map(|(at, (key, time))| (*at, *key, content(key), *time)))
    }
}

impl<'de> Deserialize<'de> for Requests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut requests = Self::default();
        for (at, key, content, recorded_at) in Vec::<Stored>::deserialize(deserializer)? {
            requests.insert(key, content, at, recorded_at);
        }
        Ok(requests)
    }
}

#[cfg(test)]
mod tests {
    use mooring_domain::Position;
    use uuid::Uuid;

    use super::*;

    const ID: RequestId = RequestId(Uuid::from_u128(7));

    fn at(position: u64) -> CommitPosition {
        CommitPosition { position: Position(position), index: 0 }
    }

    fn asked(project: &str, content: &str) -> Asked {
        let member = Identity::Member(project.parse().unwrap());
        Asked::new(ID, Scope::of(Some(&member)), content.as_bytes())
    }

    fn remembering(all: &[(&[u8], u64)]) -> Requests {
        let mut requests = Requests::default();
        for (stored, position) in all {
            requests.remember(ID, stored, at(*position), Timestamp(1_000));
        }
        requests
    }

    #[test]
    fn a_request_is_forgotten_after_a_day_and_not_before() {
        let mut requests = remembering(&[(&asked("p1", "blue").stored(), 3)]);
        requests.forget(Timestamp(1_000 + REMEMBERED_NANOS));
        assert_eq!(requests.find(&asked("p1", "blue")), Some(Known::Same(at(3))));
        requests.forget(Timestamp(1_001 + REMEMBERED_NANOS));
        assert_eq!(requests, Requests::default());
    }

    #[test]
    fn the_same_id_of_two_projects_is_two_requests() {
        let requests = remembering(&[(&asked("p1", "blue").stored(), 3), (&asked("p2", "red").stored(), 4)]);
        assert_eq!(requests.find(&asked("p1", "blue")), Some(Known::Same(at(3))));
        assert_eq!(requests.find(&asked("p1", "red")), Some(Known::Other(at(3))));
        assert_eq!(requests.find(&asked("p2", "red")), Some(Known::Same(at(4))));
        assert_eq!(requests.find(&asked("p3", "red")), None);
        let operator = Asked::new(ID, Scope::of(Some(&Identity::Operator)), b"blue");
        assert_eq!(requests.find(&operator), None);
    }

    #[test]
    fn of_a_request_whose_scope_nobody_stored_only_a_retry_hears() {
        let requests = remembering(&[(&hash(b"blue"), 3)]);
        assert_eq!(requests.find(&asked("p1", "blue")), Some(Known::Same(at(3))));
        assert_eq!(requests.find(&asked("p1", "red")), None);
        assert_eq!(remembering(&[(b"", 3), (b"short", 4), (&[1; 17], 5)]), Requests::default());
    }

    #[test]
    fn a_snapshot_has_all_of_them() {
        let requests = remembering(&[(&asked("p1", "blue").stored(), 3), (&hash(b"blue"), 4)]);
        let bytes = postcard::to_stdvec(&requests).unwrap();
        assert_eq!(postcard::from_bytes::<Requests>(&bytes).unwrap(), requests);
    }
}
