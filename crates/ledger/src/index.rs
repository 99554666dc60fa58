//! The index of a region's events, by EIP, HAVIP, project, actor, kind and time: what makes questions to a long log fast.
//!
//! It is kept in a sled folder of its own and follows the log by itself. What can't be used (lost, damaged, of another
//! version or of another log) is set aside and built again from the log's start; meanwhile it says how far it is.

mod concerns;
mod entry;
mod filter;
mod follow;
mod pending;
mod search;
mod store;

use std::{
    ops::Range,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use mooring_domain::{Position, Timestamp};
use mooring_event_log::EventLog;
use tokio::{
    sync::{Notify, watch},
    task,
    time::timeout,
};

use self::{pending::Pending, store::Store};
use crate::FoldTask;

pub use self::{
    concerns::{Concerns, Term},
    entry::Entry,
    filter::{EventFilter, Thing, unknown},
    store::IndexError,
};

/// How long a question waits for the index to reach the log's end.
const CATCH_UP: Duration = Duration::from_secs(5);

/// How far the index is.
#[derive(Clone, Debug, Default)]
pub struct Indexed {
    /// It has every event up to this record.
    pub position: Position,
    /// Why it will not go further, if so.
    pub failure: Option<String>,
}

/// Why the index does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It is behind: being built, or set aside a moment ago.
    #[error("the index of events has records up to {has} of {of}")]
    Behind {
        /// What it has.
        has: Position,
        /// What it should have.
        of: Position,
    },
    /// The log can't be followed any more.
    #[error("the log is not followed any more: {0}")]
    Failed(String),
}

/// What is shared with the task that follows the log.
struct Shared {
    /// None while it is being opened.
    store: RwLock<Option<Store>>,
    pending: RwLock<Pending>,
    /// Somebody met damage.
    damaged: Notify,
}

/// One region's. Clones share it.
#[derive(Clone)]
pub struct Index {
    shared: Arc<Shared>,
    indexed: watch::Receiver<Indexed>,
}

impl Index {
    /// Starts following a log, with the index in this folder. Closing the task stores what is only in memory.
    pub fn start(log: Arc<dyn EventLog>, folder: PathBuf) -> (Self, FoldTask) {
        let shared =
            Arc::new(Shared { store: RwLock::default(), pending: RwLock::default(), damaged: Notify::new() });
        let (sender, indexed) = watch::channel(Indexed::default());
        let task = follow::start(log, folder, shared.clone(), sender);
        (Self { shared, indexed }, task)
    }

    /// How far it is, as it goes on.
    pub fn watch(&self) -> watch::Receiver<Indexed> {
        self.indexed.clone()
    }

    /// Waits until it has this record.
    ///
    /// # Errors
    /// It takes too long, or will never be.
    pub async fn up_to(&self, position: Position) -> Result<(), Unanswered> {
        let mut indexed = self.indexed.clone();
        let reached = indexed.wait_for(|indexed| indexed.failure.is_some() || indexed.position >= position);
        match timeout(CATCH_UP, reached).await {
            Ok(Ok(indexed)) if indexed.position >= position => Ok(()),
            Ok(Ok(indexed)) => Err(Unanswered::Failed(indexed.failure.clone().unwrap_or_default())),
            Ok(Err(_)) => Err(Unanswered::Failed("the process is stopping".to_owned())),
            Err(_) => Err(Unanswered::Behind { has: self.indexed.borrow().position, of: position }),
        }
    }

    /// The first `limit` events in this range that every clause asks for; a clause asks for any of its terms.
    ///
    /// # Errors
    /// `Behind`: it can't be read; it is being built again.
    pub async fn find(
        &self,
        clauses: Vec<Vec<Term>>,
        range: Range<Entry>,
        limit: usize,
    ) -> Result<Vec<Entry>, Unanswered> {
        self.read(move |store, pending| search::search(store, pending, &clauses, range, limit)).await
    }

    /// A range of records outside which nothing was recorded at these times; in it there may be other times, too.
    ///
    /// # Errors
    /// As of [`Self::find`].
    pub async fn at_times(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<Range<Entry>, Unanswered> {
        self.read(move |store, pending| {
            let known = |found: Option<&(Timestamp, Position)>| found.map(|(_, position)| *position);
            let mut range = Entry::default()..Entry::after(Position(u64::MAX));
            if let Some(from) = from {
                let waiting = pending.marks.partition_point(|(time, _)| *time < from).checked_sub(1);
                let waiting = waiting.and_then(|at| known(pending.marks.get(at)));
                let mark = waiting.max(store.mark_before(from)?).unwrap_or_default();
                range.start = Entry::after(Position(mark.0.saturating_sub(1)));
            }
            if let Some(to) = to {
                let waiting = known(pending.marks.iter().find(|(time, _)| *time > to));
                let mark = store.mark_behind(to)?.into_iter().chain(waiting).min();
                range.end = mark.map_or(range.end, |mark| Entry::after(Position(mark.0.saturating_sub(1))));
            }
            Ok(range)
        })
        .await
    }

    /// Reads on a thread that may block. Whatever goes wrong has the index built again.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store, &Pending) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let shared = self.shared.clone();
        let read = task::spawn_blocking(move || {
            // The pending ones first: what they lose meanwhile is stored by then.
            let pending = shared.pending.read().unwrap_or_else(PoisonError::into_inner);
            let store = shared.store.read().unwrap_or_else(PoisonError::into_inner);
            read(store.as_ref().ok_or(IndexError::Closed)?, &pending)
        });
        let error = match read.await.map_err(IndexError::from) {
            Ok(Ok(read)) => return Ok(read),
            Ok(Err(error)) | Err(error) => error,
        };
        let has = self.indexed.borrow().position;
        if error.is_damage() {
            tracing::warn!(%error, "building the index of events again");
            self.shared.damaged.notify_one();
        }
        Err(Unanswered::Behind { has, of: has })
    }
}
