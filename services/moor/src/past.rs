//! Answers about the past of a region: from the server that follows its log, or from a log where it lies, of a stopped
//! system, a backup, or beside the process that writes it. Nothing there is locked or changed.

mod change;
mod place;
mod section;
pub mod server;

pub use change::{json as changes_json, rows as change_rows};
pub use place::Place;
pub use section::sections;
