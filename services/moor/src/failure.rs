//! What went wrong, for people and programs, and the exit code that says it. The one place where a gRPC status becomes
//! either.

use std::{collections::HashMap, error::Error as _, process::ExitCode};

use mooring_domain::name::BadName;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt};

const TIMED_OUT: &str = "TIMED_OUT";

/// How a run of `moor` ends; `moor --help` says what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Refused = 1,
    Usage = 2,
    NotFound = 3,
    TryAgain = 4,
    OutOfSync = 5,
    ServerFailed = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// A stable word for programs: the server's `ErrorInfo.reason`, or one of ours.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
    /// The field of the request.
    pub field: Option<String>,
    /// Who or what is in the way.
    pub in_the_way: Option<String>,
    /// Every field that is wrong, and how.
    pub violations: Vec<(String, String)>,
    /// Whether the same command may succeed later without anybody changing anything.
    pub retryable: bool,
    /// What to do.
    pub hint: Option<String>,
    /// The id under which a write may be tried again.
    pub request_id: Option<String>,
}

impl Failure {
    fn new(exit: Exit, reason: &str, message: impl Into<String>) -> Self {
        Self {
            exit,
            reason: reason.to_owned(),
            message: message.into(),
            field: None,
            in_the_way: None,
            violations: Vec::new(),
            retryable: exit == Exit::TryAgain,
            hint: None,
            request_id: None,
        }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "USAGE", message)
    }

    /// What was written for a resource is no name of one.
    pub fn bad_name(word: &str, text: &str, cause: &BadName) -> Self {
        Self::usage(format!("{text:?} names no {word}: expected {}, an id or a display name", cause.expected))
    }

    /// The server answered with something that makes no sense.
    pub fn bad_answer(message: impl Into<String>) -> Self {
        Self::new(Exit::ServerFailed, "BAD_ANSWER", message)
    }

    /// A bind that ended FAILED; `why` is a stable word, a colon and a sentence.
    pub fn bind_failed(why: &str) -> Self {
        let (reason, message) = why.split_once(':').unwrap_or(("BIND_FAILED", why));
        Self::new(Exit::Refused, reason.trim(), format!("the bind failed: {}", message.trim()))
    }

    /// A kernel is not equal to the fold.
    pub fn out_of_sync(problems: usize) -> Self {
        let message = format!(
            "{problems} {} between kernel and fold",
            if problems == 1 { "difference" } else { "differences" }
        );
        Self::new(Exit::OutOfSync, "OUT_OF_SYNC", message)
    }

    /// Our own output could not be written.
    pub fn output(cause: &std::io::Error) -> Self {
        Self::new(Exit::ServerFailed, "OUTPUT", format!("can't write the output: {cause}"))
    }

    /// No answer came within the time.
    pub fn timed_out(server: &str) -> Self {
        let mut failure = Self::new(Exit::TryAgain, TIMED_OUT, format!("no answer from {server} in time"));
        failure.hint = Some("try again, or give it longer with --timeout".to_owned());
        failure
    }

    /// What the server at this URL answered, or why it did not.
    pub fn from_status(status: &Status, server: &str) -> Self {
        if let Some(cause) = unreachable(status) {
            let mut failure = Self::new(
                Exit::TryAgain,
                "UNREACHABLE",
                format!("can't reach the server at {server}: {cause}"),
            );
            failure.hint = Some("check that it runs, and --server or MOORING_SERVER".to_owned());
            return failure;
        }
        match status.code() {
            // Tonic's own word for a timeout that passed on this side.
            Code::Cancelled => Self::timed_out(server),
            _ => Self::from_answer(status),
        }
    }

    fn from_answer(status: &Status) -> Self {
        let info = status.get_details_error_info().unwrap_or_else(|| ErrorInfo::new("", "", HashMap::new()));
        let said = |key: &str| info.metadata.get(key).filter(|value| !value.is_empty()).cloned();
        let retryable = said("retryable").is_some_and(|value| value == "true");
        let exit = exit_of(status.code(), retryable);
        let word = format!("{:?}", status.code());
        let mut failure =
            Self::new(exit, if info.reason.is_empty() { &word } else { &info.reason }, status.message());
        if failure.message.is_empty() {
            failure.message = status.code().description().to_owned();
        }
        failure.violations = violations(status);
        failure.field = said("field").or_else(|| failure.violations.first().map(|(field, _)| field.clone()));
        failure.in_the_way = said("in_the_way");
        failure.hint = hint(status.code(), exit).map(str::to_owned);
        failure
    }

    /// The same, of a write: trying it again with this id never does it twice.
    #[must_use]
    pub fn of_write(mut self, request_id: &str) -> Self {
        if self.exit == Exit::TryAgain {
            self.request_id = Some(request_id.to_owned());
        }
        if self.reason == TIMED_OUT {
            self.hint =
                Some("it may go on at the server: look there, or try again under the same id".to_owned());
        }
        self
    }

    /// For people: a sentence, and below it what is known.
    pub fn text(&self) -> String {
        let mut text = format!("moor: {}", self.message);
        let mut line = |word: &str, value: &str| text.push_str(&format!("\n  {word:<11} {value}"));
        for (field, what) in self.violations.iter().filter(|(_, what)| !self.message.ends_with(what)) {
            line("wrong:", &format!("{field}: {what}"));
        }
        if let Some(field) =
            self.field.as_deref().filter(|field| !self.message.starts_with(&format!("{field}: ")))
        {
            line("field:", field);
        }
        if let Some(who) = &self.in_the_way {
            line("in the way:", who);
        }
        if self.exit != Exit::Usage || self.field.is_some() {
            line("reason:", &self.reason);
        }
        if let Some(hint) = &self.hint {
            line("do:", hint);
        }
        if let Some(id) = &self.request_id {
            line("again with:", &format!("--request-id {id}"));
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let violations: Vec<Value> = self
            .violations
            .iter()
            .map(|(field, what)| json!({"field": field, "description": what}))
            .collect();
        json!({"error": {
            "exit_code": self.exit as u8,
            "reason": self.reason,
            "message": self.message,
            "field": self.field,
            "in_the_way": self.in_the_way,
            "violations": violations,
            "retryable": self.retryable,
            "hint": self.hint,
            "request_id": self.request_id,
        }})
    }
}

