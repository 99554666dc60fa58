//! From records to the API's commits.

use mooring_domain::Commit;
use mooring_event_log::Record;
use mooring_ledger::commits;
use mooring_proto::{
    dataplane::v1 as api,
    status::{Unserved, from_unserved},
    stored,
};
use tonic::Status;

/// The bytes of a record's events.
pub(crate) fn size(record: &Record) -> usize {
    record.commits.iter().flat_map(|commit| &commit.events).map(|event| event.len()).sum()
}

/// The commits of a record, for the API.
pub(crate) fn record(record: &Record) -> Result<Vec<api::Commit>, Status> {
    Ok(read(record)?.iter().zip(&record.commits).map(|(read, stored)| commit(read, stored)).collect())
}

/// The commits of a record.
pub(crate) fn read(record: &Record) -> Result<Vec<Commit>, Status> {
    commits(record).map_err(|error| {
        tracing::error!(%error, "a record that can't be read");
        from_unserved(Unserved::Damaged)
    })
}

/// A commit, with the events that it has here.
pub(crate) fn commit(commit: &Commit, stored_commit: &mooring_event_log::Commit) -> api::Commit {
    api::Commit {
        position: commit.at.position.0,
        index: commit.at.index,
        stream: commit.stream.name().to_owned(),
        actor: commit.actor.0.to_string(),
        request_id: commit.request_id.map(|id| id.0.to_string()).unwrap_or_default(),
        recorded_at: commit.recorded_at.0,
        events: commit.events.iter().map(stored::to_wire).collect(),
        observed_at: stored_commit.observed_at.unwrap_or_default(),
        trace_parent: stored_commit.trace_parent.to_string(),
    }
}
