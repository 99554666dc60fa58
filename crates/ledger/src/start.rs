//! How a start comes by a folded state: the snapshot, if the log still has the very record it was taken at, then the
//! records behind it. Whatever does not match is ignored; a snapshot beyond the log's end is an alarm (L8).

use mooring_domain::Position;
use mooring_event_log::{EventLog, Filter};
use serde::de::DeserializeOwned;
use tokio::task;

use crate::{
    codec::{to_domain_position, to_log_position},
    ledger::OpenError,
    snapshots::{Snapshot, SnapshotError, Witness},
};

impl Snapshot {
    /// The stored state, if it is whole, of this version and of this log.
    pub async fn restore<T: DeserializeOwned + Send + 'static>(
        &self,
        log: &dyn EventLog,
        version: u32,
    ) -> Result<Option<(Witness, T)>, OpenError> {
        let stored = self.clone();
        let loaded =
            task::spawn_blocking(move || stored.load(version)).await.map_err(SnapshotError::from)??;
        let Some((witness, bytes)) = loaded else { return Ok(None) };
        let tail = to_domain_position(log.tail().await?.position);
        if witness.position > tail {
            return Err(OpenError::LostEnd { tail, witness: witness.position, who: self.who().to_owned() });
        }
        if !has(log, witness).await? {
            tracing::warn!(who = self.who(), "a snapshot does not fit the log; folding from the start");
            return Ok(None);
        }
        let decoded = task::spawn_blocking(move || postcard::from_bytes(&bytes).ok());
        let decoded = decoded.await.map_err(SnapshotError::from)?;
        Ok(decoded.map(|state| (witness, state)))
    }
}

/// Whether the log has the very record that the snapshot was taken at.
pub(crate) async fn has(log: &dyn EventLog, witness: Witness) -> Result<bool, OpenError> {
    let before = to_log_position(Position(witness.position.0.saturating_sub(1)));
    let found = log.read(&Filter::All, before, 1).await?;
    Ok(found.first().is_some_and(|record| record.hash.0 == witness.hash))
}
