//! What is wrong with a log that `moor` reads itself where it lies, or with what was asked of it.

use mooring_domain::CommitPosition;
use mooring_event_log::{Damage, LogError};
use mooring_ledger::Undecodable;
use mooring_past::NoAnswer;

use super::{Exit, Failure};
use crate::resolve::Argument;

impl Failure {
    /// There is no such log; `argument` says which.
    pub fn no_log(argument: &str, what: &str) -> Self {
        let mut failure = Self::new(Exit::NotFound, "NO_LOG", format!("{argument}: {what}"));
        failure.details.argument = Some(argument.to_owned());
        failure
    }

    /// What `argument` names was not there then.
    pub fn no_such(argument: Argument<'_>, what: &str) -> Self {
        let mut failure = Self::new(Exit::NotFound, "NOT_FOUND", format!("{}: {what}", argument.place));
        failure.details.argument = Some(argument.place.to_owned());
        failure
    }

    /// What `argument` would make is there already.
    pub fn in_the_way(argument: Argument<'_>, what: &str, who: &str) -> Self {
        let mut failure = Self::new(Exit::Refused, "EXISTS", format!("{}: {what}", argument.place));
        failure.details.argument = Some(argument.place.to_owned());
        failure.details.in_the_way = Some(who.to_owned());
        failure
    }

    /// A kernel of this machine did not do what it was asked.
    pub fn kernel(what: String) -> Self {
        Self::new(Exit::Refused, "KERNEL", what)
    }

    /// The past that `argument` asks for can't be told.
    pub fn of_the_past(argument: Argument<'_>, no_answer: NoAnswer) -> Self {
        let what = no_answer.to_string();
        match no_answer {
            NoAnswer::NoMoment(_) => Self::argument(argument, &what),
            NoAnswer::Outside(_) => {
                let message = format!("{}: {what}", argument.place);
                let mut failure = Self::new(Exit::NotFound, "OUTSIDE_THE_LOG", message);
                failure.details.argument = Some(argument.place.to_owned());
                failure
            }
            NoAnswer::Unreadable(error) => Self::unreadable(&error),
            NoAnswer::Damaged { damage, whole } => {
                let hint = format!(
                    "up to record {whole} it is whole, and can be asked; `moor log verify` says more"
                );
                Self::damaged_log(&damage, &hint)
            }
            NoAnswer::Log(error) => error.into(),
        }
    }

    /// A record, or what stands behind it, is not what was written, or is written in a way that this version can't read.
    pub fn damaged_log(damage: &Damage, hint: &str) -> Self {
        let mut failure = match damage.format {
            None => Self::new(Exit::Refused, "DAMAGED", format!("the log is damaged: {damage}")),
            Some(_) => Self::newer(damage.to_string(), damage.record.0),
        };
        failure.details.in_the_way = Some(damage.file.display().to_string());
        failure.details.hint.get_or_insert_with(|| hint.to_owned());
        failure
    }

    /// A record that this version can't read, whole as it is.
    fn unreadable(error: &Undecodable) -> Self {
        Self::newer(error.to_string(), error.position.0)
    }

    /// A commit that this version can't read, and why.
    pub fn incompatible(at: CommitPosition, why: &str) -> Self {
        Self::newer(format!("record {}: commit {}: {why}", at.position, at.index), at.position.0)
    }

    fn newer(message: String, record: u64) -> Self {
        let mut failure = Self::new(Exit::ServerFailed, "UNREADABLE", message);
        let before = record.saturating_sub(1);
        failure.details.hint =
            Some(format!("ask with a moor as new as what wrote it, or up to record {before}"));
        failure
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        let (exit, reason) = of_log(&error);
        Self::new(exit, reason, error.to_string())
    }
}

/// The exit code and the stable word for what a log answers.
pub(super) fn of_log(error: &LogError) -> (Exit, &'static str) {
    match error {
        LogError::Damaged(_) => (Exit::Refused, "DAMAGED"),
        LogError::Full(_) => (Exit::Refused, "NO_ROOM"),
        LogError::Unavailable(_) | LogError::Unknown(_) => (Exit::TryAgain, "UNAVAILABLE"),
        _ => (Exit::Refused, "REFUSED"),
    }
}
