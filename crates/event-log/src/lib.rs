//! The event log: one trait, several engines, one conformance suite.
//!
//! The log knows nothing of what its events mean: an event is bytes. See [`EventLog`] for the contract L1–L8.

pub mod contract;
pub mod record;

pub use contract::{EventLog, Filter, Follow, LogError, Tail};
pub use record::{Commit, Hash, Position, Record, StreamName};
