//! What a gRPC status means: the one place where it becomes a message and an exit code.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error as _,
};

use mooring_domain::Rejection;
use mooring_proto::status::from_rejection;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt};

use super::{Details, Exit, Failure};
use crate::servers::Server;

/// The reason of a bind or unbind that the server goes on with in the background.
const STILL_UNDER_WAY: &str = "STILL_UNDER_WAY";

/// The reason of a write that was asked for on an older state of the thing.
const STALE_REVISION: &str = "STALE_REVISION";

impl Failure {
    /// What this server answered, or why it did not.
    pub fn from_status(status: &Status, server: &Server) -> Self {
        if let Some(cause) = unreachable(status) {
            let message = format!("can't reach {}: {cause}", server.name());
            let mut failure = Self::new(Exit::TryAgain, "UNREACHABLE", message);
            failure.details.hint = Some(format!("check that it runs, and {}", server.flags()));
            return failure;
        }
        match status.code() {
            // Tonic's own word for a timeout that passed on this side.
            Code::Cancelled => Self::timed_out(server),
            _ => Self::from_answer(status),
        }
    }

    /// The same that a server would have answered.
    pub fn of_rejection(rejection: &Rejection) -> Self {
        Self::from_answer(&from_rejection(rejection))
    }

    fn from_answer(status: &Status) -> Self {
        let info = status.get_details_error_info().unwrap_or_else(|| ErrorInfo::new("", "", HashMap::new()));
        let said = |key: &str| info.metadata.get(key).filter(|value| !value.is_empty()).cloned();
        let retryable = said("retryable").is_some_and(|value| value == "true");
        let exit = exit_of(status.code(), retryable, &info.reason);
        let code = format!("{:?}", status.code());
        let reason = if info.reason.is_empty() { &code } else { &info.reason };
        let message =
            if status.message().is_empty() { status.code().description() } else { status.message() };
        let violations = violations(status);
        let details = Details {
            field: said("field").or_else(|| violations.first().map(|(field, _)| field.clone())),
            argument: None,
            in_the_way: said("in_the_way"),
            violations,
            retryable: exit == Exit::TryAgain,
            hint: hint(status.code(), reason, exit).map(str::to_owned),
            request_id: None,
            more: more(&info),
        };
        Self { details: Box::new(details), ..Self::new(exit, reason, message) }
    }
}

/// What the server says besides, by key.
fn more(info: &ErrorInfo) -> BTreeMap<String, String> {
    let known = |key: &str| matches!(key, "field" | "in_the_way" | "retryable");
    let more = info.metadata.iter().filter(|(key, _)| !known(key));
    more.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The exit code for a server's answer.
fn exit_of(code: Code, retryable: bool, reason: &str) -> Exit {
    match code {
        Code::Aborted if reason == STALE_REVISION => Exit::Refused,
        Code::Ok => Exit::Done,
        Code::InvalidArgument | Code::OutOfRange => Exit::Usage,
        Code::NotFound => Exit::NotFound,
        Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::Cancelled => Exit::TryAgain,
        _ if retryable => Exit::TryAgain,
        Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::ResourceExhausted => Exit::Refused,
        Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => Exit::ServerFailed,
    }
}

fn hint(code: Code, reason: &str, exit: Exit) -> Option<&'static str> {
    match (code, exit) {
        // The server waits for so long and no longer, whatever --timeout says.
        (Code::DeadlineExceeded, _) if reason == STILL_UNDER_WAY => {
            Some("it goes on; `moor binding get` and `moor status` show how far it is")
        }
        (Code::DeadlineExceeded, _) => {
            Some("it goes on at the server: look again, or try again with a longer --timeout")
        }
        (Code::Unimplemented, _) => {
            Some("this server does not have it: is it of the same version, and does it run that service?")
        }
        _ if reason == STALE_REVISION => Some("look at it again, and decide on what it is now"),
        (_, Exit::TryAgain) => Some("try again in a moment"),
        (_, Exit::ServerFailed) => Some("the server's own log says more"),
        _ => None,
    }
}

fn violations(status: &Status) -> Vec<(String, String)> {
    let found = status.get_details_bad_request().map(|bad| bad.field_violations);
    found.into_iter().flatten().map(|violation| (violation.field, violation.description)).collect()
}

