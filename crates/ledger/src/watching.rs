//! A watch of a core's things: everything as it is, or what has changed since a position, and then every change as it happens.
//!
//! Each watch follows the log itself, from the state with which it began on: nothing is queued for a watcher that is slow, and
//! none of its answers is about a later record than it says. What a record makes of the state it takes from the ledger, which
//! folds it once for all; only a watcher that is far behind folds for itself, until it has caught up.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use mooring_domain::{Commit, Decider, Event, Position, Rejection};
use mooring_event_log::Record;
use mooring_proto::status::Unserved;
use tokio::{sync::watch, time::timeout};

use crate::{
    Following, Ledger, Refused, View,
    codec::commits,
    folded::reads,
    recent::{Told, Watching},
    submission::unserved,
};

/// Things of one answer.
const AT_ONCE: usize = 1000;
/// How long a record is waited for to be folded by the ledger, which follows the same log.
const MOMENT: Duration = Duration::from_millis(100);

/// What is watched.
pub trait Watched: Send {
    /// Whose things they are.
    type Core: Decider;
    /// Tells them apart.
    type Id: Copy + Ord + Send;
    /// What the watcher is told.
    type Answer: Send;

    /// Those that there are.
    fn all(&self, state: &<Self::Core as Decider>::State) -> BTreeSet<Self::Id>;

    /// The one that an event is about.
    fn touched_by(&self, event: &Event) -> Option<Self::Id>;

    /// What these are now. Everything up to `position` has been told then; 0: more of the same comes.
    fn answer(
        &self,
        state: &<Self::Core as Decider>::State,
        some: &[Self::Id],
        position: Position,
    ) -> Self::Answer;
}

/// See the module.
pub struct Watch<W: Watched> {
    watched: W,
    following: Following,
    /// A record that was read and is not folded yet.
    record: Option<Arc<Record>>,
    /// The ledger's.
    view: watch::Receiver<View<<W::Core as Decider>::State>>,
    recent: Watching<<W::Core as Decider>::State>,
    state: <W::Core as Decider>::State,
    /// The record folded last.
    position: Position,
    /// The record whose state it began with.
    begun: Position,
    /// What changed between where the watcher was and there.
    missed: BTreeSet<W::Id>,
    ready: VecDeque<W::Answer>,
}

/// The state with which a watch begins that goes on after a position.
///
/// # Errors
/// There is no such position, or the log can't be read.
pub async fn watched_from<D: Decider>(
    ledger: &Ledger<D>,
    after: Position,
) -> Result<View<D::State>, Refused> {
    let view = ledger.current().await?;
    if after > view.position {
        return Err(Rejection::outside_the_log("after", after, view.position).into());
    }
    Ok(view)
}

impl<W: Watched> Watch<W> {
    /// Begins with what is there if the watcher has seen nothing (`after` is 0). `view` is what [`watched_from`] gave.
    pub fn new(
        watched: W,
        ledger: &Ledger<W::Core>,
        view: View<<W::Core as Decider>::State>,
        after: Position,
    ) -> Self {
        let is_new = after == Position::default();
        let following = ledger.following(if is_new { view.position } else { after });
        let (begun, state) = (view.position, view.state.as_ref().clone());
        let mut watch = Self {
            watched,
            following,
            record: None,
            view: ledger.watch(),
            recent: ledger.recent(),
            state,
            position: begun,
            begun,
            missed: BTreeSet::new(),
            ready: VecDeque::new(),
        };
        if is_new {
            watch.begin(&watch.watched.all(&watch.state));
        } else if after == begun {
            watch.begin(&BTreeSet::new());
        }
        watch
    }

    /// The next answer, when there is one. Safe to drop while it waits.
    ///
    /// # Errors
    /// The log is damaged or closed.
    pub async fn next(&mut self) -> Result<W::Answer, Unserved> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Ok(answer);
            }
            let record = match &self.record {
                Some(record) => record.clone(),
                None => {
                    let next = self.following.next().await.map_err(|error| unserved(&error))?;
                    self.record.insert(next).clone()
                }
            };
            let position = Position(record.position.0);
            let told = self.told(&record).await;
            self.record = None;
            let touched = match told {
                Some(told) => self.take(told, position),
                None => self.fold(&record)?,
            };
            if position > self.begun {
                self.position = position;
                self.ready = self.answers(&touched, position);
                continue;
            }
            self.missed.extend(touched);
            if position == self.begun {
                let missed = std::mem::take(&mut self.missed);
                self.begin(&missed);
            }
        }
    }

    /// What these are now, though the log says nothing new of them.
    pub fn again(&self, some: &[W::Id]) -> W::Answer {
        self.watched.answer(&self.state, some, self.position)
    }

    /// The first answer comes also where there is nothing to tell: from then on the watcher knows everything.
    fn begin(&mut self, some: &BTreeSet<W::Id>) {
        self.ready = self.answers(some, self.begun);
        if self.ready.is_empty() {
            self.ready.push_back(self.watched.answer(&self.state, &[], self.begun));
        }
    }

    /// What the ledger made of a record, if it is there and the record is not too far back.
    async fn told(&mut self, record: &Record) -> Option<Told<<W::Core as Decider>::State>> {
        let position = Position(record.position.0);
        if !reads::<W::Core>(record) {
            return None;
        }
        // Where the ledger is late, or has stopped, this goes on by itself.
        let _ = timeout(MOMENT, self.view.wait_for(|view| view.position >= position)).await;
        self.recent.at(record)
    }

    /// Which of the things the record is about; the state is the ledger's again.
    fn take(&mut self, told: Told<<W::Core as Decider>::State>, position: Position) -> BTreeSet<W::Id> {
        if position > self.begun {
            self.state = told.state;
        }
        self.touched(&told.commits)
    }

    /// Which of the things the record is about.
    fn fold(&mut self, record: &Record) -> Result<BTreeSet<W::Id>, Unserved> {
        if !reads::<W::Core>(record) {
            return Ok(BTreeSet::new());
        }
        let commits = commits(record).map_err(|error| {
            tracing::error!(%error, "a watch ends");
            Unserved::Damaged
        })?;
        if Position(record.position.0) > self.begun {
            commits.iter().for_each(|commit| W::Core::follow(&mut self.state, commit));
        }
        Ok(self.touched(&commits))
    }

    fn touched(&self, commits: &[Commit]) -> BTreeSet<W::Id> {
        let events = commits.iter().flat_map(|commit| &commit.events);
        events.filter_map(|event| self.watched.touched_by(event)).collect()
    }

    /// What these are now; the last answer says how far that is.
    fn answers(&self, some: &BTreeSet<W::Id>, at: Position) -> VecDeque<W::Answer> {
        let all: Vec<_> = some.iter().copied().collect();
        let parts = all.chunks(AT_ONCE).enumerate();
        let position = |n: usize| if (n + 1) * AT_ONCE >= all.len() { at } else { Position::default() };
        parts.map(|(n, some)| self.watched.answer(&self.state, some, position(n))).collect()
    }
}
