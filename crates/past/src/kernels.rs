//! What a region's kernels should have had at a moment, and nothing else of the region: most of a log's bytes are passed
//! over, so that it takes a part of the time that the whole region does.

use std::{ops::ControlFlow, path::Path};

use mooring_domain::{
    CommitPosition, Position, Stream, Timestamp,
    nat::{Desired, fold_change},
};
use mooring_event_log::{Skimmed, SkimmedCommit, skim};
use mooring_ledger::{Undecodable, to_domain_position};
use mooring_proto::{convert::Malformed, stored};

use crate::{Moment, NoAnswer};

/// What kernels should have had, and how many events that rests on.
#[derive(Clone, Debug, Default)]
pub struct Kernels {
    /// As gateways fold it.
    pub desired: Desired,
    /// The events up to the moment.
    pub events: u64,
}

/// Folds the log in a folder as gateways do, up to this moment: of a stopped system, a backup, or beside the process that writes
/// it. A moment behind the log's end is its end. CRCs and positions are checked and the hash chain is not.
///
/// # Errors
/// `Damaged`, `Unreadable`: in front of the moment; `Log`: the folder or a file can't be read.
pub fn kernels_at(folder: &Path, moment: Moment) -> Result<Kernels, NoAnswer> {
    let mut kernels = Kernels::default();
    let mut unreadable = None;
    let mut reached = false;
    let skimmed = skim(folder, |record| match kernels.record(record, moment) {
        Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
        Ok(ControlFlow::Break(())) => {
            reached = true;
            ControlFlow::Break(())
        }
        Err(error) => {
            unreadable = Some(error);
            ControlFlow::Break(())
        }
    })?;
    match (unreadable, skimmed.damage) {
        (Some(error), _) => Err(error.into()),
        (None, Some(damage)) if !reached => {
            Err(NoAnswer::Damaged { damage, whole: to_domain_position(skimmed.last) })
        }
        _ => Ok(kernels),
    }
}

impl Kernels {
    fn record(&mut self, record: &Skimmed<'_>, moment: Moment) -> Result<ControlFlow<()>, Undecodable> {
        let position = to_domain_position(record.position());
        let mut known = None;
        for (commit, index) in record.commits.iter().zip(0..) {
            let at = CommitPosition { position, index };
            if !moment.admits(at, Timestamp(commit.recorded_at)) {
                return Ok(ControlFlow::Break(()));
            }
            let undecodable = |cause: String| Undecodable { position, cause };
            known
                .get_or_insert_with(|| Stream::ALL.into_iter().find(|known| known.name() == record.stream()));
            if known.flatten().is_none() {
                return Err(undecodable(format!("unknown stream {}", record.stream())));
            }
            self.commit(position, commit).map_err(|why| undecodable(format!("commit {index}: {why}")))?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn commit(&mut self, position: Position, commit: &SkimmedCommit<'_>) -> Result<(), Malformed> {
        self.desired.position = position;
        for event in commit.events() {
            self.events += 1;
            if let Some(change) = stored::change(event)? {
                fold_change(&mut self.desired, change);
            }
        }
        Ok(())
    }
}
