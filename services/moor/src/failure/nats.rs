//! What went wrong with NATS or with a log's files, when `moor` asks them itself.

use mooring_event_log::{
    jetstream::{
        admin::AdminError,
        connect::{BadFlag, ConnectFailed},
    },
    transfer::TransferError,
};

use super::{Exit, Failure, log::of_log};

impl From<BadFlag> for Failure {
    fn from(bad: BadFlag) -> Self {
        let mut failure = Self::usage(bad.to_string());
        failure.details.argument = Some(bad.flag.to_string());
        failure
    }
}

impl From<ConnectFailed> for Failure {
    fn from(error: ConnectFailed) -> Self {
        match error.retryable() {
            true => Self::new(Exit::TryAgain, "UNREACHABLE", error.to_string()),
            false => Self::new(Exit::Refused, "LOGIN_REFUSED", error.to_string()),
        }
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let (exit, reason) = match &error {
            AdminError::Away(_) => (Exit::TryAgain, "UNREACHABLE"),
            AdminError::Missing { .. } => (Exit::NotFound, "NO_JETSTREAM_STREAM"),
            AdminError::Different { .. } => (Exit::Refused, "OTHER_SETTINGS"),
            AdminError::Refused(_) => (Exit::Refused, "REFUSED"),
        };
        Self::new(exit, reason, error.to_string())
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        let (exit, reason) = match &error {
            TransferError::Missing { .. } => (Exit::NotFound, "NO_LOG"),
            TransferError::Differs { .. } | TransferError::Longer { .. } => (Exit::Refused, "LOGS_DIFFER"),
            TransferError::At { error, .. } => of_log(error),
        };
        let mut failure = Self::new(exit, reason, error.to_string());
        if exit == Exit::TryAgain {
            failure.details.hint = Some("try again: it goes on where it was".to_owned());
        }
        failure
    }
}
