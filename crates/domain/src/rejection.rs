//! Why a command is refused: the field, the rule, who is in the way, and whether a retry can help.

use std::fmt;

use crate::Position;

/// The class of a rejection; each maps to one gRPC code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request itself is wrong, whatever the state: INVALID_ARGUMENT.
    Invalid,
    /// What it names does not exist: NOT_FOUND.
    NotFound,
    /// What it would create exists: ALREADY_EXISTS.
    Exists,
    /// The state forbids it: FAILED_PRECONDITION.
    Precondition,
    /// There is no room: RESOURCE_EXHAUSTED.
    Exhausted,
    /// Something else is under way on the same thing, a retry can help: ABORTED.
    InTransition,
    /// It was asked for on an older state of the thing: ABORTED, after reading it again.
    Stale,
}

/// A refused command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// Its class.
    pub class: Class,
    /// A stable word for programs, such as `EIP_TAKEN`.
    pub reason: &'static str,
    /// The field of the request, such as `havip.address`.
    pub field: &'static str,
    /// One sentence for people: the rule and what to do.
    pub message: String,
    /// The name of who or what is in the way.
    pub in_the_way: Option<String>,
    /// What else programs can branch on, by key, such as `current_revision`.
    pub details: Vec<(&'static str, String)>,
}

impl Rejection {
    fn new(class: Class, reason: &'static str, field: &'static str, message: impl Into<String>) -> Self {
        Self { class, reason, field, message: message.into(), in_the_way: None, details: Vec::new() }
    }

    /// The field breaks a rule that holds in every state.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Invalid, "INVALID_FIELD", field, message)
    }

    /// The field names something that is not there.
    pub fn not_found(field: &'static str, name: impl fmt::Display) -> Self {
        Self::new(Class::NotFound, "NOT_FOUND", field, format!("{name} does not exist"))
    }

    /// The field says a record that the log does not have.
    pub fn outside_the_log(field: &'static str, asked: Position, end: Position) -> Self {
        let message = format!("there is no record {asked}: the log ends at {end}");
        Self::new(Class::NotFound, "OUTSIDE_THE_LOG", field, message)
    }

    /// The field's value is taken by something that exists.
    pub fn exists(reason: &'static str, field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Exists, reason, field, message)
    }

    /// The state forbids it.
    pub fn precondition(reason: &'static str, field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Precondition, reason, field, message)
    }

    /// There is no room for it.
    pub fn exhausted(reason: &'static str, field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Exhausted, reason, field, message)
    }

    /// Something else is under way; a retry can help.
    pub fn in_transition(reason: &'static str, field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::InTransition, reason, field, message)
    }

    /// What it is asked of has changed since the caller looked at it.
    pub fn stale(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Stale, "STALE_REVISION", field, message)
    }

    /// Adds a detail for programs.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.details.push((key, value.to_string()));
        self
    }

    /// Says who or what is in the way.
    #[must_use]
    pub fn because_of(mut self, name: impl fmt::Display) -> Self {
        self.in_the_way = Some(name.to_string());
        self
    }

    /// Whether the same request can succeed later without anybody changing it.
    pub fn retryable(&self) -> bool {
        self.class == Class::InTransition
    }
}
