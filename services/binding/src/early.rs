//! Holds that are asked for while `BindRequested` is being stored, so that a bind waits for two syncs in sequence where
//! it would wait for three.
//!
//! An answer counts only once its request is in the log, and only if it is a hold: whatever else became of it, the
//! process manager asks again. A hold whose request never came to the log is let go by [`crate::unclaimed`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mooring_domain::{
    event::{EipFacts, HavipFacts},
    id::BindingId,
};
use mooring_runtime::{crash, shutdown::Shutdown};
use tokio::{
    sync::{mpsc, watch},
    time::{timeout, timeout_at},
};

use crate::resource::{BATCH, Pair, Resource};

/// Callers that were answered together come back together, as in the ledger: so long at most is waited for them.
const TOGETHER: Duration = Duration::from_millis(1);
/// How long a request of unknown outcome may still be found in the log.
const ABANDONED: Duration = Duration::from_secs(10);

/// How long a caller who is refused waits until nothing is held for him.
const SETTLING: Duration = Duration::from_secs(2);

/// What resource said about a hold.
type Facts = (EipFacts, HavipFacts);

enum Answer {
    /// Not yet there.
    Awaited,
    /// The hold stands.
    Held(Box<Facts>),
    /// It does not.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What is known of the request itself.
enum Request {
    /// It is on its way to the log, or there.
    Open,
    /// Nobody knows whether it is there, since then.
    Abandoned(Instant),
    /// It will never be there.
    Refused,
}

struct Entry {
    answer: Answer,
    request: Request,
}

/// The binds of a region whose request is on its way to the log, or was answered and is not confirmed yet. Clones share it.
#[derive(Clone)]
pub(crate) struct Early {
    entries: Arc<Mutex<HashMap<BindingId, Entry>>>,
    asks: mpsc::UnboundedSender<Pair>,
    lost: mpsc::UnboundedSender<BindingId>,
    answered: watch::Sender<()>,
}

/// One request on its way. Dropped without a word, it may be in the log.
pub(crate) struct Flight {
    early: Early,
    binding: BindingId,
    told: bool,
}

impl Early {
    /// None yet; what is to be asked; and who may hold although its request will never be in the log.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Pair>, mpsc::UnboundedReceiver<BindingId>) {
        let ((asks, asked), (lost, losses)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        (Self { entries: Arc::default(), asks, lost, answered: watch::Sender::new(()) }, asked, losses)
    }

    /// Asks for the hold of a request that is about to be submitted.
    pub(crate) fn begin(&self, pair: Pair) -> Flight {
        let binding = pair.binding;
        self.entries().insert(binding, Entry { answer: Answer::Awaited, request: Request::Open });
        if self.asks.send(pair).is_err() {
            self.entries().remove(&binding);
        }
        Flight { early: self.clone(), binding, told: false }
    }

    /// Whether an answer is still to come.
    pub(crate) fn awaits(&self, binding: BindingId) -> bool {
        matches!(self.entries().get(&binding), Some(Entry { answer: Answer::Awaited, .. }))
    }

    /// How many requests are on their way, or wait to be confirmed.
    pub(crate) fn under_way(&self) -> usize {
        self.entries().values().filter(|entry| matches!(entry.request, Request::Open)).count()
    }

    /// What is held for a binding whose request is in the log. It is not kept.
    pub(crate) fn take(&self, binding: BindingId) -> Option<Facts> {
        match self.entries().remove(&binding)?.answer {
            Answer::Held(facts) => Some(*facts),
            Answer::Awaited | Answer::Refused | Answer::Unknown => None,
        }
    }

    /// Whether the request may still come to the log.
    pub(crate) fn may_land(&self, binding: BindingId) -> bool {
        self.entries().get(&binding).is_some_and(|entry| !matches!(entry.request, Request::Refused))
    }

    /// What they may have held has been let go.
    pub(crate) fn forget(&self, bindings: &[BindingId]) {
        let mut entries = self.entries();
        bindings.iter().for_each(|binding| drop(entries.remove(binding)));
        drop(entries);
        self.answered.send_replace(());
    }

