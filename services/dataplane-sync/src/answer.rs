//! From records and progress to the API's messages.

use std::{net::IpAddr, time::Duration};

use mooring_domain::{Commit, holder::Sighting, nat::RunningHash};
use mooring_event_log::Record;
use mooring_ledger::commits;
use mooring_past::told;
use mooring_proto::{
    dataplane::v1 as api,
    status::{Unserved, from_unserved},
};
use tonic::Status;

use crate::{probing::Shown, progress::Attested};

/// What was put into a kernel.
pub(crate) fn attested(of: &Attested) -> api::Attested {
    let bytes = |hash: RunningHash| hash.0.to_vec().into();
    api::Attested { position: of.position.0, hash: bytes(of.hash), folded_hash: bytes(of.folded) }
}

/// A gateway's own decision.
pub(crate) fn provisional((address, claim): &(IpAddr, Sighting)) -> api::ProvisionalHolder {
    let (address, mac) = (address.to_string(), claim.mac.to_string());
    api::ProvisionalHolder { address, mac, observed_at: claim.observed_at.0 }
}

/// How holders are asked.
pub(crate) fn probing(of: Shown) -> api::Probing {
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let Shown { holders, silent, every, every_at_best, sent } = of;
    api::Probing { holders, silent, every: nanos(every), every_at_best: nanos(every_at_best), sent }
}

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
