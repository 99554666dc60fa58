//! The three cores over one log: each commit is decided on the folded state, stored, and folded into all of them.

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use mooring_domain::{
    Actor, Commit, CommitPosition, Decider, Event, Position, Rejection, RequestId, Stream, Timestamp,
    binding::{self, BindingCore},
    holder::{self, HolderCore},
    nat::{self, Desired},
    resource::{self, ResourceCore},
};
use mooring_event_log::{EventLog, LogError, StreamName};
use mooring_proto::stored;
use tokio::task::unconstrained;
use uuid::Uuid;

use super::CommandOf;

/// Between two records: a day holds 864 000 of them.
const STEP_NANOS: u64 = 20_000_000;

/// Whose doing a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A client's: its request has an id, which is remembered.
    ByClient,
    /// Another service's.
    ByService,
}

/// A core whose folded state is at hand.
pub(super) trait Held: Decider {
    fn state<'a>(cores: &'a Cores<'_>) -> &'a Self::State;
}

impl Held for ResourceCore {
    fn state<'a>(cores: &'a Cores<'_>) -> &'a Self::State {
        &cores.states.resource
    }
}

impl Held for BindingCore {
    fn state<'a>(cores: &'a Cores<'_>) -> &'a Self::State {
        &cores.states.binding
    }
}

impl Held for HolderCore {
    fn state<'a>(cores: &'a Cores<'_>) -> &'a Self::State {
        &cores.states.holder
    }
}

/// What is folded: the cores' own states, and what gateways make of the same commits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct States {
    /// What exists.
    pub resource: resource::State,
    /// What fronts what.
    pub binding: binding::State,
    /// Who holds what.
    pub holder: holder::State,
    /// What kernels should have.
    pub desired: Desired,
}

pub(super) struct Cores<'a> {
    log: &'a dyn EventLog,
    states: States,
    last: [u64; 3],
    position: u64,
    events: u64,
    ids: u64,
    now: Timestamp,
    /// Appends without an answer yet, in order.
    appending: FuturesOrdered<BoxFuture<'a, Result<u64, LogError>>>,
    /// The position that the first of them must answer with.
    awaited: u64,
    /// Records that may be on their way into the log: they are synced together, in one frame.
    on_their_way: usize,
}

impl<'a> Cores<'a> {
    /// Over an empty log, at this time. So many records are written together.
    pub(super) fn new(log: &'a dyn EventLog, now: Timestamp, on_their_way: usize) -> Self {
        let (states, appending, last) = (States::default(), FuturesOrdered::new(), [0; 3]);
        let (position, events, ids, awaited) = (0, 0, 0, 1);
        Self { log, states, last, position, events, ids, now, appending, awaited, on_their_way }
    }

    pub(super) fn states(&self) -> &States {
        &self.states
    }

    /// Time passes.
    pub(super) fn wait(&mut self, nanos: u64) {
        self.now.0 += nanos;
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn position(&self) -> mooring_event_log::Position {
        mooring_event_log::Position(self.position)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// A new UUIDv7 of the history's present.
    pub(super) fn id(&mut self) -> Uuid {
        self.ids += 1;
        let mut rest = [0; 10];
        rest[2..].copy_from_slice(&self.ids.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(self.now.0 / 1_000_000, &rest).into_uuid()
    }

    /// Decides commands and stores what they came to as one record. Each must come to one event.
    pub(super) async fn decide<D: Held>(
        &mut self,
        commands: Vec<CommandOf<D>>,
        asked: Asked,
    ) -> Result<Vec<Event>> {
        let mut happened = Vec::new();
        for outcome in self.ask::<D>(&commands, asked).await? {
            let events = outcome?;
            ensure!(events.len() == 1, "a command of {} came to {events:?}", D::STREAM.name());
            happened.extend(events);
        }
        Ok(happened)
    }

    /// The same, whatever each comes to.
    pub(super) async fn ask<D: Held>(
        &mut self,
        commands: &[CommandOf<D>],
        asked: Asked,
    ) -> Result<Vec<Result<Vec<Event>, Rejection>>> {
        let (mut commits, mut outcomes) = (Vec::new(), Vec::new());
        self.now.0 += STEP_NANOS;
        for command in commands {
            let outcome = D::decide(D::state(self), command);
            if let Ok(events) = outcome.as_ref()
                && !events.is_empty()
            {
                let index = u32::try_from(commits.len())?;
                let at = CommitPosition { position: Position(self.position + 1), index };
                commits.push(self.commit(D::STREAM, at, events, asked));
            }
            outcomes.push(outcome);
        }
        if !commits.is_empty() {
            self.append(D::STREAM, commits).await?;
        }
        Ok(outcomes)
    }

    /// Waits until everything is in the log.
    pub(super) async fn settle(&mut self) -> Result<()> {
        while let Some(position) = self.appending.next().await {
            ensure!(position? == self.awaited, "a record is not where record {} should be", self.awaited);
            self.awaited += 1;
        }
        Ok(())
    }

    /// Folds it and gives it its stored form.
    fn commit(
        &mut self,
        stream: Stream,
        at: CommitPosition,
        events: &[Event],
        asked: Asked,
    ) -> mooring_event_log::Commit {
        let request = (asked == Asked::ByClient).then(|| self.id());
        let actor = if request.is_some() { "ann@blue.example" } else { "binding/process-manager" };
        let commit = Commit {
            at,
            stream,
            recorded_at: self.now,
            actor: Actor(actor.into()),
            request_id: request.map(RequestId),
            events: events.to_vec(),
        };
        self.states.follow(&commit);
        mooring_event_log::Commit {
            id: self.id(),
            request_id: request,
            request_hash: request.map_or_else(Bytes::new, |id| Bytes::copy_from_slice(id.as_bytes())),
            actor: actor.into(),
            recorded_at: self.now.0,
            observed_at: None,
            trace_parent: "".into(),
            events: events.iter().map(stored::encode).collect(),
        }
    }

    async fn append(&mut self, stream: Stream, commits: Vec<mooring_event_log::Commit>) -> Result<()> {
        self.position += 1;
        self.events += commits.iter().map(|commit| commit.events.len() as u64).sum::<u64>();
        let expected = mooring_event_log::Position(self.last[stream as usize]);
        self.last[stream as usize] = self.position;
        let log = self.log;
        let append = async move {
            let appended = log.append(&StreamName::new(stream.name()), expected, commits).await;
            appended.map(|position| position.0)
        };
        // Unconstrained: whoever is told to let others go first would come into the log behind them.
        self.appending.push_back(unconstrained(append).boxed());
        if self.appending.len() < self.on_their_way { Ok(()) } else { self.settle().await }
    }
}

impl States {
    fn follow(&mut self, commit: &Commit) {
        ResourceCore::follow(&mut self.resource, commit);
        BindingCore::follow(&mut self.binding, commit);
        HolderCore::follow(&mut self.holder, commit);
        nat::fold(&mut self.desired, commit);
    }
}
