//! A commit as the API tells it.

use mooring_domain::Commit;
use mooring_event_log::Commit as Stored;
use mooring_proto::{dataplane::v1 as api, stored::to_wire};

/// A commit, with the events that it has here, and with what only its stored form says.
pub fn told(commit: &Commit, stored: &Stored) -> api::Commit {
    api::Commit {
        position: commit.at.position.0,
        index: commit.at.index,
        stream: commit.stream.name().to_owned(),
        actor: commit.actor.0.to_string(),
        request_id: commit.request_id.map(|id| id.0.to_string()).unwrap_or_default(),
        recorded_at: commit.recorded_at.0,
        events: commit.events.iter().map(to_wire).collect(),
        observed_at: stored.observed_at.unwrap_or_default(),
        trace_parent: stored.trace_parent.to_string(),
    }
}