/// Why no answer came, when the connection is at fault; the innermost cause is the one that tells.
fn unreachable(status: &Status) -> Option<String> {
    let transport = status.source().filter(|source| source.is::<tonic::transport::Error>())?;
    if !matches!(status.code(), Code::Unavailable | Code::Unknown) {
        return None;
    }
    let mut cause: &dyn std::error::Error = transport;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause.to_string())
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    fn here() -> Server {
        Server::of_all("http://here")
    }

    fn refused(code: Code, retryable: &str) -> Failure {
        let metadata = [
            ("field", "eip"),
            ("in_the_way", "projects/shop/regions/r1/bindings/01976e2a-0000-7000-8000-000000000001"),
            ("retryable", retryable),
        ];
        let metadata: HashMap<String, String> =
            metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let details = ErrorDetails::with_error_info("EIP_TAKEN", "mooring", metadata);
        let status =
            Status::with_error_details(code, "EIP 203.0.113.7 is bound already: unbind it first", details);
        Failure::from_status(&status, &here())
    }

    #[test]
    fn a_refusal_says_the_rule_the_field_and_who_is_in_the_way() {
        let failure = refused(Code::FailedPrecondition, "false");
        assert_eq!(failure.exit, Exit::Refused);
        assert_eq!(
            failure.text(),
            "moor: EIP 203.0.113.7 is bound already: unbind it first
  field:      eip
  in the way: projects/shop/regions/r1/bindings/01976e2a-0000-7000-8000-000000000001
  reason:     EIP_TAKEN"
        );
        assert_eq!(failure.json()["error"]["in_the_way"], failure.details.in_the_way.clone().unwrap());
        assert_eq!(failure.json()["error"]["exit_code"], 1);
    }

    #[test]
    fn every_code_has_its_exit_code() {
        let expected = [
            (Code::Ok, 0),
            (Code::Cancelled, 4),
            (Code::Unknown, 6),
            (Code::InvalidArgument, 2),
            (Code::DeadlineExceeded, 4),
            (Code::NotFound, 3),
            (Code::AlreadyExists, 1),
            (Code::PermissionDenied, 1),
            (Code::ResourceExhausted, 1),
            (Code::FailedPrecondition, 1),
            (Code::Aborted, 4),
            (Code::OutOfRange, 2),
            (Code::Unimplemented, 6),
            (Code::Internal, 6),
            (Code::Unavailable, 4),
            (Code::DataLoss, 6),
            (Code::Unauthenticated, 1),
        ];
        for (code, exit) in expected {
            assert_eq!(exit_of(code, false, "") as u8, exit, "{code:?}");
        }
    }

    #[test]
    fn what_may_be_tried_again_says_so_and_gives_the_request_id_of_a_write() {
        assert_eq!(exit_of(Code::ResourceExhausted, true, ""), Exit::TryAgain);
        assert_eq!(exit_of(Code::Aborted, false, STALE_REVISION), Exit::Refused);
        let failure = refused(Code::Aborted, "true").of_write("01976e2a-0000-7000-8000-00000000000f");
        assert!(failure.details.retryable);
        assert!(failure.text().ends_with("again with: --request-id 01976e2a-0000-7000-8000-00000000000f"));
        assert_eq!(refused(Code::AlreadyExists, "false").of_write("id").details.request_id, None);
    }

    #[test]
    fn a_longer_timeout_is_advised_only_where_it_helps() {
        let late = |reason: &str| {
            let details = ErrorDetails::with_error_info(reason, "mooring", HashMap::new());
            let status = Status::with_error_details(Code::DeadlineExceeded, "not yet", details);
            Failure::from_status(&status, &here()).details.hint.unwrap()
        };
        let under_way = late("STILL_UNDER_WAY");
        assert_eq!(under_way, "it goes on; `moor binding get` and `moor status` show how far it is");
        assert!(late("LATE").contains("--timeout"));
    }

    #[test]
    fn an_argument_is_named_as_it_was_written() {
        let mut failure = refused(Code::NotFound, "false");
        failure.message = "eip: EIP projects/shop/regions/r1/eips/zzz does not exist".to_owned();
        failure.details.violations = vec![("eip".to_owned(), "it does not exist".to_owned())];
        let said = failure.clone().of_argument("eip", "EIP");
        assert_eq!(said.message, "EIP: EIP projects/shop/regions/r1/eips/zzz does not exist");
        assert!(!said.text().contains("field:"), "{}", said.text());
        let json = &said.json()["error"];
        assert_eq!(
            (&json["argument"], &json["field"]),
            (&"EIP".into(), &"eip".into()),
            "programs know the API"
        );
        assert_eq!(json["violations"][0]["field"], "eip");
        let elsewhere = Failure { message: "no such thing".to_owned(), ..said };
        assert!(elsewhere.text().contains("wrong:      EIP: it does not exist"), "{}", elsewhere.text());
        assert_eq!(failure.clone().of_argument("name", "EIP"), failure, "another field stays what it is");
    }

    #[test]
    fn a_field_that_the_message_names_is_not_said_twice() {
        let mut failure = refused(Code::FailedPrecondition, "false");
        failure.message = format!("eip: {}", failure.message);
        assert!(!failure.text().contains("field:"), "{}", failure.text());
    }

    #[test]
    fn wrong_fields_are_all_named() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("subnet.cidr", "10.0.1.7/24 has host bits");
        details.add_bad_request_violation("subnet.vpc", "empty");
        let status = Status::with_error_details(Code::InvalidArgument, "10.0.1.7/24 has host bits", details);
        let failure = Failure::from_status(&status, &here());
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(failure.details.field.as_deref(), Some("subnet.cidr"));
        assert!(failure.text().contains("wrong:      subnet.vpc: empty"), "{}", failure.text());
        assert!(
            !failure.text().contains("wrong:      subnet.cidr"),
            "the message says that one: {}",
            failure.text()
        );
    }

    #[test]
    fn a_status_without_details_still_says_something() {
        let failure = Failure::from_status(&Status::new(Code::Internal, ""), &here());
        assert_eq!((failure.exit, &*failure.reason), (Exit::ServerFailed, "Internal"));
        assert!(!failure.message.is_empty());
    }

    #[test]
    fn a_failed_bind_is_a_refusal_with_its_reason() {
        let failure = Failure::bind_failed("REGION_MISMATCH: the EIP is of another region");
        assert_eq!((failure.exit, &*failure.reason), (Exit::Refused, "REGION_MISMATCH"));
        assert_eq!(failure.message, "the bind failed: the EIP is of another region");
    }
}
