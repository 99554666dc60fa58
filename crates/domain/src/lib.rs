//! The rules of Mooring, pure: no clock, no randomness, no I/O, no async, no logging.
//!
//! Per owning service a [`Decider`]: `decide` says what a command means in a state, `evolve` says what a commit makes
//! of a state. For the dataplane [`nat::fold`] and [`nat::diff`]. Time, new ids and the caller arrive in the command.

pub mod address;
pub mod binding;
pub mod commit;
pub mod event;
pub mod holder;
pub mod humane;
pub mod id;
pub mod labels;
pub mod name;
pub mod nat;
pub mod packed;
pub mod rejection;
pub mod resource;
pub mod revision;

pub use commit::{Actor, Commit, CommitPosition, Position, RequestId, Stream, Timestamp};
pub use event::Event;
pub use rejection::Rejection;
pub use revision::Expected;

use uuid::Uuid;

/// A pure core: the state of one service in one region, what a command means in it, and what a commit makes of it.
pub trait Decider: Send + Sync + 'static {
    /// The stream that this core's service writes.
    const STREAM: Stream;
    /// The version of `State`'s serialized form. Grows with every change of it; a snapshot of another version is ignored.
    const STATE_VERSION: u32;
    /// The streams whose events change the state: its own, and maybe others'. Records of the rest need not be decoded.
    const READS: &'static [Stream];
    /// The folded state. Cheap to clone: its collections are persistent.
    type State: Clone + Default + serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static;
    /// What may be asked. Carries the time and the new ids it needs.
    type Command: Send + Sync + 'static;

    /// What the command means in this state: the events to store (none: it holds already), or why it can't be.
    fn decide(state: &Self::State, command: &Self::Command) -> Result<Vec<Event>, Rejection>;

    /// The thing that exists and that a command changes. Two changes of one thing never share a record, so that the position
    /// of its last change tells one state of it from another: it is its revision.
    fn changes(_command: &Self::Command) -> Option<Uuid> {
        None
    }

    /// What a commit of one of these streams makes of the state. Never refuses.
    fn evolve(state: &mut Self::State, commit: &Commit);

    /// What a commit of any stream of the region makes of the state.
    fn follow(state: &mut Self::State, commit: &Commit) {
        if Self::READS.contains(&commit.stream) {
            Self::evolve(state, commit);
        }
    }
}
