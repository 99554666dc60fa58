//! Why there is no backup of a log, or nothing restored from one.

use std::{fmt, path::Path};

use mooring_event_log::segments::BackupError;

use super::{Exit, Failure};

impl Failure {
    /// A data folder has seen more of the log than what is to be put into it.
    pub fn lost_end(data: &Path, who: &str, seen: u64, last: u64) -> Self {
        let data = data.display();
        let message = format!(
            "{who} of {data} has seen record {seen}, and the backup ends at {last}: a start on it would be refused"
        );
        let mut failure = Self::new(Exit::Refused, "LOST_END", message);
        failure.details.in_the_way = Some(data.to_string());
        failure.details.hint = Some(
            "another service's copy may have those records: docs/runbooks/log-lost-its-end.md; to go on without them, restore into an \
             empty folder"
                .to_owned(),
        );
        failure
    }

    /// A folder that is needed can't be read: a process runs on it, or worse.
    pub fn unusable(folder: &Path, error: &dyn fmt::Display) -> Self {
        Self::new(Exit::TryAgain, "UNAVAILABLE", format!("{}: {error}", folder.display()))
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let message = error.to_string();
        let (exit, reason, in_the_way) = match error {
            BackupError::Missing { .. } => (Exit::NotFound, "NO_LOG", None),
            BackupError::NotWhole { damage, .. } if damage.format.is_some() => {
                (Exit::ServerFailed, "UNREADABLE", Some(damage.file))
            }
            BackupError::NotWhole { damage, .. } => (Exit::Refused, "DAMAGED", Some(damage.file)),
            BackupError::Differs { to, .. } => (Exit::Refused, "ANOTHER_LOG", Some(to)),
            BackupError::Longer { to, .. } => (Exit::Refused, "LOST_END", Some(to)),
            BackupError::Occupied { place } => (Exit::Refused, "OCCUPIED", Some(place)),
            BackupError::Log(error) => return error.into(),
        };
        let mut failure = Self::new(exit, reason, message);
        failure.details.in_the_way = in_the_way.map(|path| path.display().to_string());
        if reason == "LOST_END" {
            let hint = "the backup has what the log lost: docs/runbooks/log-lost-its-end.md";
            failure.details.hint = Some(hint.to_owned());
        }
        failure
    }
}
