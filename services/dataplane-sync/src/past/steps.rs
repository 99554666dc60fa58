//! A region's log commit by commit. A commit is folded when there is room for what it changed: nothing piles up for a client
//! that takes its time.

use mooring_event_log::Filter;
use mooring_past::{Last, Moment, changes_of, step_log};
use mooring_proto::dataplane::v1::{Step, StepRegionResponse};
use tokio::runtime::Handle;
use tonic::Status;

use super::{Asked, Parts, To, folded, refused, send};
use crate::grpc::unserved;

/// Records asked of a log at once.
const CHUNK: usize = 64;

/// Tells of every commit behind the first moment up to the second.
pub(super) fn tell(
    asked: &Asked,
    handle: &Handle,
    (from, until): (Moment, Moment),
    to: &To<StepRegionResponse>,
) -> Result<(), Status> {
    let before = folded(asked, handle, "from", from)?;
    let tail = handle.block_on(asked.log.tail()).map_err(|error| unserved(&error))?.position;
    send(to, StepRegionResponse { from: Some(before.moment()), steps: Vec::new() })?;
    let mut parts = Parts::new(to, |steps| StepRegionResponse { from: None, steps });
    let read = |after| handle.block_on(asked.log.read(&Filter::All, after, CHUNK));
    let stepped = step_log(tail, read, before, until, |step| {
        let changes = changes_of(step.commit, step.before, step.after, asked.project.as_ref()).collect();
        parts.push(Step { commit: Some(Last::of(step.commit).moment()), changes })
    });
    stepped.map_err(|no_answer| refused("to", no_answer))?;
    parts.end();
    Ok(())
}
