//! What readers of a segment log share with its writer: which bytes are durable, where records are, and the latest
//! records themselves. Nothing gets in here before it is synced.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    contract::{LogError, Tail},
    record::{Position, Record},
    segments::earlier::Earlier,
};

/// One mark in the index per so many bytes of a segment.
const MARK_BYTES: u64 = 64 * 1024;
/// So many records at a time from the cache.
const BATCH_RECORDS: usize = 256;

/// The durable part of a log.
#[derive(Default)]
pub(super) struct State {
    segments: Vec<Segment>,
    marks: Vec<Mark>,
    cache: VecDeque<(Arc<Record>, usize)>,
    cached_bytes: usize,
    cache_limit: usize,
    tail: Tail,
    /// Nothing more will be added.
    pub closed: bool,
    /// L8: what is wrong. It stays so.
    pub damaged: Option<Arc<str>>,
}

struct Segment {
    path: Arc<Path>,
    /// Its durable length in bytes.
    length: u64,
    /// It has still to be checked.
    unread: Option<Arc<Earlier>>,
}

/// Where frames of one segment start.
pub(super) struct Marks(Vec<Mark>);

/// A frame starts here.
struct Mark {
    position: Position,
    segment: usize,
    offset: u64,
}

/// Where the record after some position is to be had.
pub(super) enum Found {
    Records(Vec<Arc<Record>>),
    OnDisk(Place),
    /// In a segment that has to be checked first: its number.
    Unread(usize, Arc<Earlier>),
}

/// A frame's start in a file, at or before the record that is wanted.
pub(super) struct Place {
    /// The segment.
    pub path: Arc<Path>,
    /// Where a frame starts, in bytes.
    pub offset: u64,
    /// The position of that frame's first record.
    pub position: Position,
    /// Where the durable part of the segment ends, in bytes.
    pub end: u64,
}

impl State {
    /// Nothing yet; the cache will hold up to so many bytes of records.
    pub fn new(cache_limit: usize) -> Self {
        Self { cache_limit, ..Self::default() }
    }

    /// Adds a segment that is checked later. Only before all that are read.
    pub fn add_earlier(&mut self, earlier: Earlier) {
        let segment = self.segments.len();
        self.marks.push(Mark { position: earlier.first(), segment, offset: 0 });
        let path = Arc::clone(earlier.path());
        self.segments.push(Segment { path, length: 0, unread: Some(Arc::new(earlier)) });
    }

    /// The log has all this before what is added next.
    pub fn begin(&mut self, tail: Tail) {
        self.tail = tail;
    }

    /// A segment that has still to be checked, the latest first.
    pub fn unread(&self) -> Option<(usize, Arc<Earlier>)> {
        let unread = |(n, segment): (usize, &Segment)| {
            let earlier = segment.unread.as_ref().filter(|earlier| !earlier.is_archived())?;
            Some((n, Arc::clone(earlier)))
        };
        self.segments.iter().enumerate().rev().find_map(unread)
    }

    /// A segment was checked; so long it is, and its frames are there.
    pub fn has_read(&mut self, segment: usize, marks: Marks, length: u64) {
        let Some(known) = self.segments.get_mut(segment).filter(|known| known.unread.is_some()) else {
            return;
        };
        known.unread = None;
        known.length = length;
        let at = self.marks.partition_point(|mark| mark.segment < segment);
        self.marks.splice(at..=at, marks.0.into_iter().map(|mark| Mark { segment, ..mark }));
    }

    /// Where the frames of the segments are.
    pub fn into_marks(self) -> Marks {
        Marks(self.marks)
    }

    /// Adds a segment whose header ends at `length` and whose first record will be `first`.
    pub fn add_segment(&mut self, path: PathBuf, first: Position, length: u64) {
        self.segments.push(Segment { path: path.into(), length, unread: None });
        self.marks.push(Mark { position: first, segment: self.segments.len() - 1, offset: length });
    }

    /// Adds a durable frame of so many bytes to the last segment.
    pub fn add_frame(&mut self, size: u64, records: impl IntoIterator<Item = (Arc<Record>, usize)>) {
        let mut records = records.into_iter().peekable();
        let segment = self.segments.len().saturating_sub(1);
        let Some(last) = self.segments.last_mut() else { return };
        if let Some((first, _)) = records.peek()
            && self.marks.last().is_none_or(|mark| last.length - mark.offset >= MARK_BYTES)
        {
            self.marks.push(Mark { position: first.position, segment, offset: last.length });
        }
        last.length += size;
        for (record, bytes) in records {
            self.tail.position = record.position;
            self.tail.streams.insert(record.stream.clone(), (record.position, record.hash));
            self.cache(record, bytes);
        }
    }

    /// Where the log ends.
    pub fn tail(&self) -> Result<&Tail, LogError> {
        self.damaged.as_ref().map_or(Ok(&self.tail), |why| Err(LogError::Damaged(Arc::clone(why))))
    }

    /// Where the records after a position are.
    pub fn find(&self, after: Position) -> Result<Found, LogError> {
        if after >= self.tail()?.position {
            return Ok(Found::Records(Vec::new()));
        }
        let wanted = Position(after.0 + 1);
        if let Some((oldest, _)) = self.cache.front()
            && let Some(skip) = wanted.0.checked_sub(oldest.position.0)
        {
            let skip = usize::try_from(skip).unwrap_or(usize::MAX);
            let records = self.cache.iter().skip(skip).take(BATCH_RECORDS);
            return Ok(Found::Records(records.map(|(record, _)| Arc::clone(record)).collect()));
        }
        let mark = self.marks.partition_point(|mark| mark.position <= wanted).checked_sub(1);
        let found = mark.and_then(|mark| self.place(&self.marks[mark]));
        found.ok_or_else(|| LogError::Damaged(format!("record {wanted} is nowhere").into()))
    }

    fn place(&self, mark: &Mark) -> Option<Found> {
        let segment = self.segments.get(mark.segment)?;
        if let Some(unread) = &segment.unread {
            return Some(Found::Unread(mark.segment, Arc::clone(unread)));
        }
        Some(Found::OnDisk(Place {
            path: Arc::clone(&segment.path),
            offset: mark.offset,
            position: mark.position,
            end: segment.length,
        }))
    }

    fn cache(&mut self, record: Arc<Record>, bytes: usize) {
        self.cache.push_back((record, bytes));
        self.cached_bytes += bytes;
        while self.cached_bytes > self.cache_limit
            && let Some((_, bytes)) = self.cache.pop_front()
        {
            self.cached_bytes -= bytes;
        }
    }
}
