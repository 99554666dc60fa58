//! How a record is written down: protobuf, the same bytes in every engine.
//!
//! A record's hash is the SHA-256 of these bytes. They hold the hash of the record before it in its stream, so one
//! hash vouches for the stream's whole past. Tags are for ever: new fields get new ones.

mod skimmed;

pub use self::skimmed::{Skimmed, SkimmedCommit};

use bytes::Bytes;
use prost::Message;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::record::{Commit, Hash, Position, Record, StreamName};

#[derive(Clone, PartialEq, Message)]
struct StoredRecord {
    #[prost(uint64, tag = "1")]
    position: u64,
    #[prost(string, tag = "2")]
    stream: String,
    #[prost(bytes = "vec", tag = "3")]
    previous: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    commits: Vec<StoredCommit>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredCommit {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "2")]
    request_id: Option<Vec<u8>>,
    #[prost(bytes = "bytes", tag = "3")]
    request_hash: Bytes,
    #[prost(string, tag = "4")]
    actor: String,
    #[prost(fixed64, tag = "5")]
    recorded_at: u64,
    #[prost(fixed64, optional, tag = "6")]
    observed_at: Option<u64>,
    #[prost(string, tag = "7")]
    trace_parent: String,
    #[prost(bytes = "bytes", repeated, tag = "8")]
    events: Vec<Bytes>,
}

/// Encodes a record; what its own `hash` says does not matter.
pub(crate) fn encode(
    position: Position,
    stream: &StreamName,
    previous: Hash,
    commits: &[Commit],
) -> (Vec<u8>, Hash) {
    let encoded = bytes_of(position, stream, previous, commits);
    let hash = hash_of(&encoded);
    (encoded, hash)
}

/// The encoded form alone.
pub(crate) fn bytes_of(
    position: Position,
    stream: &StreamName,
    previous: Hash,
    commits: &[Commit],
) -> Vec<u8> {
    StoredRecord {
        position: position.0,
        stream: stream.as_str().to_owned(),
        previous: previous.0.to_vec(),
        commits: commits.iter().map(stored).collect(),
    }
    .encode_to_vec()
}

/// Reads a record back; the error says which field is wrong.
pub(crate) fn decode(encoded: &[u8]) -> Result<Record, String> {
    let record = StoredRecord::decode(encoded).map_err(|error| error.to_string())?;
    let previous = record.previous.try_into().map_err(|_| "the previous hash has not 32 bytes")?;
    if record.commits.is_empty() {
        return Err("it has no commit".to_owned());
    }
    Ok(Record {
        position: Position(record.position),
        stream: StreamName::new(record.stream),
        previous: Hash(previous),
        hash: hash_of(encoded),
        commits: record.commits.into_iter().map(read_back).collect::<Result<_, _>>()?,
    })
}

/// A record's hash.
pub(crate) fn hash_of(encoded: &[u8]) -> Hash {
    Hash(Sha256::digest(encoded).into())
}

fn stored(commit: &Commit) -> StoredCommit {
    StoredCommit {
        id: commit.id.as_bytes().to_vec(),
        request_id: commit.request_id.map(|id| id.as_bytes().to_vec()),
        request_hash: commit.request_hash.clone(),
        actor: commit.actor.as_ref().to_owned(),
        recorded_at: commit.recorded_at,
        observed_at: commit.observed_at,
        trace_parent: commit.trace_parent.as_ref().to_owned(),
        events: commit.events.clone(),
    }
}

fn read_back(commit: StoredCommit) -> Result<Commit, String> {
    let uuid = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|error| error.to_string());
    Ok(Commit {
        id: uuid(&commit.id)?,
        request_id: commit.request_id.as_deref().map(uuid).transpose()?,
        request_hash: commit.request_hash,
        actor: commit.actor.into(),
        recorded_at: commit.recorded_at,
        observed_at: commit.observed_at,
        trace_parent: commit.trace_parent.into(),
        events: commit.events,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of the first record ever written: what is stored once must be readable for ever.
    #[test]
    fn a_record_written_by_the_first_version_reads_the_same() {
        let commit = Commit {
            id: Uuid::from_u128(1),
            request_id: Some(Uuid::from_u128(2)),
            request_hash: Bytes::from_static(b"h"),
            actor: "ann".into(),
            recorded_at: 3,
            observed_at: Some(4),
            trace_parent: "t".into(),
            events: vec![Bytes::from_static(b"e1"), Bytes::from_static(b"")],
        };
        let stream = StreamName::new("binding");
        let (encoded, hash) = encode(Position(7), &stream, Hash([9; 32]), std::slice::from_ref(&commit));
        let golden = "0807120762696e64696e671a20".to_owned()
            + &"09".repeat(32)
            + "2247"
            + "0a1000000000000000000000000000000001"
            + "121000000000000000000000000000000002"
            + "1a0168"
            + "2203616e6e"
            + "290300000000000000"
            + "310400000000000000"
            + "3a0174"
            + "42026531"
            + "4200";
        let hex: String = encoded.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden);
        let record = decode(&encoded).unwrap();
        assert_eq!(
            record,
            Record { position: Position(7), stream, previous: Hash([9; 32]), hash, commits: vec![commit] }
        );
    }
}
