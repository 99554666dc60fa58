//! From records to the API's commits.

use mooring_domain::Commit;
use mooring_event_log::Record;
use mooring_ledger::commits;
use mooring_past::told;
use mooring_proto::{
    dataplane::v1 as api,
    status::{Unserved, from_unserved},
};
use tonic::Status;

/// The bytes of a record's events.
pub(crate) fn size(record: &Record) -> usize {
    record.commits.iter().flat_map(|commit| &commit.events).map(|event| event.len()).sum()
}

/// The commits of a record, for the API.
pub(crate) fn record(record: &Record) -> Result<Vec<api::Commit>, Status> {
    Ok(read(record)?.iter().zip(&record.commits).map(|(read, stored)| told(read, stored)).collect())
}

/// The commits of a record.
pub(crate) fn read(record: &Record) -> Result<Vec<Commit>, Status> {
    commits(record).map_err(|error| {
        tracing::error!(%error, "a record that can't be read");
        from_unserved(Unserved::Damaged)
    })
}
