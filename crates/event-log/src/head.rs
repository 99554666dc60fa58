//! Where a log stands, and what may be added to it: L1, L2, L5 and the bounds, without any I/O.
//!
//! A group of appends is staged on top of the head; the head moves only once the group is durable, so that a
//! failed write leaves nothing behind.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    codec,
    contract::{LogError, MAX_COMMITS, MAX_RECORD_BYTES, Tail},
    record::{Commit, Hash, Position, Record, StreamName},
};

/// How many records back a record tried again is known by its commit ids (L5). Further back the position it
/// expects is no longer its stream's last, and it gets a conflict.
const RECENT_RECORDS: usize = 65_536;
/// At most this many bytes in the name of a stream.
const MAX_STREAM_NAME_BYTES: usize = 64;
/// At most this many streams: every segment header names them all.
const MAX_STREAMS: usize = 64;

/// What was written, and when, up to the last durable record.
#[derive(Default)]
pub(crate) struct Head {
    tail: Tail,
    recorded_at: u64,
    recent: HashMap<Uuid, Seen>,
    order: VecDeque<Uuid>,
}

/// A recent record: its position, and a fingerprint of its stream and all its commit ids.
#[derive(Clone, Copy)]
struct Seen {
    position: Position,
    fingerprint: u64,
}

/// Records that wait to be written together.
pub(crate) struct Staged<'a> {
    head: &'a Head,
    group: Group,
    fresh: HashMap<Uuid, Seen>,
}

/// Records that are written together, and where the log stands after them.
#[derive(Default)]
pub(crate) struct Group {
    /// The records in order, each with its encoded form.
    pub records: Vec<(Arc<Record>, Vec<u8>)>,
    /// The sum of the encoded forms, in bytes.
    pub bytes: usize,
    /// The tail once they are written.
    pub tail: Tail,
    recorded_at: u64,
}

impl Head {
    /// A head that has read nothing, and knows from a segment's header what stands before it.
    pub fn before(tail: Tail, recorded_at: u64) -> Self {
        Self { tail, recorded_at, ..Self::default() }
    }

    /// Where the log ends.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// The highest recorded-at so far, in nanoseconds since the Unix epoch.
    pub fn recorded_at(&self) -> u64 {
        self.recorded_at
    }

    /// An empty group on top of this head.
    pub fn stage(&self) -> Staged<'_> {
        let group = Group { tail: self.tail.clone(), recorded_at: self.recorded_at, ..Group::default() };
        Staged { head: self, group, fresh: HashMap::new() }
    }

    /// Moves past a group that is durable.
    pub fn accept(&mut self, group: &Group) {
        for (record, _) in &group.records {
            self.remember(record);
        }
        self.tail.clone_from(&group.tail);
        self.recorded_at = group.recorded_at;
    }

    /// Moves past a record read back, if it follows: its position (L1), its stream's chain (L8), its time.
    pub fn follow_on(&mut self, record: &Record) -> Result<(), String> {
        self.recorded_at = check_order(&self.tail, self.recorded_at, record)?;
        self.remember(record);
        self.tail.position = record.position;
        self.tail.streams.insert(record.stream.clone(), (record.position, record.hash));
        Ok(())
    }

    fn remember(&mut self, record: &Record) {
        let Some(first) = record.commits.first() else { return };
        let fingerprint = fingerprint(&record.stream, &record.commits);
        self.recent.insert(first.id, Seen { position: record.position, fingerprint });
        self.order.push_back(first.id);
        if self.order.len() > RECENT_RECORDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }
}

impl Staged<'_> {
    /// Adds a record to the group and says which position it gets, or which it got when it was first tried (L5).
    pub fn offer(
        &mut self,
        stream: &StreamName,
        expected: Position,
        mut commits: Vec<Commit>,
    ) -> Result<Position, LogError> {
        check_shape(stream, &commits, &self.group.tail.streams)?;
        let seen = Seen {
            position: Position(self.group.tail.position.0 + 1),
            fingerprint: fingerprint(stream, &commits),
        };
        let first = commits.first().map(|commit| commit.id).unwrap_or_default();
        if let Some(earlier) = self.fresh.get(&first).or_else(|| self.head.recent.get(&first)) {
            return if earlier.fingerprint == seen.fingerprint {
                Ok(earlier.position)
            } else {
                Err(bounds(format!("commit {first} is in record {} with other commits", earlier.position)))
            };
        }
        let (last, previous) = self.group.tail.streams.get(stream).copied().unwrap_or_default();
        if last != expected {
            return Err(LogError::Conflict { stream: stream.clone(), expected, last });
        }
        let recorded_at = raise(&mut commits, self.group.recorded_at);
        let (encoded, hash) = codec::encode(seen.position, stream, previous, &commits);
        if encoded.len() > MAX_RECORD_BYTES {
            return Err(bounds(format!("{} bytes; at most {MAX_RECORD_BYTES}", encoded.len())));
        }
        self.fresh.insert(first, seen);
        let record = Record { position: seen.position, stream: stream.clone(), previous, hash, commits };
        self.group.take(record, encoded, recorded_at);
        Ok(seen.position)
    }

    /// Adds a record of another log, with its encoded form, as it is, if it goes on where the group ends.
    pub fn mirror(&mut self, record: Record, encoded: Vec<u8>) -> Result<(), String> {
        let recorded_at = check_order(&self.group.tail, self.group.recorded_at, &record)?;
        check_shape(&record.stream, &record.commits, &self.group.tail.streams)
            .map_err(|error| error.to_string())?;
        self.group.take(record, encoded, recorded_at);
        Ok(())
    }

    /// The group so far.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The group, complete.
    pub fn finish(self) -> Group {
        self.group
    }
}

