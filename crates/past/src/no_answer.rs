//! Why the past can't be told.

use mooring_domain::Position;
use mooring_event_log::{Damage, LogError};
use mooring_ledger::Undecodable;

/// How a moment is written.
const EXPECTED: &str =
    "POSITION, POSITION.INDEX, a time as in RFC 3339 (such as 2026-11-21T19:08:56.5Z), or end";

/// Why the past can't be told.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// What was written is no moment.
    #[error("{0:?} is no moment of a log: expected {EXPECTED}")]
    NoMoment(String),
    /// The log has no such record, commit or time: says what it has.
    #[error("{0}")]
    Outside(String),
    /// A record before the moment is whole, and this version can't read it.
    #[error(transparent)]
    Unreadable(#[from] Undecodable),
    /// A record before the moment is not what was written.
    #[error("the log is damaged: {damage}")]
    Damaged {
        /// What is wrong,
        damage: Damage,
        /// and up to where nothing is.
        whole: Position,
    },
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
}
