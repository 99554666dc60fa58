//! The contract that every engine keeps. Each rule is a test of the conformance suite.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::record::{Commit, Hash, Position, Record, StreamName};

/// At most this many commits in a record.
pub const MAX_COMMITS: usize = 1_000;
/// At most this many bytes in an encoded record.
pub const MAX_RECORD_BYTES: usize = 512 * 1024;

/// Which records a reader wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The whole region's.
    All,
    /// One stream's.
    Stream(StreamName),
}

impl Filter {
    /// Whether the reader wants a record of this stream.
    pub fn wants(&self, stream: &StreamName) -> bool {
        match self {
            Self::All => true,
            Self::Stream(wanted) => wanted == stream,
        }
    }
}

/// Where a region's log ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The last record of all.
    pub position: Position,
    /// Each stream's last record and its hash.
    pub streams: BTreeMap<StreamName, (Position, Hash)>,
}

/// Why the log did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// L2: `expected` is not the stream's last record. Nothing was written; catch up and decide again.
    #[error("stream {stream}: expected its last record to be {expected}, it is {last}")]
    Conflict {
        /// The stream.
        stream: StreamName,
        /// What the writer expected.
        expected: Position,
        /// What it is.
        last: Position,
    },
    /// L6: it may or may not have been written. Try the very same commits again before anything else.
    #[error("the outcome of the append is not known: {0}")]
    Unknown(Arc<str>),
    /// No room on the disk; nothing was written.
    #[error("the log has no room: {0}")]
    Full(Arc<str>),
    /// The record breaks a bound; nothing was written.
    #[error("the record is out of bounds: {0}")]
    Bounds(Arc<str>),
    /// L8: the log lost its end or its records do not follow each other. Nothing is served, nothing written.
    #[error("the log is damaged: {0}")]
    Damaged(Arc<str>),
    /// The log can't be reached or failed before it wrote anything; a retry can help.
    #[error("the log does not answer: {0}")]
    Unavailable(Arc<str>),
    /// The log is not set up as it must be, or may not be used by this process; no retry helps. Nothing was written.
    #[error("the log is refused: {0}")]
    Refused(Arc<str>),
    /// The process is stopping.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Whether an open log serves nothing more after this. Everything else can pass: an engine that was refused, or had
    /// no room, goes on trying.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Closed)
    }

    /// Whether the same append can succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::Unknown(_) | Self::Unavailable(_) | Self::Full(_))
    }
}

/// Records as they come, in order, each once (L7). Ends only after an error or when the log closes.
pub type Follow = BoxStream<'static, Result<Arc<Record>, LogError>>;

/// One region's log.
///
/// - **L1** Positions grow by one through the whole log, over all its streams; 0 is before everything.
/// - **L2** An append lands only if `expected` is the position of that stream's last record (0: it has none);
///   of two racers one wins, the other gets [`LogError::Conflict`].
/// - **L3** A record is all or nothing.
/// - **L4** An acknowledged record survives `kill -9`, and the power loss of any one part.
/// - **L5** A record tried again (same commit ids) is not written twice and answers with the first position.
/// - **L6** A lost acknowledgement is [`LogError::Unknown`]; the caller appends nothing else to that stream until a
///   retry of the same commits has told the outcome.
/// - **L7** `follow` gives every record once, in order, from `after` on.
/// - **L8** A log that lost its end, or whose hashes do not follow each other, is [`LogError::Damaged`] and stays so.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Writes one record and answers with its position when it is durable. `commits`: 1 to [`MAX_COMMITS`].
    async fn append(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, LogError>;

    /// Up to `limit` wanted records after a position, in order. Fewer only when the log ends.
    async fn read(
        &self,
        filter: &Filter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, LogError>;

    /// Every wanted record after a position, now and as they come.
    fn follow(&self, filter: Filter, after: Position) -> Follow;

    /// Where the log ends now.
    async fn tail(&self) -> Result<Tail, LogError>;
}
