//! Where a rejection becomes a gRPC status, and the only such place (AIP-193).
//!
//! `ErrorInfo.reason` is a stable word, its domain [`DOMAIN`], its metadata `field`, `in_the_way` (when somebody is)
//! and `retryable`, besides what [`Rejection::details`] has. Inner causes never leave the process.

use std::{collections::HashMap, time::Duration};

use mooring_domain::{Rejection, name::BadName, rejection::Class};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "mooring";

/// The longest message, in bytes as it is sent. It is sent twice, and its details beside it: clients take 8 KiB of it all.
const LONGEST: usize = 1300;

/// When to ask again where something is under way on the same thing.
const MOMENT: Duration = Duration::from_millis(100);
/// When to ask again where a server can't answer.
const PAUSE: Duration = Duration::from_secs(1);

/// The status of a refused command.
pub fn from_rejection(rejection: &Rejection) -> Status {
    let code = match rejection.class {
        Class::Invalid => Code::InvalidArgument,
        Class::NotFound => Code::NotFound,
        Class::Exists => Code::AlreadyExists,
        Class::Precondition => Code::FailedPrecondition,
        Class::Exhausted => Code::ResourceExhausted,
        Class::InTransition | Class::Stale => Code::Aborted,
    };
    let mut metadata = HashMap::from([
        ("field".to_owned(), rejection.field.to_owned()),
        ("retryable".to_owned(), rejection.retryable().to_string()),
    ]);
    if let Some(name) = &rejection.in_the_way {
        metadata.insert("in_the_way".to_owned(), name.clone());
    }
    metadata.extend(rejection.details.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    let mut details = ErrorDetails::with_error_info(rejection.reason, DOMAIN, metadata);
    if rejection.retryable() {
        details.set_retry_info(Some(MOMENT));
    }
    let told = bounded(&rejection.message);
    if rejection.class == Class::Invalid {
        details.add_bad_request_violation(rejection.field, told.as_str());
    }
    let message = match rejection.field {
        "" => told,
        field => format!("{field}: {told}"),
    };
    Status::with_error_details(code, message, details)
}

/// The status of fields that break rules, each with its rule; `ErrorInfo` has the first.
pub(crate) fn wrong_fields(fields: &[(String, String)]) -> Status {
    let first = fields.first().map(|(field, _)| field.clone()).unwrap_or_default();
    let metadata = HashMap::from([("field".to_owned(), first), ("retryable".to_owned(), "false".to_owned())]);
    let mut details = ErrorDetails::with_error_info("INVALID_FIELD", DOMAIN, metadata);
    let all: usize = fields.iter().map(|(_, rule)| rule.chars().map(sent_as).sum::<usize>()).sum();
    let most = if all > 2 * LONGEST { LONGEST / fields.len() } else { LONGEST };
    for (field, rule) in fields {
        details.add_bad_request_violation(field, bounded_to(rule, most));
    }
    let message =
        fields.iter().map(|(field, rule)| format!("{field}: {rule}")).collect::<Vec<_>>().join("; ");
    Status::with_error_details(Code::InvalidArgument, bounded(&message), details)
}

/// What a message quotes can be as long as a request, and clients take no headers of that length.
fn bounded(message: &str) -> String {
    bounded_to(message, LONGEST)
}

fn bounded_to(message: &str, most: usize) -> String {
    let mut size = 0;
    let end = message.char_indices().find(|(_, c)| {
        size += sent_as(*c);
        size > most
    });
    match end {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

/// The bytes that a character takes in a header: what may be no ASCII letter or digit is sent as `%xx` for each of its bytes.
fn sent_as(c: char) -> usize {
    if c.is_ascii_alphanumeric() { 1 } else { 3 * c.len_utf8() }
}

/// What another service said of its field `from`, about `field` of the request that it was asked for.
pub fn of_field(status: &Status, from: &str, field: &str) -> Status {
    let Some(info) = status
        .get_details_error_info()
        .filter(|info| info.metadata.get("field").is_some_and(|said| said == from))
    else {
        return status.clone();
    };
    let mut metadata = info.metadata;
    metadata.insert("field".to_owned(), field.to_owned());
    let details = ErrorDetails::with_error_info(info.reason, info.domain, metadata);
    let message = match status.message().strip_prefix(from).and_then(|rest| rest.strip_prefix(": ")) {
        Some(what) => format!("{field}: {what}"),
        None => status.message().to_owned(),
    };
    Status::with_error_details(status.code(), message, details)
}

/// The status of a failure that is nobody's fault who asked: `reason` is a stable word.
pub fn failure(code: Code, reason: &str, message: impl Into<String>, retryable: bool) -> Status {
    let metadata = HashMap::from([("retryable".to_owned(), retryable.to_string())]);
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    if retryable {
        details.set_retry_info(Some(PAUSE));
    }
    Status::with_error_details(code, bounded(&message.into()), details)
}

/// The status of what a field of the request asked for, and came to nothing later.
pub fn came_to_nothing(reason: &str, field: &'static str, message: &str) -> Status {
    let metadata =
        [("field", field), ("retryable", "false")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::from(metadata));
    Status::with_error_details(Code::FailedPrecondition, format!("{field}: {}", bounded(message)), details)
}

/// The field does not have the shape it must.
pub fn bad_field(field: &'static str, rule: impl std::fmt::Display) -> Status {
    from_rejection(&Rejection::invalid(field, rule.to_string()))
}

/// The field is a malformed name.
pub fn bad_name(field: &'static str) -> impl Fn(BadName) -> Status {
    move |error| bad_field(field, error)
}

/// Why a command was not served, although nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// The log's disk has no room. Reads and kernels go on.
    #[error("the event log has no room; nothing was written")]
    Full,
    /// The log lost its end or is damaged: writes stop, kernels stay as they are (L8).
    #[error("the event log is damaged; writes have stopped, reads and kernels go on")]
    Damaged,
    /// It may or may not have been stored: retry with the same request id.
    #[error("the outcome is not known; try again with the same request_id")]
    Unknown,
    /// The log does not answer, or too many writers race; a retry can help.
    #[error("the event log does not answer; nothing was written")]
    Unavailable,
    /// What the caller has seen already has not come here in time; a retry can help.
    #[error("this server has not read the event log so far yet")]
    Behind,
    /// Too many changes of the same thing wait already; a retry can help.
    #[error("too many changes of the same thing are waiting; nothing was written")]
    Crowded,
    /// The project watches as much as it may at once; a retry can help once one of its watches has ended.
    #[error("the project has as many watches at once as it may; end one of them")]
    Watching,
    /// The process is stopping.
    #[error("the server is stopping; nothing was written")]
    Closed,
}

/// The status of a command that was not served.
pub fn from_unserved(unserved: Unserved) -> Status {
    let (code, reason) = match unserved {
        Unserved::Full => (Code::ResourceExhausted, "LOG_FULL"),
        Unserved::Damaged => (Code::DataLoss, "LOG_DAMAGED"),
        Unserved::Unknown => (Code::Unavailable, "OUTCOME_UNKNOWN"),
        Unserved::Unavailable => (Code::Unavailable, "LOG_UNAVAILABLE"),
        Unserved::Behind => (Code::Unavailable, "BEHIND"),
        Unserved::Crowded => (Code::ResourceExhausted, "TOO_MANY_CHANGES"),
        Unserved::Watching => (Code::ResourceExhausted, "TOO_MANY_WATCHES"),
        Unserved::Closed => (Code::Unavailable, "STOPPING"),
    };
    let retryable = !matches!(unserved, Unserved::Full | Unserved::Damaged);
    failure(code, reason, unserved.to_string(), retryable)
}
