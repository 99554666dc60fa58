//! Records of this process that the copy takes with their acknowledgement, not when they come back: the way back was half
//! of an append. What comes back is compared with what was written.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::engine::Engine;
use crate::record::{Position, Record, StreamName};

/// The records that the copy has and that have not come back. Who holds it is the only one who adds to the copy.
#[derive(Default)]
pub(super) struct Ahead(VecDeque<Own>);

/// One record, and what was sent of it.
struct Own {
    position: Position,
    stream: StreamName,
    payload: Bytes,
}

impl Ahead {
    /// They don't come back: the feed begins after them.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether the copy has the record that has come; the error says that it is another one.
    pub fn has(&mut self, position: Position, stream: &str, payload: &Bytes) -> Result<bool, String> {
        let Some(own) = self.0.pop_front_if(|own| own.position == position) else { return Ok(false) };
        let same = own.stream.as_str() == stream && own.payload == *payload;
        same.then_some(true).ok_or_else(|| "is not the one that was acknowledged".to_owned())
    }
}

/// A record that was acknowledged.
pub(super) struct Acknowledged {
    /// Where it is.
    pub position: Position,
    /// As it would be where the copy ended when it was sent, with its encoded form.
    pub record: Record,
    pub encoded: Vec<u8>,
    /// What was sent.
    pub payload: Bytes,
}

impl Engine {
    /// Has the copy take an acknowledged record, if it is the next one. Otherwise it comes with those before it.
    pub async fn take_own(self: Arc<Self>, acknowledged: Acknowledged) {
        let Acknowledged { position, record, encoded, payload } = acknowledged;
        let mut ahead = self.ahead.lock().await;
        let next = self.copy.position().is_ok_and(|copied| copied.0 + 1 == position.0);
        // If it got the position that it was made for, nothing came between.
        if !next || record.position != position || self.trusted_now().is_err() {
            return;
        }
        let own = Own { position, stream: record.stream.clone(), payload };
        match self.copy.mirror_encoded(vec![(record, encoded)], true).await {
            Ok(_) => ahead.0.push_back(own),
            // Whoever copies what comes back says so.
            Err(error) => tracing::debug!(%error, "a record was not copied with its acknowledgement"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The copy has taken record 9 of stream `a` with its acknowledgement.
    fn ahead() -> Ahead {
        let payload = Bytes::from_static(b"as it was sent");
        Ahead(VecDeque::from([Own { position: Position(9), stream: StreamName::new("a"), payload }]))
    }

    fn has(ahead: &mut Ahead, position: u64, stream: &str, payload: &'static [u8]) -> Result<bool, String> {
        ahead.has(Position(position), stream, &Bytes::from_static(payload))
    }

    #[test]
    fn a_record_that_comes_back_as_it_was_sent_is_not_written_again() {
        let mut ahead = ahead();
        assert_eq!(has(&mut ahead, 9, "a", b"as it was sent"), Ok(true));
        assert_eq!(has(&mut ahead, 10, "b", b"somebody else's"), Ok(false));
    }

    #[test]
    fn another_record_in_its_place_is_found() {
        assert!(has(&mut ahead(), 9, "a", b"as it was not").is_err());
        assert!(has(&mut ahead(), 9, "b", b"as it was sent").is_err());
    }

    #[test]
    fn what_was_acknowledged_before_the_feed_began_anew_is_not_expected_back() {
        let mut ahead = ahead();
        ahead.clear();
        assert_eq!(has(&mut ahead, 10, "b", b"somebody else's"), Ok(false));
    }
}
