//! The loop around a pure core, the same for every service: batch, decide, append, answer, follow.
//!
//! A [`Ledger`] is one service's core in one region. Commands go in through [`Ledger::submit`]; the folded state comes
//! out of [`Ledger::view`]. State changes only by reading the log back: one path for own, foreign and old records.

pub mod archiving;
mod batch;
mod caller;
mod clock;
mod codec;
mod cursor;
mod engine;
mod folded;
mod following;
pub mod index;
mod ledger;
mod reader;
mod recent;
mod regions;
mod requests;
mod saver;
mod seen;
mod snapshots;
mod standing;
mod start;
mod store;
mod submission;
mod watches;
mod watching;
mod writer;

pub use archiving::ArchiveArgs;
pub use caller::{ACTOR, Caller};
pub use clock::{by_this_clock, now};
pub use codec::{CommitReader, Undecodable, commits, to_domain_position, to_log_position};
pub use cursor::Cursor;
pub use engine::{LogUrl, NatsArgs, StoreArgs};
pub use folded::View;
pub use following::Following;
pub use ledger::{FoldTask, Ledger, OpenError, WriterTask};
pub use reader::Reader;
pub use regions::Regions;
pub use saver::Saver;
pub use snapshots::{Snapshot, SnapshotError, Snapshots, Witness};
pub use standing::Standing;
pub use store::Store;
pub use submission::{Outcome, Refused, suppose};
pub use watches::{Begun, Watches};
pub use watching::{Watch, Watched, watched_from};
