//! Which requests have been answered, so that a retry answers as the first did and writes nothing.
//!
//! Folded from the log like all state; remembered for a day, or for the last 1 000 000 of a region.

use imbl::OrdMap;
use mooring_domain::{CommitPosition, RequestId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const REMEMBERED_NANOS: u64 = 24 * 60 * 60 * 1_000_000_000;
const REMEMBERED_COUNT: usize = 1_000_000;

/// The first 16 bytes of the SHA-256 of a request's content.
pub type ContentHash = [u8; 16];

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Requests {
    by_id: OrdMap<RequestId, (ContentHash, CommitPosition)>,
    by_age: OrdMap<CommitPosition, (RequestId, Timestamp)>,
}

impl Requests {
    pub(crate) fn find(&self, id: RequestId) -> Option<(ContentHash, CommitPosition)> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn remember(
        &mut self,
        id: RequestId,
        content: ContentHash,
        at: CommitPosition,
        recorded_at: Timestamp,
    ) {
        self.by_id.insert(id, (content, at));
        self.by_age.insert(at, (id, recorded_at));
    }

    /// Forgets what is older than a day before `now`, and the oldest beyond the count.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        while let Some((&at, &(id, recorded_at))) = self.by_age.get_min().map(|(at, entry)| (at, entry)) {
            let old = recorded_at.0.saturating_add(REMEMBERED_NANOS) < now.0;
            if !old && self.by_age.len() <= REMEMBERED_COUNT {
                return;
            }
            self.by_age.remove(&at);
            self.by_id.remove(&id);
        }
    }
}

/// One request in a snapshot; oldest first, each once.
type Stored = (CommitPosition, RequestId, ContentHash, Timestamp);

impl Serialize for Requests {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let content = |id: &RequestId| self.by_id.get(id).map(|(content, _)| *content).unwrap_or_default();
        serializer.collect_seq(self.by_age.iter().map(|(at, (id, time))| (*at, *id, content(id), *time)))
    }
}

impl<'de> Deserialize<'de> for Requests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut requests = Self::default();
        for (at, id, content, recorded_at) in Vec::<Stored>::deserialize(deserializer)? {
            requests.remember(id, content, at, recorded_at);
        }
        Ok(requests)
    }
}

#[cfg(test)]
mod tests {
    use mooring_domain::Position;
    use uuid::Uuid;

    use super::*;

    fn at(position: u64) -> CommitPosition {
        CommitPosition { position: Position(position), index: 0 }
    }

    #[test]
    fn a_request_is_forgotten_after_a_day_and_not_before() {
        let id = RequestId(Uuid::from_u128(7));
        let mut requests = Requests::default();
        requests.remember(id, [1; 16], at(3), Timestamp(1_000));
        requests.forget(Timestamp(1_000 + REMEMBERED_NANOS));
        assert_eq!(requests.find(id), Some(([1; 16], at(3))));
        requests.forget(Timestamp(1_001 + REMEMBERED_NANOS));
        assert_eq!(requests.find(id), None);
    }
}
