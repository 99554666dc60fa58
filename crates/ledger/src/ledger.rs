//! A service's handle on its core in one region.

use std::{sync::Arc, time::Duration};

use mooring_domain::{Decider, Position, name::RegionId};
use mooring_event_log::{EventLog, LogError};
use mooring_proto::status::Unserved;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::{JoinError, JoinHandle},
    time::timeout,
};
use tonic::Status;

use crate::{
    caller::Caller,
    codec::to_log_position,
    folded::{self, Purpose, View},
    following::Following,
    recent::{Recent, Watching},
    seen,
    snapshots::{SnapshotError, Snapshots},
    submission::{Outcome, Refused, Submission},
    writer::{Shown, Writer},
};

/// Commands that may wait at once; more wait at the caller's side, under its deadline.
const QUEUE: usize = 4096;
/// How long a read waits for the fold to reach the log's tail: longer only if the fold has stopped.
pub(crate) const CATCH_UP: Duration = Duration::from_secs(5);

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
        "the log ends at {tail}, but the snapshot of {who} rests on record {witness}: the log lost its end"
    )]
    LostEnd {
        /// The log's last record.
        tail: Position,
        /// The snapshot's.
        witness: Position,
        /// Whose snapshot.
        who: String,
    },
}

/// A task that folds. It ends when closed; a ledger's or a reader's also with its last handle.
#[derive(Debug)]
pub struct FoldTask {
    closing: Arc<Notify>,
    task: JoinHandle<()>,
}

/// The task that writes, too.
pub type WriterTask = FoldTask;

impl FoldTask {
    /// Starts one. It must end soon after it was notified.
    pub fn start<F: Future<Output = ()> + Send + 'static>(folding: impl FnOnce(Arc<Notify>) -> F) -> Self {
        let closing = Arc::new(Notify::new());
        let task = tokio::spawn(folding(closing.clone()));
        Self { closing, task }
    }

    /// Ends it: what waits is still served, what comes later is refused, and a last snapshot is taken. Clients whose
    /// connections hold handles on the ledger can't keep it from ending.
    pub async fn close(self) -> Result<(), JoinError> {
        self.closing.notify_one();
        self.task.await
    }
}

/// One service's core in one region. Clones share it.
pub struct Ledger<D: Decider> {
    log: Arc<dyn EventLog>,
    submissions: mpsc::Sender<Vec<Submission<D::Command>>>,
    view: watch::Receiver<View<D::State>>,
    changed: watch::Receiver<Position>,
    recent: Arc<Recent<D::State>>,
}

impl<D: Decider> Clone for Ledger<D> {
    fn clone(&self) -> Self {
        let Self { log, submissions, view, changed, recent } = self;
        Self {
            log: log.clone(),
            submissions: submissions.clone(),
            view: view.clone(),
            changed: changed.clone(),
            recent: recent.clone(),
        }
    }
}