impl Group {
    fn take(&mut self, record: Record, encoded: Vec<u8>, recorded_at: u64) {
        self.bytes += encoded.len();
        self.recorded_at = recorded_at;
        self.tail.position = record.position;
        self.tail.streams.insert(record.stream.clone(), (record.position, record.hash));
        self.records.push((Arc::new(record), encoded));
    }
}

/// Whether a record goes on where a log ends (L1, L8's chain, time); its highest recorded-at.
fn check_order(tail: &Tail, recorded_at: u64, record: &Record) -> Result<u64, String> {
    if record.position.0 != tail.position.0 + 1 {
        return Err(format!("says it is record {}", record.position));
    }
    let last = tail.streams.get(&record.stream).copied().unwrap_or_default();
    if record.previous != last.1 {
        return Err(format!("does not follow record {} of stream {}", last.0, record.stream));
    }
    record.commits.iter().try_fold(recorded_at, |highest, commit| {
        let later = commit.recorded_at >= highest;
        later.then_some(commit.recorded_at).ok_or_else(|| "was recorded before the one before it".to_owned())
    })
}

/// Raises every commit's recorded-at to the last one before it; returns the highest.
pub(crate) fn raise(commits: &mut [Commit], last: u64) -> u64 {
    commits.iter_mut().fold(last, |last, commit| {
        commit.recorded_at = commit.recorded_at.max(last);
        commit.recorded_at
    })
}

fn check_shape(
    stream: &StreamName,
    commits: &[Commit],
    streams: &BTreeMap<StreamName, (Position, Hash)>,
) -> Result<(), LogError> {
    if commits.is_empty() || commits.len() > MAX_COMMITS {
        return Err(bounds(format!("{} commits; 1 to {MAX_COMMITS}", commits.len())));
    }
    if let Some(commit) = commits.iter().find(|commit| commit.events.is_empty()) {
        return Err(bounds(format!("commit {} has no event", commit.id)));
    }
    let name = stream.as_str().len();
    if name == 0 || name > MAX_STREAM_NAME_BYTES {
        return Err(bounds(format!("a stream's name of {name} bytes; 1 to {MAX_STREAM_NAME_BYTES}")));
    }
    if streams.len() >= MAX_STREAMS && !streams.contains_key(stream) {
        return Err(bounds(format!("stream {stream} would be one more than {MAX_STREAMS}")));
    }
    Ok(())
}

fn fingerprint(stream: &StreamName, commits: &[Commit]) -> u64 {
    let mut hasher = DefaultHasher::new();
    stream.hash(&mut hasher);
    for commit in commits {
        commit.id.hash(&mut hasher);
    }
    hasher.finish()
}

fn bounds(why: String) -> LogError {
    LogError::Bounds(why.into())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn commit() -> Vec<Commit> {
        vec![Commit {
            id: Uuid::now_v7(),
            request_id: None,
            request_hash: Bytes::new(),
            actor: "ann".into(),
            recorded_at: 1,
            observed_at: None,
            trace_parent: "".into(),
            events: vec![Bytes::new()],
        }]
    }

    fn write(head: &mut Head, stream: &str, commits: Vec<Commit>) -> Result<Position, LogError> {
        let stream = StreamName::new(stream);
        let last = head.tail.streams.get(&stream).copied().unwrap_or_default().0;
        let mut staged = head.stage();
        let answer = staged.offer(&stream, last, commits);
        let group = staged.finish();
        head.accept(&group);
        answer
    }

    #[test]
    fn a_log_has_at_most_64_streams() {
        let mut head = Head::default();
        for n in 0..MAX_STREAMS {
            assert!(write(&mut head, &n.to_string(), commit()).is_ok());
        }
        assert!(matches!(write(&mut head, "one more", commit()), Err(LogError::Bounds(_))));
        assert!(write(&mut head, "0", commit()).is_ok());
    }

    #[test]
    fn a_retry_is_known_for_65_536_records_and_then_refused_by_the_position_it_expects() {
        let mut head = Head::default();
        let (stream, first) = (StreamName::new("a"), commit());
        assert_eq!(write(&mut head, "a", first.clone()), Ok(Position(1)));
        for _ in 1..RECENT_RECORDS {
            write(&mut head, "a", commit()).unwrap();
        }
        assert_eq!(head.stage().offer(&stream, Position(0), first.clone()), Ok(Position(1)));
        write(&mut head, "a", commit()).unwrap();
        assert_eq!((head.recent.len(), head.order.len()), (RECENT_RECORDS, RECENT_RECORDS));
        let late = head.stage().offer(&stream, Position(0), first);
        assert!(matches!(late, Err(LogError::Conflict { .. })), "{late:?}");
    }

    #[test]
    fn a_group_that_is_dropped_leaves_nothing() {
        let mut head = Head::default();
        let (stream, commits) = (StreamName::new("a"), commit());
        let mut staged = head.stage();
        assert_eq!(staged.offer(&stream, Position(0), commits.clone()), Ok(Position(1)));
        drop(staged);
        assert_eq!(head.tail, Tail::default());
        assert_eq!(write(&mut head, "a", commits), Ok(Position(1)));
        assert_eq!(head.tail.position, Position(1));
    }
}
