//! A moment of a region's log: a record, a commit in it, a time, or the end.

use std::time::{Duration, UNIX_EPOCH};

use mooring_domain::{CommitPosition, Position, Timestamp};
use mooring_ledger::now;

use crate::NoAnswer;

/// Up to where a log is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Everything.
    End,
    /// This record, with all its commits. 0 is before everything.
    Record(Position),
    /// This commit.
    Commit(CommitPosition),
    /// The last commit recorded at or before this time.
    Time(Timestamp),
}

impl Moment {
    /// What was written. A time that has not come yet is outside every log.
    pub fn parse(text: &str) -> Result<Self, NoAnswer> {
        let moment = match text {
            "end" => Some(Self::End),
            _ if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => position(text),
            _ => instant(text).map(Self::Time),
        };
        match moment {
            None => Err(NoAnswer::NoMoment(text.to_owned())),
            Some(Self::Time(at)) if at > now() => {
                Err(NoAnswer::Outside(format!("{} has not come yet", time(at))))
            }
            Some(moment) => Ok(moment),
        }
    }

    /// Whether this commit belongs to it.
    pub fn admits(&self, at: CommitPosition, recorded_at: Timestamp) -> bool {
        match self {
            Self::End => true,
            Self::Record(position) => at.position <= *position,
            Self::Commit(commit) => at <= *commit,
            Self::Time(time) => recorded_at <= *time,
        }
    }
}

/// A time for people: RFC 3339 in UTC, to the nanosecond.
pub fn time(at: Timestamp) -> String {
    humantime::format_rfc3339_nanos(UNIX_EPOCH + Duration::from_nanos(at.0)).to_string()
}

fn position(text: &str) -> Option<Moment> {
    match text.split_once('.') {
        None => text.parse().ok().map(|record| Moment::Record(Position(record))),
        Some((record, index)) => {
            let position = Position(record.parse().ok()?);
            Some(Moment::Commit(CommitPosition { position, index: index.parse().ok()? }))
        }
    }
}

/// RFC 3339: in UTC, or with an offset to it.
fn instant(text: &str) -> Option<Timestamp> {
    const NANOS: i128 = 1_000_000_000;
    let text = text.to_ascii_uppercase();
    let (local, ahead) = match text.strip_suffix('Z') {
        Some(local) => (local, 0),
        None => {
            let (local, offset) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
            (local, seconds_ahead(offset)?)
        }
    };
    let read = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    let nanos = i128::try_from(read.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()?;
    u64::try_from(nanos - i128::from(ahead) * NANOS).ok().map(Timestamp)
}

/// Of `+02:00`.
fn seconds_ahead(offset: &str) -> Option<i32> {
    let (sign, rest) = match offset.as_bytes().first()? {
        b'+' => (1, &offset[1..]),
        b'-' => (-1, &offset[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, most: i32| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i32>().ok().filter(|number| digits && *number <= most)
    };
    Some(sign * (number(hours, 23)? * 3600 + number(minutes, 59)? * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Moment, NoAnswer> {
        Moment::parse(text)
    }

    #[test]
    fn a_record_a_commit_a_time_and_the_end_can_be_said() {
        let position = Position(12);
        assert_eq!(parse("end").unwrap(), Moment::End);
        assert_eq!(parse("12").unwrap(), Moment::Record(position));
        assert_eq!(parse("12.3").unwrap(), Moment::Commit(CommitPosition { position, index: 3 }));
        let time = Moment::Time(Timestamp(1_758_470_936_500_000_000));
        for text in [
            "2025-09-21T16:08:56.5Z",
            "2025-09-21t16:08:56.500z",
            "2025-09-21T18:08:56.5+02:00",
            "2025-09-21T10:38:56.5-05:30",
        ] {
            assert_eq!(parse(text).unwrap(), time, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_told_what_is_one() {
        for text in [
            "",
            ".",
            "1.",
            ".1",
            "1.2.3",
            "-1",
            "yesterday",
            "2025-09-21",
            "2025-09-21T16:08:56",
            "2025-13-21T16:08:56Z",
            "2025-09-21T16:08:56+2:00",
            "2025-09-21T16:08:56+24:00",
            "1969-12-31T23:59:59Z",
            "99999999999999999999",
            "€€€€€€",
        ] {
            let refused = parse(text).unwrap_err();
            assert!(matches!(&refused, NoAnswer::NoMoment(said) if said == text), "{text}: {refused:?}");
            assert!(refused.to_string().contains("RFC 3339"), "{refused}");
        }
    }

    #[test]
    fn a_time_that_has_not_come_is_outside_every_log() {
        let refused = parse("2500-01-01T00:00:00Z").unwrap_err();
        assert!(
            matches!(&refused, NoAnswer::Outside(what) if what.ends_with("has not come yet")),
            "{refused:?}"
        );
    }
}
