//! Segments that a start does not read: those before what it trusts. Their headers are read, so that each is there and
//! in its place; everything in them is checked before its first record is served, and behind the start by a thread.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    contract::LogError,
    record::Position,
    segments::{
        archive,
        folder::failed,
        header::{BadHeader, Header},
        scan::{Damage, Scan},
        state::{Marks, State},
        witness::Witnesses,
    },
};

/// A header names at most 64 streams of 64 bytes, with a hash each.
const HEADER_AT_MOST: u64 = 16 * 1024;

/// A segment that is checked when it is needed.
pub(super) struct Earlier {
    path: Arc<Path>,
    first: Position,
    header: Header,
    /// The header of the segment behind it: where this one ends.
    next: Header,
}

/// Which of the segments come before what a start reads: all that end before `trusted`, but for the last of them, whose
/// commits are to be known when they are tried again (L5).
pub(super) fn count(segments: &[(Position, PathBuf)], trusted: Position) -> usize {
    let begun = segments.partition_point(|(first, _)| *first <= trusted);
    begun.saturating_sub(2)
}

/// The earlier ones by their headers, and the header of the first one that is read.
pub(super) fn headers(segments: &[(Position, PathBuf)]) -> Result<(Vec<Earlier>, Header), LogError> {
    let mut headers = segments.iter().map(|(first, path)| header(*first, path));
    let mut header = headers.next().unwrap_or_else(|| Err(LogError::Unavailable("no segment".into())))?;
    let mut earlier = Vec::new();
    for ((first, path), next) in segments.iter().zip(headers) {
        let next = next?;
        if next.log != header.log {
            return Err(damaged(next_position(&next), path, "the next segment belongs to another log"));
        }
        let (path, behind) = (path.as_path().into(), next.clone());
        earlier.push(Earlier { path, first: *first, header, next: behind });
        header = next;
    }
    if earlier.first().is_some_and(|earlier| earlier.first != Position(1)) {
        let (first, path) = &segments[0];
        return Err(damaged(Position(1), path, &format!("the first segment starts at {first}")));
    }
    Ok((earlier, header))
}

/// As much of a segment as a header can be.
pub(super) fn start(path: &Path) -> Result<Vec<u8>, LogError> {
    if let Some(header) = archive::header_of(path)? {
        return Ok(header);
    }
    let mut start = Vec::new();
    let read = archive::open(path)?.and_then(|file| file.take(HEADER_AT_MOST).read_to_end(&mut start));
    read.map_err(|error| failed("read", path, &error))?;
    Ok(start)
}

pub(super) fn header(first: Position, path: &Path) -> Result<Header, LogError> {
    let (header, _) = Header::parse(&start(path)?).map_err(|bad| match bad {
        BadHeader::Damaged(why) => damaged(first, path, &why),
        BadHeader::Unknown(version) => Damage::unknown_format(first, path, version).into(),
    })?;
    if next_position(&header) != first {
        return Err(damaged(
            first,
            path,
            &format!("its header says it starts at {}", next_position(&header)),
        ));
    }
    Ok(header)
}

fn next_position(header: &Header) -> Position {
    Position(header.before.position.0 + 1)
}

fn damaged(record: Position, path: &Path, why: &str) -> LogError {
    LogError::Damaged(format!("record {record}, at byte 0 of {}: {why}", path.display()).into())
}

impl Earlier {
    /// Whether it was whole when it was archived, and is checked only when it is needed.
    pub fn is_archived(&self) -> bool {
        archive::is_archived(&self.path)
    }

    /// Its file.
    pub fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// The position of its first record.
    pub fn first(&self) -> Position {
        self.first
    }

    /// Reads all of it, as a start would that trusts nothing, and says where its frames are and how long it is.
    pub fn check(&self) -> Result<(Marks, u64), LogError> {
        let bytes = archive::read(&self.path)?;
        let nobody = Witnesses::new(&[]);
        let mut scan = Scan::behind(&[], State::new(0), &self.header, &nobody)?;
        scan.inner(self.first, &self.path, &bytes)?;
        if scan.head.tail() != &self.next.before || scan.head.recorded_at() != self.next.recorded_at {
            let next = next_position(&self.next);
            let why = format!("the next segment starts at {next}, and does not follow it");
            return Err(damaged(scan.next(), &self.path, &why));
        }
        Ok((scan.state.into_marks(), bytes.len() as u64))
    }
}
