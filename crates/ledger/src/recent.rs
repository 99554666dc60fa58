//! The last records, folded once for everybody who watches, and decoded once by the first who asks: each with the state after
//! it. Who takes the state from here shares it with the ledger and all other watches.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use mooring_domain::Commit;
use mooring_event_log::{Position, Record};

use crate::codec;

/// Records of so many commits are kept, all together; the last one always.
const COMMITS: usize = 1024;

/// A record, folded.
pub(crate) struct Told<S> {
    pub(crate) commits: Arc<[Commit]>,
    pub(crate) state: S,
}

/// See the module.
pub(crate) struct Recent<S> {
    watches: AtomicUsize,
    kept: Mutex<Kept<S>>,
}

struct Kept<S> {
    records: VecDeque<One<S>>,
    commits: usize,
}

struct One<S> {
    position: Position,
    count: usize,
    commits: Arc<OnceLock<Option<Arc<[Commit]>>>>,
    state: S,
}

impl<S> Default for Recent<S> {
    fn default() -> Self {
        let kept = Kept { records: VecDeque::new(), commits: 0 };
        Self { watches: AtomicUsize::new(0), kept: Mutex::new(kept) }
    }
}

impl<S: Clone> Recent<S> {
    fn kept(&self) -> MutexGuard<'_, Kept<S>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a record with the state after it, while anybody watches.
    pub(crate) fn put(&self, record: &Record, state: &S) {
        let mut kept = self.kept();
        if self.watches.load(Ordering::Relaxed) == 0 {
            (kept.commits, kept.records) = (0, VecDeque::new());
            return;
        }
        let (position, count) = (record.position, record.commits.len());
        kept.commits += count;
        kept.records.push_back(One { position, count, commits: Arc::default(), state: state.clone() });
        while kept.commits > COMMITS && kept.records.len() > 1 {
            let oldest = kept.records.pop_front();
            kept.commits -= oldest.map_or(0, |oldest| oldest.count);
        }
    }

    /// What came of the record, if it is still kept.
    pub(crate) fn at(&self, record: &Record) -> Option<Told<S>> {
        let (decoded, state) = {
            let kept = self.kept();
            let index = kept.records.binary_search_by_key(&record.position, |one| one.position).ok()?;
            let one = kept.records.get(index)?;
            (one.commits.clone(), one.state.clone())
        };
        let commits = decoded.get_or_init(|| codec::commits(record).ok().map(Into::into)).clone()?;
        Some(Told { commits, state })
    }
}

/// Somebody who watches.
pub(crate) struct Watching<S>(Arc<Recent<S>>);

impl<S> Watching<S> {
    pub(crate) fn new(recent: Arc<Recent<S>>) -> Self {
        recent.watches.fetch_add(1, Ordering::Relaxed);
        Self(recent)
    }
}

impl<S> std::ops::Deref for Watching<S> {
    type Target = Recent<S>;

    fn deref(&self) -> &Recent<S> {
        &self.0
    }
}

impl<S> Drop for Watching<S> {
    fn drop(&mut self) {
        self.0.watches.fetch_sub(1, Ordering::Relaxed);
    }
}
