//! One batch: each waiting command decided against the state as it would be after those before it.

use std::collections::HashMap;

use bytes::Bytes;
use mooring_domain::{Actor, Commit, CommitPosition, Decider, Event, Position, Rejection};
use mooring_event_log::contract;
use mooring_proto::stored;
use uuid::Uuid;

use crate::{
    folded::Folded,
    now,
    requests::Known,
    submission::{Refused, Submission},
};

/// No further command goes into a batch beyond this: half of what a record may hold.
const BATCH_BYTES: usize = contract::MAX_RECORD_BYTES / 2;
/// What one command may decide. The last of a batch and all before it then fit into a record.
const COMMAND_BYTES: usize = contract::MAX_RECORD_BYTES / 4;
/// What a commit takes beside its events and its actor: ids, hash, times, lengths.
const COMMIT_OVERHEAD: usize = 128;

/// So many changes of one thing wait for their turn at most, each a record of its own: with more, whoever changes it last
/// would wait for longer than callers do.
const WAITING_CHANGES: usize = 64;

/// What a batch came to before it is stored.
pub(crate) struct Batch<D: Decider> {
    pub(crate) commits: Vec<mooring_event_log::Commit>,
    /// What the commits make of the state, as soon as they are stored where they were decided to be.
    pub(crate) ahead: Folded<D::State>,
    /// Each with what it decided.
    pub(crate) waiting: Vec<(Submission<D::Command>, Decision)>,
    /// For the next batch: the same request id twice, or no room in this one.
    pub(crate) later: Vec<Submission<D::Command>>,
    /// For the next batch, too: changes of what this one changes already. Others go before them.
    pub(crate) aside: Vec<Submission<D::Command>>,
    /// Too many of those.
    pub(crate) crowded: Vec<Submission<D::Command>>,
}

impl<D: Decider> Batch<D> {
    /// Whether all of it is to be stored: landing where its stream ends then proves that it was decided on all of its
    /// stream (L2). An answer that stores nothing has no such proof.
    pub(crate) fn proves_itself(&self) -> bool {
        self.waiting.iter().all(|(_, decision)| matches!(decision, Decision::Commit(..)))
    }
}

/// What a batch was made of, in the same order.
pub(crate) fn undecided<C>(
    waiting: Vec<(Submission<C>, Decision)>,
    later: Vec<Submission<C>>,
    aside: Vec<Submission<C>>,
) -> Vec<Submission<C>> {
    waiting.into_iter().map(|(submission, _)| submission).chain(later).chain(aside).collect()
}

/// What became of one command.
pub(crate) enum Decision {
    /// Commit `n` of the record.
    Commit(u32, Vec<Event>),
    /// Nothing to write.
    Nothing,
    /// What would be written, if it were meant.
    Validated(Vec<Event>),
    /// A retry of a request that is stored.
    Stored(CommitPosition),
    Refused(Refused),
}

/// Each command against the state as it would be after those before it.
pub(crate) fn decide<D: Decider>(
    folded: &Folded<D::State>,
    submissions: Vec<Submission<D::Command>>,
) -> Batch<D> {
    let position = Position(folded.position.0 + 1);
    let recorded_at = now().max(folded.recorded_at);
    let mut batch = Batch::<D> {
        commits: Vec::new(),
        ahead: folded.clone(),
        waiting: Vec::new(),
        later: Vec::new(),
        aside: Vec::new(),
        crowded: Vec::new(),
    };
    let mut bytes = 0;
    // What is changed → how many more changes of it wait.
    let mut changed: HashMap<Uuid, usize> = HashMap::new();
    for submission in submissions {
        let known = submission.caller.request.and_then(|asked| batch.ahead.requests.find(&asked));
        let full = bytes > BATCH_BYTES || batch.commits.len() == contract::MAX_COMMITS;
        let subject = submission.command.as_ref().and_then(D::changes);
        // Before anything else: all changes of one thing wait in one row, in their order.
        if let Some(more) = subject.and_then(|subject| changed.get_mut(&subject)) {
            let crowded = *more == WAITING_CHANGES;
            *more += usize::from(!crowded);
            let row = if crowded { &mut batch.crowded } else { &mut batch.aside };
            row.push(submission);
            continue;
        }
        if full || known.is_some_and(|known| known.at().position == position) {
            batch.later.push(submission);
            continue;
        }
        let decided = submission.command.as_ref().map(|command| D::decide(&batch.ahead.state, command));
        let decision = match (known, decided.unwrap_or(Ok(Vec::new()))) {
            (Some(known), _) => replay(known),
            (None, Err(rejection)) => Decision::Refused(rejection.into()),
            (None, Ok(events)) if events.is_empty() => Decision::Nothing,
            (None, Ok(events)) => {
                let index = u32::try_from(batch.commits.len()).unwrap_or(u32::MAX);
                let commit = Commit {
                    at: CommitPosition { position, index },
                    stream: D::STREAM,
                    recorded_at,
                    actor: Actor(submission.caller.actor.clone()),
                    request_id: submission.caller.request.map(|asked| asked.id),
                    events,
                };
                let stored = to_stored(&commit, &submission);
                let size = size(&stored);
                if size > COMMAND_BYTES {
                    Decision::Refused(too_large(size).into())
                } else if submission.caller.validate_only {
                    Decision::Validated(commit.events)
                } else {
                    bytes += size;
                    batch.ahead.commit::<D>(&commit, &stored.request_hash);
                    batch.commits.push(stored);
                    changed.extend(subject.map(|subject| (subject, 0)));
                    Decision::Commit(index, commit.events)
                }
            }
        };
        batch.waiting.push((submission, decision));
    }
    batch
}

fn size(commit: &mooring_event_log::Commit) -> usize {
    commit.events.iter().map(Bytes::len).sum::<usize>() + commit.actor.len() + COMMIT_OVERHEAD
}

fn too_large(size: usize) -> Rejection {
    Rejection::invalid(
        "request",
        format!("it would store {size} bytes, {COMMAND_BYTES} at most; split it into smaller ones"),
    )
}

fn replay(known: Known) -> Decision {
    match known {
        Known::Same(at) => Decision::Stored(at),
        Known::Other(at) => Decision::Refused(
            Rejection::invalid(
                "request_id",
                format!("the same id came with other content before, stored at {at}; use a new one"),
            )
            .into(),
        ),
    }
}

fn to_stored<C>(commit: &Commit, submission: &Submission<C>) -> mooring_event_log::Commit {
    let request = submission.caller.request;
    mooring_event_log::Commit {
        id: Uuid::now_v7(),
        request_id: request.map(|asked| asked.id.0),
        request_hash: request.map(|asked| asked.stored()).unwrap_or_default(),
        actor: commit.actor.0.clone(),
        recorded_at: commit.recorded_at.0,
        observed_at: commit.events.iter().find_map(observed_at),
        trace_parent: submission.caller.trace_parent.clone(),
        events: commit.events.iter().map(stored::encode).collect(),
    }
}

/// When what the event tells of was seen, where that is not when it was recorded.
fn observed_at(event: &Event) -> Option<u64> {
    match event {
        Event::HolderChanged(changed) => Some(changed.claim.observed_at.0),
        Event::ClaimRejected(rejected) => Some(rejected.claim.observed_at.0),
        Event::HolderContested(contested) => Some(contested.claim.observed_at.0),
        Event::HolderSilent(facts) | Event::HolderHeard(facts) => Some(facts.heard_at.0),
        Event::FailoverMeasured(measured) => Some(measured.times.claim.observed_at.0),
        Event::GatewayDriftFound(drift) => Some(drift.found_at.0),
        _ => None,
    }
}
