//! Answers from a log where it lies, without any server: of a stopped system, a backup, or beside the process that writes
//! it. Nothing there is locked or changed.

mod place;
mod section;

pub use place::Place;
pub use section::{Section, Thing, labels, sections};
