//! What went wrong, for people and programs, and the exit code that says it. What a gRPC status
//! means is below, in `status`.

use std::{collections::BTreeMap, process::ExitCode};

use mooring_domain::name::BadName;
use serde_json::{Value, json};

use crate::{resolve::Argument, servers::Server, wire};

mod backup;
mod log;
mod nats;
mod status;

const USAGE: &str = "USAGE";
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
    /// What else is known.
    pub details: Box<Details>,
}

/// What may be known of a failure besides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The field of the request.
    pub field: Option<String>,
    /// Its place on the command line, as `--help` calls it; or that of what never came into a request.
    pub argument: Option<String>,
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
    /// What else the server says, by key.
    pub more: BTreeMap<String, String>,
}

impl Failure {
    fn new(exit: Exit, reason: &str, message: impl Into<String>) -> Self {
        Self {
            exit,
            reason: reason.to_owned(),
            message: message.into(),
            details: Box::new(Details { retryable: exit == Exit::TryAgain, ..Details::default() }),
        }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, USAGE, message)
    }

    /// What was written for a resource is no name of one.
    pub fn bad_name(argument: Argument<'_>, word: &str, cause: &BadName) -> Self {
        let (text, expected) = (argument.text, &cause.expected);
        Self::argument(
            argument,
            &format!("{text:?} names no {word}: expected {expected}, an id or a display name"),
        )
    }

    /// An argument is wrong.
    pub fn argument(argument: Argument<'_>, what: &str) -> Self {
        let mut failure = Self::usage(format!("{}: {what}", argument.place));
        failure.details.argument = Some(argument.place.to_owned());
        failure
    }

    /// The same, where `field` of the request is what was written for `argument`: people know what they wrote, and not
    /// which field of which request it became.
    #[must_use]
    pub fn of_argument(mut self, field: &str, argument: &str) -> Self {
        let Details { field: of_request, argument: written, .. } = &*self.details;
        if of_request.as_deref() != Some(field) && written.as_deref() != Some(field) {
            return self;
        }
        self.details.argument = Some(argument.to_owned());
        if let Some(what) = self.message.strip_prefix(field).and_then(|rest| rest.strip_prefix(": ")) {
            self.message = format!("{argument}: {what}");
        }
        self
    }

    /// The same of what may be asked of a log as of a server: a log has no request, and the answer is the same.
    #[must_use]
    pub fn of_argument_alone(self, field: &str, argument: &str) -> Self {
        let mut failure = self.of_argument(field, argument);
        if failure.details.field.as_deref() == Some(field) {
            failure.details.field = None;
        }
        failure
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
        let word = if problems == 1 { "difference" } else { "differences" };
        let message = format!("{problems} {word} between kernel and fold");
        Self::new(Exit::OutOfSync, "OUT_OF_SYNC", message)
    }

    /// The server answers, but what it needs is not there yet, or no more.
    pub fn not_ready(server: &Server) -> Self {
        let message = format!("{} is not ready", server.name());
        let mut failure = Self::new(Exit::TryAgain, "NOT_READY", message);
        failure.details.hint = Some("GET /ready at the same address says what it waits for".to_owned());
        failure
    }

    /// Our own output could not be written.
    pub fn output(cause: &std::io::Error) -> Self {
        Self::new(Exit::ServerFailed, "OUTPUT", format!("can't write the output: {cause}"))
    }

    /// No answer came within the time.
    pub fn timed_out(server: &Server) -> Self {
        let message = format!("no answer from {} in time", server.name());
        let mut failure = Self::new(Exit::TryAgain, TIMED_OUT, message);
        failure.details.hint = Some("try again, or give it longer with --timeout".to_owned());
        failure
    }

    /// The same, of a write: trying it again with this id never does it twice.
    #[must_use]
    pub fn of_write(mut self, request_id: &str) -> Self {
        if self.exit == Exit::TryAgain {
            self.details.request_id = Some(request_id.to_owned());
        }
        if self.reason == TIMED_OUT {
            self.details.hint =
                Some("it may go on at the server: look there, or try again under the same id".to_owned());
        }
        self
    }

    /// For people: a sentence, and below it what is known and not in the sentence.
    pub fn text(&self) -> String {
        let Details { field, argument, in_the_way, violations, hint, request_id, more, .. } = &*self.details;
        let written = |said: &String| match argument {
            Some(argument) if field.as_ref() == Some(said) => argument.clone(),
            _ => said.clone(),
        };
        let mut text = format!("moor: {}", self.message);
        let mut line = |word: &str, value: &str| text.push_str(&format!("\n  {word:<11} {value}"));
        for (field, what) in violations.iter().filter(|(_, what)| !self.message.contains(what)) {
            line("wrong:", &format!("{}: {what}", written(field)));
        }
        let place = argument.as_ref().or(field.as_ref());
        if let Some(place) = place.filter(|place| !self.message.starts_with(&format!("{place}: "))) {
            line("field:", place);
        }
        if let Some(who) = in_the_way {
            line("in the way:", who);
        }
        for (key, value) in more {
            // A time is in nanoseconds for programs.
            let time = key.ends_with("_at").then(|| value.parse().ok().map(wire::time_ms)).flatten();
            line(&format!("{}:", key.replace('_', " ")), time.as_ref().unwrap_or(value));
        }
        if self.reason != USAGE {
            line("reason:", &self.reason);
        }
        if let Some(hint) = hint {
            line("do:", hint);
        }
        if let Some(id) = request_id {
            line("again with:", &format!("--request-id {id}"));
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let details = &self.details;
        let violations = details.violations.iter();
        let violations: Value =
            violations.map(|(field, what)| json!({"field": field, "description": what})).collect();
        json!({"error": {
            "exit_code": self.exit as u8,
            "reason": self.reason,
            "message": self.message,
            "field": details.field,
            "argument": details.argument,
            "in_the_way": details.in_the_way,
            "violations": violations,
            "retryable": details.retryable,
            "hint": details.hint,
            "request_id": details.request_id,
            "metadata": details.more,
        }})
    }
}
