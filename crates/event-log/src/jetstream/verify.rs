//! L8: whether the JetStream stream still is what the copy was made of, after each connection and whenever there is
//! doubt. Each stream's last record vouches, by its hashes, for all before it.

use super::{
    engine::Engine,
    remote::{Remote, Seen},
};
use crate::{
    contract::{EventLog, Filter, LogError},
    record::Position,
    segments::Segments,
};

/// Compares the JetStream stream with the copy, and says what was seen of it.
///
/// # Errors
/// `Damaged`: it lost something, or is another one. `Refused`: its settings, its servers, the login. `Unavailable`:
/// somebody does not answer.
pub(super) async fn verify(engine: &Engine) -> Result<Seen, LogError> {
    let Engine { remote, copy, .. } = engine;
    remote.check().await?;
    let tail = copy.tail().await?;
    let seen = remote.seen().await?;
    check_end(remote, tail.position, &seen)?;
    for (position, _) in tail.streams.values() {
        check_record(remote, copy, *position, tail.position).await?;
    }
    Ok(seen)
}

/// Whether it reaches as far as the copy, without holes. The copy was asked first.
pub(super) fn check_end(remote: &Remote, copied: Position, seen: &Seen) -> Result<(), LogError> {
    if seen.last < copied {
        let (last, first) = (seen.last, seen.last.0 + 1);
        let why = format!("{remote} ends at {last}; record {first} is missing there");
        return Err(damaged(remote, &why, copied));
    }
    if seen.messages != seen.last.0 {
        let (messages, last) = (seen.messages, seen.last);
        let why = format!("{remote} ends at {last}, and has only {messages} records");
        return Err(damaged(remote, &why, copied));
    }
    Ok(())
}

async fn check_record(
    remote: &Remote,
    copy: &Segments,
    position: Position,
    copied: Position,
) -> Result<(), LogError> {
    let ours = copy.read(&Filter::All, Position(position.0 - 1), 1).await?;
    let wrong = match remote.message(position).await? {
        None => "is missing".to_owned(),
        Some(Err(why)) => why,
        Some(Ok(theirs)) => match ours.first() {
            Some(ours) if theirs.became(ours) => return Ok(()),
            _ => "is another one".to_owned(),
        },
    };
    Err(damaged(remote, &format!("record {position} of {remote} {wrong}"), copied))
}

/// What is wrong, and who has what is missing.
pub(super) fn damaged(remote: &Remote, why: &str, copied: Position) -> LogError {
    let copy = remote.copy.display();
    LogError::Damaged(format!("{why}; the copy in {copy} has the log up to {copied}").into())
}
