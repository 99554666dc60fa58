//! Whether what clients were told can have happened: is there an order of all calls, each somewhere between its
//! beginning and its answer, in which EIPs and HAVIPs follow their rules and every answer is the right one?
//!
//! It is apart from everything of the project: the rules are written down here once more, after the README, so that
//! what is checked does not check itself. The search is that of Wing and Gong, with the configurations remembered as
//! Lowe does. (stateright's tester searches without remembering, and brings a web server along.)

mod cell;
mod recorder;
mod search;
#[cfg(test)]
mod stories;

pub use cell::{Answer, Call, Phase, Why};
pub use recorder::{Operation, Recorder, Ticket};
pub use search::{Violation, check};
