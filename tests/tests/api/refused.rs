//! What a refusal must look like (AIP-193): a code, one sentence, and an `ErrorInfo` for programs.

use std::fmt::Debug;

use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

/// A refusal, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: Code,
    pub reason: String,
    pub field: String,
    pub in_the_way: Option<String>,
    pub retryable: bool,
    pub message: String,
}

impl Refused {
    /// What most stories compare: code, reason, field.
    pub fn brief(&self) -> (Code, &str, &str) {
        (self.code, &self.reason, &self.field)
    }
}

/// Takes a refusal apart, and sees that it is whole.
#[track_caller]
pub fn refused<T: Debug>(answer: Result<Response<T>, Status>) -> Refused {
    let status = answer.map(Response::into_inner).expect_err("this must be refused");
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "mooring");
    assert!(!info.reason.is_empty() && !status.message().is_empty(), "{status:?}");
    let field = info.metadata.get("field").cloned().unwrap_or_default();
    if status.code() == Code::InvalidArgument {
        let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        assert!(!field.is_empty(), "no field: {status:?}");
        assert!(violations.iter().any(|violation| violation.field == field), "{status:?}");
        assert!(violations.iter().all(|violation| !violation.description.is_empty()), "{status:?}");
    }
    Refused {
        code: status.code(),
        reason: info.reason.clone(),
        field,
        in_the_way: info.metadata.get("in_the_way").cloned(),
        retryable: info.metadata["retryable"].parse().unwrap(),
        message: status.message().to_owned(),
    }
}

/// An INVALID_ARGUMENT about a field.
pub fn invalid(field: &str) -> (Code, &str, &str) {
    (Code::InvalidArgument, "INVALID_FIELD", field)
}

/// A NOT_FOUND of what a field names.
pub fn not_found(field: &str) -> (Code, &str, &str) {
    (Code::NotFound, "NOT_FOUND", field)
}
