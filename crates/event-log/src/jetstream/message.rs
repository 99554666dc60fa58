//! A record as a message of a JetStream stream, and back.
//!
//! The writer can't know the position, and not what others record at the same time: it sends position 0 and the time
//! by its own clock. Every reader makes the same record of it: the position is the sequence, and no time is before
//! the one before it in the region. That form is what is hashed, copied, and read.

use async_nats::{HeaderMap, header};
use bytes::Bytes;

use crate::{
    codec,
    head::raise,
    record::{Commit, Hash, Position, Record, StreamName},
};

/// The CRC32C of the payload, in hexadecimal: what a disk or an administrator changed is found by whoever reads it.
const CRC: &str = "Mooring-Crc32c";

/// What is sent.
pub(super) struct Outgoing {
    pub headers: HeaderMap,
    pub payload: Bytes,
}

/// A message for a record that lands only if `expected` is its subject's last sequence (L2).
pub(super) fn write(record: &Record, expected: Position) -> Outgoing {
    let mut outgoing = of(record);
    outgoing.headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
    outgoing
}

/// A message for a record, which lands whatever is there.
pub(super) fn of(record: &Record) -> Outgoing {
    let payload = codec::bytes_of(Position(0), &record.stream, record.previous, &record.commits);
    let mut headers = HeaderMap::new();
    headers.insert(CRC, format!("{:08x}", crc32c::crc32c(&payload)));
    if let Some(first) = record.commits.first() {
        headers.insert(header::NATS_MESSAGE_ID, first.id.to_string());
    }
    Outgoing { headers, payload: payload.into() }
}

/// What a message says: a record whose times are not raised yet.
pub(super) struct Incoming {
    position: Position,
    stream: StreamName,
    previous: Hash,
    commits: Vec<Commit>,
}

/// Reads a message; the error says what is wrong with it.
pub(super) fn read(
    position: Position,
    stream: &str,
    headers: Option<&HeaderMap>,
    payload: &[u8],
) -> Result<Incoming, String> {
    let crc = headers.and_then(|headers| headers.get(CRC)).ok_or_else(|| format!("has no {CRC}"))?;
    let found = format!("{:08x}", crc32c::crc32c(payload));
    if crc.as_str() != found {
        return Err(format!("has the CRC {found}, and was written with {crc}"));
    }
    let Record { stream: of, previous, commits, .. } = codec::decode(payload)?;
    if of.as_str() != stream {
        return Err(format!("says it is of stream {of}, and stands in {stream}"));
    }
    Ok(Incoming { position, stream: of, previous, commits })
}

impl Incoming {
    /// The record every reader makes of it where `recorded_at` is the highest before it, and its encoded form.
    pub fn canonical(mut self, recorded_at: u64) -> (Record, Vec<u8>) {
        raise(&mut self.commits, recorded_at);
        let Self { position, stream, previous, commits } = self;
        let (encoded, hash) = codec::encode(position, &stream, previous, &commits);
        (Record { position, stream, previous, hash, commits }, encoded)
    }

    /// Whether `copied` was made of it.
    pub fn became(mut self, copied: &Record) -> bool {
        if self.commits.len() != copied.commits.len() {
            return false;
        }
        for (commit, copied) in self.commits.iter_mut().zip(&copied.commits) {
            commit.recorded_at = commit.recorded_at.max(copied.recorded_at);
        }
        self.canonical(0).0 == *copied
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn record(recorded_at: u64) -> Record {
        let commit = Commit {
            id: Uuid::now_v7(),
            request_id: None,
            request_hash: Bytes::new(),
            actor: "ann".into(),
            recorded_at,
            observed_at: None,
            trace_parent: "".into(),
            events: vec![Bytes::from_static(b"e")],
        };
        Record {
            position: Position(0),
            stream: StreamName::new("a"),
            previous: Hash([7; 32]),
            hash: Hash::default(),
            commits: vec![commit.clone(), Commit { recorded_at: recorded_at + 5, ..commit }],
        }
    }

    fn incoming(outgoing: &Outgoing) -> Result<Incoming, String> {
        read(Position(9), "a", Some(&outgoing.headers), &outgoing.payload)
    }

    #[test]
    fn every_reader_makes_the_same_record_of_a_message() {
        let outgoing = write(&record(10), Position(0));
        let (read, encoded) = incoming(&outgoing).unwrap().canonical(12);
        let times: Vec<_> = read.commits.iter().map(|commit| commit.recorded_at).collect();
        assert_eq!((read.position, times), (Position(9), vec![12, 15]));
        assert_eq!(codec::decode(&encoded).unwrap(), read);
        assert_eq!(incoming(&outgoing).unwrap().canonical(12), (read, encoded));
    }

    #[test]
    fn a_copy_is_told_from_another_record() {
        let outgoing = write(&record(10), Position(0));
        let (copied, _) = incoming(&outgoing).unwrap().canonical(12);
        assert!(incoming(&outgoing).unwrap().became(&copied));
        let (earlier, _) = incoming(&outgoing).unwrap().canonical(0);
        assert!(incoming(&outgoing).unwrap().became(&earlier));
        let other = write(&record(10), Position(0));
        assert!(!incoming(&other).unwrap().became(&copied), "other commits");
        let later = Outgoing { headers: outgoing.headers.clone(), ..write(&record(99), Position(0)) };
        assert!(incoming(&later).is_err(), "the CRC is of another payload");
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let outgoing = write(&record(10), Position(0));
        for bit in 0..outgoing.payload.len() * 8 {
            let mut payload = outgoing.payload.to_vec();
            payload[bit / 8] ^= 1 << (bit % 8);
            let found = read(Position(9), "a", Some(&outgoing.headers), &payload);
            assert!(found.is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_message_under_another_subject_is_refused() {
        let outgoing = write(&record(10), Position(0));
        assert!(read(Position(9), "b", Some(&outgoing.headers), &outgoing.payload).is_err());
        assert!(read(Position(9), "a", None, &outgoing.payload).is_err());
    }
}