impl<D: Decider> Ledger<D> {
    /// Folds the log up to its tail and starts the loop.
    pub async fn open(
        log: Arc<dyn EventLog>,
        snapshots: Option<Snapshots>,
        region: RegionId,
    ) -> Result<(Self, WriterTask), OpenError> {
        let snapshot = snapshots.map(|snapshots| snapshots.of(&region, D::STREAM.name()));
        let (folded, saver) = folded::up_to_tail::<D>(&*log, snapshot, Purpose::Write).await?;
        let (view_sender, view) = watch::channel(folded.view());
        let (change, changed) = watch::channel(folded.position);
        let recent = Arc::new(Recent::default());
        let shown = Shown { view: view_sender, changed: change, recent: recent.clone() };
        let (submissions, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::<D>::new(log.clone(), region, folded, saver, shown);
        let task = FoldTask::start(|closing| writer.run(receiver, closing));
        Ok((Self { log, submissions, view, changed, recent }, task))
    }

    /// Has the core decide a command, and answers when what it decided is durable and folded.
    pub async fn submit(&self, caller: Caller, command: D::Command) -> Result<Outcome, Refused> {
        self.submit_one(caller, Some(command)).await
    }

    /// The same for a command made of names that had to be looked up. Where that failed, a retry answers as the first
    /// request with its id did all the same: what it named may have been deleted, or renamed, since.
    pub async fn submit_found(
        &self,
        caller: Caller,
        command: Result<D::Command, Status>,
    ) -> Result<Outcome, Status> {
        let missing = match command {
            Ok(command) => return Ok(self.submit(caller, command).await?),
            Err(missing) => missing,
        };
        self.answered(caller).await?.ok_or(missing)
    }

    /// What the first request with this one's id came to, if there was one.
    pub async fn answered(&self, caller: Caller) -> Result<Option<Outcome>, Refused> {
        if caller.request.is_none() {
            return Ok(None);
        }
        let first = self.submit_one(caller, None).await?;
        Ok(first.at.is_some().then_some(first))
    }

    async fn submit_one(&self, caller: Caller, command: Option<D::Command>) -> Result<Outcome, Refused> {
        caller.check_id()?;
        let (submission, outcome) = submission(caller, command);
        let sent = self.submissions.send(vec![submission]).await;
        answer(sent.is_ok(), outcome).await
    }

    /// The same for many, decided in their order; answers in that order too. They go into one record if it has room.
    pub async fn submit_all(
        &self,
        caller: &Caller,
        commands: impl IntoIterator<Item = D::Command>,
    ) -> Vec<Result<Outcome, Refused>> {
        let (submissions, waiting): (Vec<_>, Vec<_>) =
            commands.into_iter().map(|command| submission(caller.clone(), Some(command))).unzip();
        let sent = self.submissions.send(submissions).await.is_ok();
        let mut outcomes = Vec::with_capacity(waiting.len());
        for outcome in waiting {
            outcomes.push(answer(sent, outcome).await);
        }
        outcomes
    }

    /// What each of these would come to by itself, as the log is now. Nothing is stored, and nothing that is being stored is
    /// waited for.
    pub async fn validate_each(
        &self,
        commands: impl IntoIterator<Item = D::Command>,
    ) -> Result<Vec<Result<Outcome, Refused>>, Refused> {
        let View { state, position, .. } = self.current().await?;
        let validate = |command| -> Result<Outcome, Refused> {
            let events = D::decide(&state, &command)?;
            Ok(match events.is_empty() {
                true => Outcome::nothing(position),
                false => Outcome::validated(position, events),
            })
        };
        Ok(commands.into_iter().map(validate).collect())
    }

    /// The state with everything that the log has now: what a read of other services' events needs, since only the
    /// answer to a command waits for the fold of its own.
    pub async fn current(&self) -> Result<View<D::State>, Refused> {
        current(&*self.log, self.view.clone()).await
    }

    /// The same for a read of this caller, which may have seen more than this process.
    pub async fn current_for(&self, caller: &Caller) -> Result<View<D::State>, Refused> {
        self.view_for(caller).await?;
        self.current().await
    }

    /// The state now, with at least what this caller has seen.
    pub async fn view_for(&self, caller: &Caller) -> Result<View<D::State>, Refused> {
        seen::reached(&*self.log, self.view.clone(), caller.seen()?).await
    }

    /// Every record of the region after a position.
    pub fn following(&self, after: Position) -> Following {
        Following::after(self.log.clone(), to_log_position(after))
    }

    /// The last records, for a watch that begins.
    pub(crate) fn recent(&self) -> Watching<D::State> {
        Watching::new(self.recent.clone())
    }

    /// The state now.
    pub fn view(&self) -> View<D::State> {
        self.view.borrow().clone()
    }

    /// The state as the log goes on, with every record of any stream.
    pub fn watch(&self) -> watch::Receiver<View<D::State>> {
        self.view.clone()
    }

    /// The last record that may have changed the state: most records of a region are of other streams.
    pub fn changed(&self) -> watch::Receiver<Position> {
        self.changed.clone()
    }
}

/// What a command comes to.
type Awaited = oneshot::Receiver<Result<Outcome, Refused>>;

fn submission<C>(caller: Caller, command: Option<C>) -> (Submission<C>, Awaited) {
    let (answer, outcome) = oneshot::channel();
    (Submission { caller, command, answer }, outcome)
}

async fn answer(sent: bool, outcome: Awaited) -> Result<Outcome, Refused> {
    if !sent {
        return Err(Unserved::Closed.into());
    }
    // Whoever drops a command that it took may have stored it.
    outcome.await.map_err(|_| Refused::Unserved(Unserved::Unknown))?
}

/// The view once it has everything that the log has now.
pub(crate) async fn current<S: Clone>(
    log: &dyn EventLog,
    mut view: watch::Receiver<View<S>>,
) -> Result<View<S>, Refused> {
    let unavailable = Refused::Unserved(Unserved::Unavailable);
    let tail = match log.tail().await {
        Ok(tail) => tail,
        // Writes have stopped; reads go on with what was folded until then.
        Err(LogError::Damaged(_)) => return Ok(view.borrow().clone()),
        Err(_) => return Err(unavailable),
    };
    let reached = view.wait_for(|view| view.position.0 >= tail.position.0);
    match timeout(CATCH_UP, reached).await {
        Ok(Ok(view)) => Ok(view.clone()),
        _ => Err(unavailable),
    }
}
