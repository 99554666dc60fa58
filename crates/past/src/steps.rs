//! A log commit by commit, each with the region before it and after it.

use std::{ops::ControlFlow, path::Path};

use mooring_domain::Commit;

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
    if let Some(last) = from.last.as_ref().filter(|last| !to.admits(last.at, last.recorded_at)) {
        return Err(NoAnswer::Outside(format!("is before {}, where the steps begin", last.at)));
    }
    Folding::on(from, to, Some(&mut each)).folder(folder)
}
