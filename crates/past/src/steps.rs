//! A log commit by commit, each with the region before it and after it.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use mooring_domain::Commit;
use mooring_event_log::{LogError, Position as LogPosition, Record};

use crate::{Folded, Moment, NoAnswer, folding::Folding};

/// One commit, and the region on both sides of it.
pub struct Step<'a> {
    /// The region as it was,
    pub before: &'a Folded,
    /// what happened,
    pub commit: &'a Commit,
    /// and the region as it was then.
    pub after: &'a Folded,
}

/// Goes through the log in a folder from where `from` was folded up to a moment. `each` is told of every commit in between,
/// in order, until it breaks.
pub fn step_folder(
    folder: &Path,
    from: Folded,
    to: Moment,
    mut each: impl FnMut(Step<'_>) -> ControlFlow<()> + Send,
) -> Result<Folded, NoAnswer> {
    begins_before(&from, to)?;
    Folding::on(from, to, Some(&mut each)).folder(folder)
}

/// The same with an open log that ends at `tail`. `read` answers with some records behind a position, in order.
pub fn step_log(
    tail: LogPosition,
    read: impl FnMut(LogPosition) -> Result<Vec<Arc<Record>>, LogError>,
    from: Folded,
    to: Moment,
    mut each: impl FnMut(Step<'_>) -> ControlFlow<()> + Send,
) -> Result<Folded, NoAnswer> {
    begins_before(&from, to)?;
    Folding::on(from, to, Some(&mut each)).records(tail, read)
}

fn begins_before(from: &Folded, to: Moment) -> Result<(), NoAnswer> {
    match from.last.as_ref().filter(|last| !to.admits(last.at, last.recorded_at)) {
        Some(last) => Err(NoAnswer::Outside(format!("is before {}, where the steps begin", last.at))),
        None => Ok(()),
    }
}
