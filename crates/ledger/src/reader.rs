//! A core's state folded by somebody who does not write its stream: for reads that merge in what another service decided.

use std::sync::Arc;

use mooring_domain::Decider;
use mooring_event_log::EventLog;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    Refused,
    codec::to_log_position,
    folded::{Folded, View},
    following::Following,
    ledger::{self, OpenError},
    writer,
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
    /// Folds the log up to its tail and goes on following it. The task ends with the last handle.
    pub async fn open(log: Arc<dyn EventLog>) -> Result<(Self, JoinHandle<()>), OpenError> {
        let folded = writer::fold_to_tail::<D>(&*log, Folded::default()).await?;
        let (sender, view) = watch::channel(folded.view());
        let task = tokio::spawn(follow::<D>(log.clone(), folded, sender));
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
}

async fn follow<D: Decider>(
    log: Arc<dyn EventLog>,
    mut folded: Folded<D::State>,
    view: watch::Sender<View<D::State>>,
) {
    let mut records = Following::after(log, to_log_position(folded.position));
    loop {
        let record = tokio::select! {
            record = records.next() => record,
            () = view.closed() => return,
        };
        let failure = match record {
            Ok(record) => match folded.record::<D>(&record) {
                Ok(()) => {
                    view.send_replace(folded.view());
                    continue;
                }
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        tracing::error!(stream = D::STREAM.name(), failure, "reading has stopped");
        return;
    }
}
