//! What the gRPC library refuses before a service sees it, in the words of the API: a message that is none, a method that nobody
//! has. Its own answers have no reason, and tell what the decoder said.

use std::collections::HashMap;

use axum::{extract::Request, middleware::Next, response::Response};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::unavailable::DOMAIN;

/// What the library says of bytes that are no message of the method, and of a call without any.
const UNREADABLE: [&str; 2] = ["failed to decode Protobuf message", "Missing request message"];

/// Answers, and says more of what was refused without a reason.
pub(crate) async fn explained(request: Request, next: Next) -> Response {
    let path = request.uri().clone();
    let response = next.run(request).await;
    match Status::from_header_map(response.headers()).and_then(|status| explanation(&status, path.path())) {
        Some(status) => status.into_http(),
        None => response,
    }
}

fn explanation(status: &Status, path: &str) -> Option<Status> {
    let unread = || UNREADABLE.iter().any(|beginning| status.message().starts_with(beginning));
    match status.code() {
        _ if !status.details().is_empty() => None,
        Code::Unimplemented if status.message().is_empty() => Some(unknown_method(path)),
        Code::Internal if unread() => Some(unreadable()),
        _ => None,
    }
}

fn unknown_method(path: &str) -> Status {
    let metadata = HashMap::from([("retryable".to_owned(), "false".to_owned())]);
    let details = ErrorDetails::with_error_info("UNKNOWN_METHOD", DOMAIN, metadata);
    Status::with_error_details(Code::Unimplemented, format!("there is no method {path}"), details)
}

fn unreadable() -> Status {
    const FIELD: &str = "request";
    const RULE: &str = "is not a message of this method, or no message at all";
    let metadata =
        HashMap::from([("retryable".to_owned(), "false".to_owned()), ("field".to_owned(), FIELD.to_owned())]);
    let mut details = ErrorDetails::with_error_info("INVALID_FIELD", DOMAIN, metadata);
    details.add_bad_request_violation(FIELD, RULE);
    Status::with_error_details(Code::InvalidArgument, format!("{FIELD}: {RULE}"), details)
}
