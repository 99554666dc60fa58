//! A core's state folded by somebody who does not write its stream: for reads that merge in what another service decided.

use std::sync::Arc;

use mooring_domain::Decider;
use mooring_event_log::EventLog;
use tokio::sync::{Notify, watch};

use crate::{
    Caller, Refused,
    codec::to_log_position,
    folded::{self, Folded, Purpose, View},
    following::Following,
    ledger::{self, FoldTask, OpenError},
    saver::Saver,
    seen,
    snapshots::Snapshot,
};

/// Follows a region's log and folds it as `D` would. Clones share it.
pub struct Reader<D: Decider> {
    log: Arc<dyn EventLog>,
    view: watch::Receiver<View<D::State>>,
}

impl<D: Decider> Clone for Reader<D> {
    fn clone(&self) -> Self {
        Self { log: self.log.clone(), view: self.view.clone() }
    }
}

impl<D: Decider> Reader<D> {
    /// Folds the log up to its tail and goes on following it. The task ends with the last handle, or when closed.
    pub async fn open(
        log: Arc<dyn EventLog>,
        snapshot: Option<Snapshot>,
    ) -> Result<(Self, FoldTask), OpenError> {
        let (folded, saver) = folded::up_to_tail::<D>(&*log, snapshot, Purpose::Read).await?;
        let (sender, view) = watch::channel(folded.view());
        let records = Following::after(log.clone(), to_log_position(folded.position));
        let following = Follower::<D> { records, folded, saver, view: sender };
        let task = FoldTask::start(|closing| following.run(closing));
        Ok((Self { log, view }, task))
    }

    /// The state now, which may be behind the log.
    pub fn view(&self) -> View<D::State> {
        self.view.borrow().clone()
    }

    /// The state with everything that the log has now.
    pub async fn current(&self) -> Result<View<D::State>, Refused> {
        ledger::current(&*self.log, self.view.clone()).await
    }

    /// The state now, with at least what this caller has seen.
    pub async fn view_for(&self, caller: &Caller) -> Result<View<D::State>, Refused> {
        seen::reached(&*self.log, self.view.clone(), caller.seen()?).await
    }
}

struct Follower<D: Decider> {
    records: Following,
    folded: Folded<D::State>,
    saver: Saver,
    view: watch::Sender<View<D::State>>,
}

impl<D: Decider> Follower<D> {
    async fn run(mut self, closing: Arc<Notify>) {
        if let Err(failure) = self.follow(&closing).await {
            tracing::error!(stream = D::STREAM.name(), failure, "reading has stopped");
        }
        self.saver.last(self.folded.witness(), self.folded).await;
    }

    async fn follow(&mut self, closing: &Notify) -> Result<(), String> {
        loop {
            let record = tokio::select! {
                record = self.records.next() => record.map_err(|error| error.to_string())?,
                () = self.view.closed() => return Ok(()),
                () = closing.notified() => return Ok(()),
            };
            self.folded.record::<D>(&record, Purpose::Read).map_err(|error| error.to_string())?;
            self.view.send_replace(self.folded.view());
            self.saver.offer(self.folded.witness(), || self.folded.clone()).await;
        }
    }
}