    /// Until nothing is held for a refused request any more, for a moment at most: it goes on without its caller.
    pub(crate) async fn settled(&self, binding: BindingId) {
        let mut answered = self.watch();
        let settled = async {
            loop {
                answered.mark_unchanged();
                if !self.entries().contains_key(&binding) || answered.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(SETTLING, settled).await;
    }

    /// Gives up requests of which nobody has heard for long.
    pub(crate) fn give_up(&self) {
        let now = Instant::now();
        let given_up = |_: &BindingId, entry: &mut Entry| match entry.request {
            Request::Abandoned(since) => now - since > ABANDONED,
            Request::Open | Request::Refused => false,
        };
        for (binding, _) in self.entries().extract_if(given_up) {
            let _ = self.lost.send(binding);
        }
    }

    /// Changes when answers have come.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.answered.subscribe()
    }

    /// Asks resource, for many at once, until `drained` is said.
    pub(crate) async fn run(
        self,
        resource: Resource,
        mut asked: mpsc::UnboundedReceiver<Pair>,
        drained: Shutdown,
    ) {
        let mut crowd = 0;
        loop {
            let first = tokio::select! {
                first = asked.recv() => first,
                () = drained.clone().stopped() => None,
            };
            let Some(first) = first else { return };
            let pairs = gather(first, &mut asked, crowd).await;
            crowd = pairs.len();
            crash::point("early.before-hold");
            let holds = resource.hold(&pairs).await;
            crash::point("early.after-hold");
            if let Err(status) = &holds {
                tracing::debug!(%status, "early holds came to nothing");
            }
            let answer = |number: usize| match holds.as_ref().map(|holds| holds.get(number)) {
                Ok(Some(Ok(facts))) => Answer::Held(Box::new(facts.clone())),
                Ok(Some(Err(_))) => Answer::Refused,
                Ok(None) | Err(_) => Answer::Unknown,
            };
            self.answer(pairs.iter().enumerate().map(|(number, pair)| (pair.binding, answer(number))));
        }
    }

    fn answer(&self, answers: impl Iterator<Item = (BindingId, Answer)>) {
        let mut entries = self.entries();
        for (binding, answer) in answers {
            if let Some(Entry { request, .. }) = entries.remove(&binding) {
                self.keep(&mut entries, binding, Entry { answer, request });
            }
        }
        drop(entries);
        self.answered.send_replace(());
    }

    /// Something was heard of the request.
    fn heard(&self, binding: BindingId, request: Request) {
        let mut entries = self.entries();
        if let Some(Entry { answer, .. }) = entries.remove(&binding) {
            self.keep(&mut entries, binding, Entry { answer, request });
        }
    }

    /// Keeps an entry as long as something is still to be heard of it.
    fn keep(&self, entries: &mut HashMap<BindingId, Entry>, binding: BindingId, entry: Entry) {
        match (&entry.request, &entry.answer) {
            (Request::Open | Request::Abandoned(_), _) | (Request::Refused, Answer::Awaited) => {
                entries.insert(binding, entry);
            }
            (Request::Refused, Answer::Refused) => {}
            (Request::Refused, Answer::Held(_) | Answer::Unknown) => {
                // Nobody listens any more when the process ends; the next one finds the hold.
                let _ = self.lost.send(binding);
                entries.insert(binding, entry);
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<BindingId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// The request is in the log, and the process manager has it now.
    pub(crate) fn landed(mut self) {
        self.told = true;
    }

    /// The request will never be in the log.
    pub(crate) fn refused(mut self) {
        self.told = true;
        self.early.heard(self.binding, Request::Refused);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.told {
            self.early.heard(self.binding, Request::Abandoned(Instant::now()));
        }
    }
}

/// What waits, and what is expected: as many as the last time.
async fn gather(first: Pair, asked: &mut mpsc::UnboundedReceiver<Pair>, crowd: usize) -> Vec<Pair> {
    let deadline = tokio::time::Instant::now() + TOGETHER;
    let mut pairs = vec![first];
    while pairs.len() < BATCH {
        let more = match asked.try_recv() {
            Ok(more) => Some(more),
            Err(_) if pairs.len() >= crowd => None,
            Err(_) => timeout_at(deadline, asked.recv()).await.ok().flatten(),
        };
        let Some(more) = more else { break };
        pairs.push(more);
    }
    pairs
}
