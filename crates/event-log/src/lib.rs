//! The event log: one trait, several engines, one conformance suite.
//!
//! The log knows nothing of what its events mean: an event is bytes. See [`EventLog`] for the contract L1–L8.

mod codec;
pub mod conformance;
pub mod contract;
pub mod faulty;
mod follow;
mod head;
pub mod jetstream;
pub mod memory;
pub mod record;
pub mod segments;
pub mod transfer;

pub use codec::{Skimmed, SkimmedCommit};
pub use contract::{EventLog, Filter, Follow, LogError, Tail};
pub use faulty::{Fault, FaultyLog};
pub use jetstream::JetStream;
pub use memory::Memory;
pub use record::{Commit, Hash, Position, Record, StreamName};
pub use segments::{
    Damage, Opened, Options, Segments, Skim, TornTail, Walked, Witness, skim, skim_checked, verify, walk,
};
