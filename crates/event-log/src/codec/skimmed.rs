//! A record read for its events alone: nothing is copied out of the file's bytes, and what a fold does not ask for is passed
//! over.

use bytes::Bytes;
use prost::Message;

/// A record, but for its hashes and for who wrote it.
#[derive(Clone, PartialEq, Message)]
pub struct Skimmed {
    /// Its position.
    #[prost(uint64, tag = "1")]
    pub(crate) position: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) stream: Bytes,
    /// Its commits, in order.
    #[prost(message, repeated, tag = "4")]
    pub commits: Vec<SkimmedCommit>,
}

/// A commit, but for who asked for it.
#[derive(Clone, PartialEq, Message)]
pub struct SkimmedCommit {
    /// When it was recorded: nanoseconds since the Unix epoch.
    #[prost(fixed64, tag = "5")]
    pub recorded_at: u64,
    /// Its events, as they were stored. They lie in the bytes of their segment, which stay as long as one of them does.
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub events: Vec<Bytes>,
}

/// What the chain of a record's stream is checked with, and that nothing in it is malformed.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Link {
    #[prost(uint64, tag = "1")]
    pub position: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub stream: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub previous: Bytes,
    #[prost(message, repeated, tag = "4")]
    pub commits: Vec<LinkCommit>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LinkCommit {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(bytes = "bytes", optional, tag = "2")]
    request_id: Option<Bytes>,
    #[prost(bytes = "bytes", tag = "4")]
    actor: Bytes,
    #[prost(fixed64, tag = "5")]
    pub recorded_at: u64,
    #[prost(bytes = "bytes", tag = "7")]
    trace_parent: Bytes,
}

impl LinkCommit {
    /// Whether all of it is what a reader expects.
    pub fn is_well_formed(&self) -> bool {
        let texts = [&self.actor, &self.trace_parent];
        self.id.len() == 16
            && self.request_id.as_ref().is_none_or(|id| id.len() == 16)
            && texts.into_iter().all(|text| std::str::from_utf8(text).is_ok())
    }
}
