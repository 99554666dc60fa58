//! Given–when–then over one core, and short words for ids, names and addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use mooring_domain::{
    Actor, Commit, CommitPosition, Decider, Event, Position, Rejection, Stream, Timestamp,
    address::Mac,
    id::Id,
    name::{Label, RegionId, Scope},
    rejection::Class,
};
use uuid::Uuid;

pub const SECOND: u64 = 1_000_000_000;
pub const HOUR: u64 = 3600 * SECOND;

/// A core's state, a log with nobody else in it, and a clock that stands still unless told.
pub struct Story<C: Decider> {
    pub state: C::State,
    pub now: Timestamp,
    pub at: CommitPosition,
}

impl<C: Decider> Default for Story<C> {
    fn default() -> Self {
        Self { state: C::State::default(), now: Timestamp(HOUR), at: CommitPosition::default() }
    }
}

impl<C: Decider> Story<C> {
    /// Decides, and stores what was decided.
    pub fn when(&mut self, command: &C::Command) -> Result<Vec<Event>, Rejection> {
        let events = C::decide(&self.state, command)?;
        if !events.is_empty() {
            self.hears(C::STREAM, events.clone());
        }
        Ok(events)
    }

    /// What has to succeed and to write something, for the story to go on.
    pub fn given(&mut self, command: &C::Command) -> Event {
        let mut events = self.when(command).expect("a given command is accepted");
        assert_eq!(events.len(), 1, "a given command writes one event");
        events.remove(0)
    }

    /// A commit of any stream.
    pub fn hears(&mut self, stream: Stream, events: Vec<Event>) {
        self.at = CommitPosition { position: Position(self.at.position.0 + 1), index: 0 };
        let commit = commit(stream, self.at, self.now, events);
        C::follow(&mut self.state, &commit);
    }

    pub fn later(&mut self, nanoseconds: u64) {
        self.now = Timestamp(self.now.0 + nanoseconds);
    }
}

pub fn commit(stream: Stream, at: CommitPosition, recorded_at: Timestamp, events: Vec<Event>) -> Commit {
    Commit { at, stream, recorded_at, actor: Actor("somebody".into()), request_id: None, events }
}

/// Asserts that nothing was written and nothing refused.
#[track_caller]
pub fn nothing(result: Result<Vec<Event>, Rejection>) {
    assert_eq!(result, Ok(Vec::new()));
}

/// Asserts a refusal: class, reason, field, and the name of what is in the way.
#[track_caller]
pub fn refused(
    result: Result<Vec<Event>, Rejection>,
    class: Class,
    reason: &str,
    field: &str,
    in_the_way: Option<String>,
) {
    let rejection = result.expect_err("should be refused");
    let found = (rejection.class, rejection.reason, rejection.field, rejection.in_the_way.clone());
    assert_eq!(found, (class, reason, field, in_the_way), "{rejection}");
    assert!(!rejection.message.is_empty());
    assert_eq!(rejection.retryable(), class == Class::InTransition);
}

/// Asserts that the field breaks a rule of its own, and that the message says so with these words.
#[track_caller]
pub fn invalid(result: Result<Vec<Event>, Rejection>, field: &str, words: &str) {
    let rejection = result.expect_err("should be refused");
    assert_eq!((rejection.class, rejection.field), (Class::Invalid, field), "{rejection}");
    assert!(rejection.message.contains(words), "{rejection}");
}

pub const fn id<K>(number: u128) -> Id<K> {
    Id::new(Uuid::from_u128(number))
}

pub fn label(text: &str) -> Label {
    text.parse().expect("a label")
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub fn net(text: &str) -> IpNet {
    text.parse().expect("a block")
}

pub fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

pub fn region(name: &str) -> RegionId {
    name.parse().expect("a region")
}

/// The scope of a project in the region `north`.
pub fn scope(project: &str) -> Scope {
    Scope { project: project.parse().expect("a project"), region: region("north") }
}

/// A full name in a project's scope.
pub fn name(project: &str, collection: &str, number: u128) -> String {
    format!("{}/{collection}/{}", scope(project), Uuid::from_u128(number))
}
