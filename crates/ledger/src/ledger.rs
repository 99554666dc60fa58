//! A service's handle on its core in one region.

use std::sync::Arc;

use mooring_domain::{Decider, Position, name::RegionId};
use mooring_event_log::EventLog;
use mooring_proto::status::Unserved;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    caller::Caller,
    folded::{Folded, View},
    snapshots::{SnapshotError, Snapshots, Witness},
    submission::{Outcome, Refused, Submission},
    writer::{self, Writer},
};

/// Commands that may wait at once; more wait at the caller's side, under its deadline.
const QUEUE: usize = 4096;

/// The core could not be brought up to the log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log.
    #[error(transparent)]
    Log(#[from] mooring_event_log::LogError),
    /// The snapshots.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// A record that this version can't read.
    #[error(transparent)]
    Undecodable(#[from] crate::codec::Undecodable),
    /// L8: a snapshot rests on a record that the log does not have.
    #[error(
        "the log ends at {tail}, but a snapshot of {stream} rests on record {witness}: the log lost its end"
    )]
    LostEnd {
        /// The log's last record.
        tail: Position,
        /// The snapshot's.
        witness: Position,
        /// Whose snapshot.
        stream: &'static str,
    },
}

/// One service's core in one region. Clones share it.
pub struct Ledger<D: Decider> {
    submissions: mpsc::Sender<Submission<D::Command>>,
    view: watch::Receiver<View<D::State>>,
}

impl<D: Decider> Clone for Ledger<D> {
    fn clone(&self) -> Self {
        Self { submissions: self.submissions.clone(), view: self.view.clone() }
    }
}

impl<D: Decider> Ledger<D> {
    /// Folds the log up to its tail and starts the loop. The task ends with the last handle, or when the log is damaged.
    pub async fn open(
        log: Arc<dyn EventLog>,
        snapshots: Option<Snapshots>,
        region: RegionId,
    ) -> Result<(Self, JoinHandle<()>), OpenError> {
        let folded = load::<D>(&*log, snapshots.as_ref(), &region).await?;
        let folded = writer::fold_to_tail::<D>(&*log, folded).await?;
        let (view_sender, view) = watch::channel(folded.view());
        let (submissions, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::<D>::new(log, snapshots, region, folded, view_sender);
        let task = tokio::spawn(writer.run(receiver));
        Ok((Self { submissions, view }, task))
    }

    /// Has the core decide a command, and answers when what it decided is durable and folded.
    pub async fn submit(&self, caller: Caller, command: D::Command) -> Result<Outcome, Refused> {
        let (answer, outcome) = oneshot::channel();
        let submission = Submission { caller, command, answer };
        let gone = |()| Refused::Unserved(Unserved::Closed);
        self.submissions.send(submission).await.map_err(|_| gone(()))?;
        outcome.await.map_err(|_| gone(()))?
    }

    /// The state now.
    pub fn view(&self) -> View<D::State> {
        self.view.borrow().clone()
    }

    /// The state as it changes.
    pub fn watch(&self) -> watch::Receiver<View<D::State>> {
        self.view.clone()
    }
}

async fn load<D: Decider>(
    log: &dyn EventLog,
    snapshots: Option<&Snapshots>,
    region: &RegionId,
) -> Result<Folded<D::State>, OpenError> {
    let Some((witness, bytes)) =
        snapshots.map(|snapshots| snapshots.load(region, D::STREAM, D::STATE_VERSION)).transpose()?.flatten()
    else {
        return Ok(Folded::default());
    };
    let tail = crate::codec::to_domain_position(log.tail().await?.position);
    if witness.position > tail {
        return Err(OpenError::LostEnd { tail, witness: witness.position, stream: D::STREAM.name() });
    }
    match postcard::from_bytes::<Folded<D::State>>(&bytes) {
        Ok(folded) if fits(log, witness).await? => Ok(folded),
        _ => {
            tracing::warn!(
                stream = D::STREAM.name(),
                "a snapshot does not fit the log; folding from the start"
            );
            Ok(Folded::default())
        }
    }
}

/// Whether the log has the very record that the snapshot was taken at.
async fn fits(log: &dyn EventLog, witness: Witness) -> Result<bool, OpenError> {
    let before = mooring_event_log::Position(witness.position.0.saturating_sub(1));
    let found = log.read(&mooring_event_log::Filter::All, before, 1).await?;
    Ok(found.first().is_some_and(|record| record.hash.0 == witness.hash))
}