/// The exit code for a server's answer.
fn exit_of(code: Code, retryable: bool) -> Exit {
    match code {
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

fn hint(code: Code, exit: Exit) -> Option<&'static str> {
    match (code, exit) {
        (Code::DeadlineExceeded, _) => {
            Some("it goes on at the server: look again, or try again with a longer --timeout")
        }
        (Code::Unimplemented, _) => {
            Some("this server does not have it: is it of the same version, and does it run that service?")
        }
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
        Failure::from_status(&status, "http://here")
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
        assert_eq!(failure.json()["error"]["in_the_way"], failure.in_the_way.clone().unwrap());
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
            assert_eq!(exit_of(code, false) as u8, exit, "{code:?}");
        }
    }

    #[test]
    fn what_may_be_tried_again_says_so_and_gives_the_request_id_of_a_write() {
        assert_eq!(exit_of(Code::ResourceExhausted, true), Exit::TryAgain);
        let failure = refused(Code::Aborted, "true").of_write("01976e2a-0000-7000-8000-00000000000f");
        assert!(failure.retryable);
        assert!(failure.text().ends_with("again with: --request-id 01976e2a-0000-7000-8000-00000000000f"));
        assert_eq!(refused(Code::AlreadyExists, "false").of_write("id").request_id, None);
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
        let failure = Failure::from_status(&status, "http://here");
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(failure.field.as_deref(), Some("subnet.cidr"));
        assert!(failure.text().contains("wrong:      subnet.vpc: empty"), "{}", failure.text());
        assert!(
            !failure.text().contains("wrong:      subnet.cidr"),
            "the message says that one: {}",
            failure.text()
        );
    }

    #[test]
    fn a_status_without_details_still_says_something() {
        let failure = Failure::from_status(&Status::new(Code::Internal, ""), "http://here");
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
