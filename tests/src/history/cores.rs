//! The three cores over one log: each commit is decided on the folded state, stored, and folded into all of them.

use anyhow::{Result, ensure};
use bytes::Bytes;
use mooring_domain::{
    Actor, Commit, CommitPosition, Decider, Event, Position, RequestId, Stream, Timestamp,
    binding::BindingCore, holder::HolderCore, resource::ResourceCore,
};
use mooring_event_log::{EventLog, StreamName};
use mooring_proto::stored;
use uuid::Uuid;

use super::CommandOf;

/// Between two records: a day holds 864 000 of them.
const STEP_NANOS: u64 = 20_000_000;
/// How long ago the history begins.
const AGO_NANOS: u64 = 12 * 60 * 60 * 1_000_000_000;

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
    fn state<'a>(cores: &'a mut Cores<'_>) -> &'a mut Self::State;
}

impl Held for ResourceCore {
    fn state<'a>(cores: &'a mut Cores<'_>) -> &'a mut Self::State {
        &mut cores.resource
    }
}

impl Held for BindingCore {
    fn state<'a>(cores: &'a mut Cores<'_>) -> &'a mut Self::State {
        &mut cores.binding
    }
}

impl Held for HolderCore {
    fn state<'a>(cores: &'a mut Cores<'_>) -> &'a mut Self::State {
        &mut cores.holder
    }
}

pub(super) struct Cores<'a> {
    log: &'a dyn EventLog,
    resource: <ResourceCore as Decider>::State,
    binding: <BindingCore as Decider>::State,
    holder: <HolderCore as Decider>::State,
    last: [u64; 3],
    position: u64,
    events: u64,
    ids: u64,
    now: Timestamp,
}

impl<'a> Cores<'a> {
    pub(super) fn new(log: &'a dyn EventLog) -> Self {
        Self {
            log,
            resource: Default::default(),
            binding: Default::default(),
            holder: Default::default(),
            last: [0; 3],
            position: 0,
            events: 0,
            ids: 0,
            now: Timestamp(mooring_ledger::now().0.saturating_sub(AGO_NANOS)),
        }
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
        let (mut commits, mut happened) = (Vec::new(), Vec::new());
        self.now.0 += STEP_NANOS;
        for (command, index) in commands.iter().zip(0..) {
            let events = D::decide(D::state(self), command)?;
            ensure!(events.len() == 1, "a command of {} came to {events:?}", D::STREAM.name());
            let at = CommitPosition { position: Position(self.position + 1), index };
            commits.push(self.commit(D::STREAM, at, &events, asked));
            happened.extend(events);
        }
        if !commits.is_empty() {
            self.append(D::STREAM, commits).await?;
        }
        Ok(happened)
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
        ResourceCore::follow(&mut self.resource, &commit);
        BindingCore::follow(&mut self.binding, &commit);
        HolderCore::follow(&mut self.holder, &commit);
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
        let last = &mut self.last[stream as usize];
        self.events += commits.len() as u64;
        let expected = mooring_event_log::Position(*last);
        *last = self.log.append(&StreamName::new(stream.name()), expected, commits).await?.0;
        self.position = *last;
        Ok(())
    }
}
