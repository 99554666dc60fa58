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
    time::timeout_at,
};

use crate::resource::{BATCH, Pair, Resource};

/// Callers that were answered together come back together, as in the ledger: so long at most is waited for them.
const TOGETHER: Duration = Duration::from_millis(1);
/// How long a request may still come to the log after its caller has gone away.
const ABANDONED: Duration = Duration::from_secs(60);

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

struct Entry {
    answer: Answer,
    /// Since when nobody waits for the request's outcome.
    abandoned: Option<Instant>,
}

/// The binds of a region whose request is on its way to the log, or was answered and is not confirmed yet. Clones share it.
#[derive(Clone)]
pub(crate) struct Early {
    entries: Arc<Mutex<HashMap<BindingId, Entry>>>,
    asks: mpsc::UnboundedSender<Pair>,
    lost: mpsc::UnboundedSender<BindingId>,
    answered: watch::Sender<()>,
}

/// One request on its way. Dropped without a word, it may still come to the log.
pub(crate) struct Flight<'a> {
    early: &'a Early,
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
    pub(crate) fn begin(&self, pair: Pair) -> Flight<'_> {
        let binding = pair.binding;
        self.entries().insert(binding, Entry { answer: Answer::Awaited, abandoned: None });
        if self.asks.send(pair).is_err() {
            self.entries().remove(&binding);
        }
        Flight { early: self, binding, told: false }
    }

    /// Whether an answer is still to come.
    pub(crate) fn awaits(&self, binding: BindingId) -> bool {
        matches!(self.entries().get(&binding), Some(Entry { answer: Answer::Awaited, .. }))
    }

    /// How many requests are on their way, or wait to be confirmed.
    pub(crate) fn under_way(&self) -> usize {
        self.entries().len()
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
        self.entries().contains_key(&binding)
    }

    /// Gives up requests whose callers have gone away long ago.
    pub(crate) fn give_up(&self) {
        let now = Instant::now();
        let given_up =
            |_: &BindingId, entry: &mut Entry| entry.abandoned.is_some_and(|since| now - since > ABANDONED);
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
            // Whose request was refused meanwhile is not there any more.
            if let Some(entry) = entries.get_mut(&binding) {
                entry.answer = answer;
            }
        }
        drop(entries);
        self.answered.send_replace(());
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<BindingId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight<'_> {
    /// The request is in the log, and the process manager has it now.
    pub(crate) fn landed(mut self) {
        self.told = true;
    }

    /// The request will never be in the log.
    pub(crate) fn refused(mut self) {
        self.told = true;
        let entry = self.early.entries().remove(&self.binding);
        if entry.is_some_and(|entry| !matches!(entry.answer, Answer::Refused)) {
            // Nobody listens any more when the process ends; the next one finds the hold.
            let _ = self.early.lost.send(self.binding);
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if !self.told
            && let Some(entry) = self.early.entries().get_mut(&self.binding)
        {
            entry.abandoned = Some(Instant::now());
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
