//! A watch of holders: everything as it is, or what has changed since a position, and then every change as it happens.
//!
//! Each watch folds the log itself, from the state with which it began on: nothing is queued for a watcher that is slow, and
//! none of its answers is about a later record than it says.

use std::collections::{BTreeSet, VecDeque};

use mooring_domain::{
    Commit, Decider, Event, Position,
    holder::{HolderCore, State, concerned},
    id::{self, HavipId},
    name::{Name, Scope},
};
use mooring_ledger::{Following, View, commits, unserved};
use mooring_proto::{
    answer::health as answer,
    health::v1::WatchHoldersResponse,
    status::{Unserved, from_unserved},
};
use tonic::Status;

/// HAVIPs of one answer.
const AT_ONCE: usize = 1000;

/// Which HAVIPs are watched.
pub(crate) struct Wanted {
    pub(crate) scope: Scope,
    /// None: all of the scope.
    pub(crate) havip: Option<HavipId>,
}

pub(crate) struct Watch {
    wanted: Wanted,
    following: Following,
    state: State,
    /// The record whose state it began with.
    begun: Position,
    /// What changed between where the watcher was and there.
    missed: BTreeSet<HavipId>,
    ready: VecDeque<WatchHoldersResponse>,
}

impl Watch {
    /// Begins with what is there if the watcher has seen nothing (`after` is 0). `following` gives the records behind
    /// `after`, or else behind the view.
    pub(crate) fn new(wanted: Wanted, view: View<State>, after: Position, following: Following) -> Self {
        let (begun, state) = (view.position, view.state);
        let (missed, ready) = (BTreeSet::new(), VecDeque::new());
        let mut watch = Self { wanted, following, state, begun, missed, ready };
        if after == Position::default() {
            let all = watch.state.list(&watch.wanted.scope, None).map(|havip| havip.facts.id);
            let all = all.filter(|id| watch.wanted.havip.is_none_or(|wanted| wanted == *id)).collect();
            watch.begin(&all);
        }
        watch
    }

    /// The next answer, when there is one.
    pub(crate) async fn next(&mut self) -> Result<WatchHoldersResponse, Status> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Ok(answer);
            }
            let record = self.following.next().await.map_err(|error| from_unserved(unserved(&error)))?;
            let position = Position(record.position.0);
            let reads = HolderCore::READS.iter().any(|stream| stream.name() == record.stream.as_str());
            let commits = if reads { commits(&record) } else { Ok(Vec::new()) };
            let touched = self.fold(&commits.map_err(|error| {
                tracing::error!(%error, "holders are watched no more");
                from_unserved(Unserved::Damaged)
            })?);
            if position > self.begun {
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

    /// The first answer comes also where there is nothing to tell: from then on the watcher knows everything.
    fn begin(&mut self, havips: &BTreeSet<HavipId>) {
        self.ready = self.answers(havips, self.begun);
        if self.ready.is_empty() {
            self.ready.push_back(WatchHoldersResponse { position: self.begun.0, ..Default::default() });
        }
    }

    /// Which of the HAVIPs it is about.
    fn fold(&mut self, commits: &[Commit]) -> BTreeSet<HavipId> {
        let mut touched = BTreeSet::new();
        for commit in commits {
            if commit.at.position > self.begun {
                HolderCore::follow(&mut self.state, commit);
            }
            touched.extend(commit.events.iter().filter_map(|event| self.wanted.touched_by(event)));
        }
        touched
    }

    /// What these are now; the last answer says how far that is.
    fn answers(&self, havips: &BTreeSet<HavipId>, at: Position) -> VecDeque<WatchHoldersResponse> {
        let havips: Vec<_> = havips.iter().copied().collect();
        let mut answers: VecDeque<_> = havips.chunks(AT_ONCE).map(|some| self.answer(some)).collect();
        answers.iter_mut().last().into_iter().for_each(|last| last.position = at.0);
        answers
    }

    fn answer(&self, havips: &[HavipId]) -> WatchHoldersResponse {
        let mut answer = WatchHoldersResponse::default();
        for havip in havips {
            match self.state.get(*havip) {
                Some(havip) => answer.holders.push(answer::holder(havip)),
                None => {
                    let name = Name::<id::Havip> { scope: self.wanted.scope.clone(), id: *havip };
                    answer.deleted.push(name.to_string());
                }
            }
        }
        answer
    }
}

impl Wanted {
    fn touched_by(&self, event: &Event) -> Option<HavipId> {
        let havip = concerned(event)?;
        let scope = havip.project == self.scope.project && havip.region == self.scope.region;
        (scope && self.havip.is_none_or(|wanted| wanted == havip.id)).then_some(havip.id)
    }
}
