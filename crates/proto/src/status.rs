//! Where a rejection becomes a gRPC status, and the only such place (AIP-193).
//!
//! `ErrorInfo.reason` is a stable word, its domain [`DOMAIN`], its metadata `field`, `in_the_way` (when somebody is)
//! and `retryable`. Inner causes never leave the process.

use std::collections::HashMap;

use mooring_domain::{Rejection, name::BadName, rejection::Class};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "mooring";

/// The status of a refused command.
pub fn from_rejection(rejection: &Rejection) -> Status {
    let code = match rejection.class {
        Class::Invalid => Code::InvalidArgument,
        Class::NotFound => Code::NotFound,
        Class::Exists => Code::AlreadyExists,
        Class::Precondition => Code::FailedPrecondition,
        Class::Exhausted => Code::ResourceExhausted,
        Class::InTransition => Code::Aborted,
    };
    let mut metadata = HashMap::from([
        ("field".to_owned(), rejection.field.to_owned()),
        ("retryable".to_owned(), rejection.retryable().to_string()),
    ]);
    if let Some(name) = &rejection.in_the_way {
        metadata.insert("in_the_way".to_owned(), name.clone());
    }
    let mut details = ErrorDetails::with_error_info(rejection.reason, DOMAIN, metadata);
    if rejection.class == Class::Invalid {
        details.add_bad_request_violation(rejection.field, &rejection.message);
    }
    let message = match rejection.field {
        "" => rejection.message.clone(),
        field => format!("{field}: {}", rejection.message),
    };
    Status::with_error_details(code, message, details)
}

/// The status of a failure that is nobody's fault who asked: `reason` is a stable word.
pub fn failure(code: Code, reason: &str, message: impl Into<String>, retryable: bool) -> Status {
    let metadata = HashMap::from([("retryable".to_owned(), retryable.to_string())]);
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, metadata))
}

/// The field does not have the shape it must.
pub fn bad_field(field: &'static str, rule: impl std::fmt::Display) -> Status {
    from_rejection(&Rejection::invalid(field, rule.to_string()))
}

/// The field is a malformed name.
pub fn bad_name(field: &'static str) -> impl Fn(BadName) -> Status {
    move |error| bad_field(field, error)
}
