//! Reading segments: every CRC, position and hash. Only the very end of a log may be torn, and only if no valid frame
//! stands behind the damage; everything else is damage (L8). Nothing is changed here.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    contract::LogError,
    head::Head,
    record::{Position, Record},
    segments::{
        archive,
        frame::{self, Bad, Frame},
        header::{BadHeader, FORMAT_VERSION, Header},
        state::State,
        witness::Witnesses,
    },
};

/// What is wrong with a log, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The first record that can't be had.
    pub record: Position,
    /// The segment file.
    pub file: PathBuf,
    /// Where in it the damaged frame starts, in bytes; 0: the segment's header.
    pub byte: u64,
    /// What is wrong there.
    pub why: String,
    /// The format of the segment, where nothing is damaged but this version does not know it.
    pub format: Option<u32>,
}

impl Damage {
    /// A segment that is whole, and that only another version can read.
    pub(super) fn unknown_format(record: Position, file: &Path, version: u32) -> Self {
        let why = format!(
            "the segment is of format {version}, which this version does not know (it knows {FORMAT_VERSION}); use a \
             version as new as the one that wrote it"
        );
        Self { record, file: file.to_owned(), byte: 0, why, format: Some(version) }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, file, byte, why, .. } = self;
        write!(f, "record {record}, at byte {byte} of {}: {why}", file.display())
    }
}

impl From<Damage> for LogError {
    fn from(damage: Damage) -> Self {
        match damage.format {
            Some(_) => Self::Refused(damage.to_string().into()),
            None => Self::Damaged(damage.to_string().into()),
        }
    }
}

/// What a log holds.
pub(super) struct Scan<'a> {
    /// Where it stands.
    pub head: Head,
    /// What its readers will share.
    pub state: State,
    /// Its id, if it has any segment.
    pub log: Option<Uuid>,
    /// The segment to go on in.
    pub last: Option<LastSegment>,
    /// An end that no record can be read from.
    pub torn: Option<Torn>,
    witnesses: &'a Witnesses<'a>,
    seen: Option<&'a mut dyn FnMut(&Record)>,
}

/// The last whole segment.
pub(super) struct LastSegment {
    /// Its file.
    pub path: PathBuf,
    /// Where its last frame (or its header) starts, in bytes.
    pub last_offset: u64,
    /// The bytes of its last frame or header.
    pub last_bytes: Vec<u8>,
}

/// The damaged end of the last segment.
pub(super) struct Torn {
    /// The segment.
    pub path: PathBuf,
    /// Where the damage starts, in bytes; 0: the header is damaged too.
    pub offset: usize,
    /// All bytes from there on.
    pub bytes: Vec<u8>,
    /// What is wrong with them.
    pub why: String,
}

/// A segment while it is read.
struct Reading<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    /// Whether no segment comes after it.
    is_last: bool,
}

impl<'a> Scan<'a> {
    /// Reads these segments, in order.
    pub fn of(
        segments: &[(Position, PathBuf)],
        state: State,
        witnesses: &'a Witnesses<'a>,
    ) -> Result<Self, LogError> {
        Self::new(Head::default(), state, witnesses).rest(segments)
    }

    /// Has read nothing yet; `seen` is told of every record that follows the one before it.
    pub fn telling(state: State, witnesses: &'a Witnesses<'a>, seen: &'a mut dyn FnMut(&Record)) -> Self {
        Self { seen: Some(seen), ..Self::new(Head::default(), state, witnesses) }
    }

    /// Goes on behind segments that are read later: where they end is in the header of the next one.
    pub fn behind(
        segments: &[(Position, PathBuf)],
        mut state: State,
        header: &Header,
        witnesses: &'a Witnesses<'a>,
    ) -> Result<Self, LogError> {
        state.begin(header.before.clone());
        let head = Head::before(header.before.clone(), header.recorded_at);
        Self { log: Some(header.log), ..Self::new(head, state, witnesses) }.rest(segments)
    }

    fn new(head: Head, state: State, witnesses: &'a Witnesses<'a>) -> Self {
        Self { head, state, log: None, last: None, torn: None, witnesses, seen: None }
    }

    fn rest(mut self, segments: &[(Position, PathBuf)]) -> Result<Self, LogError> {
        let scan = &mut self;
        for (n, (first, path)) in segments.iter().enumerate() {
            let bytes = archive::read(path)?;
            let segment = Reading { path, bytes: &bytes, is_last: n + 1 == segments.len() };
            scan.segment(*first, &segment)?;
        }
        Ok(self)
    }

    /// The position of the next record.
    pub fn next(&self) -> Position {
        Position(self.head.tail().position.0 + 1)
    }

    /// Reads a segment that others follow, whose bytes these are.
    pub fn inner(&mut self, first: Position, path: &Path, bytes: &[u8]) -> Result<(), Damage> {
        self.segment(first, &Reading { path, bytes, is_last: false })
    }

    /// Reads the last segment, whose bytes these are.
    pub fn last(&mut self, first: Position, path: &Path, bytes: &[u8]) -> Result<(), Damage> {
        self.segment(first, &Reading { path, bytes, is_last: true })
    }

    fn segment(&mut self, first: Position, segment: &Reading<'_>) -> Result<(), Damage> {
        if first != self.next() {
            return Err(self.gap(segment, first));
        }
        let (header, mut offset) = match Header::parse(segment.bytes) {
            Ok(parsed) => parsed,
            Err(BadHeader::Damaged(why)) => return self.tear(segment, 0, 0, &why),
            // It may have no frame yet: it is not an end that was torn.
            Err(BadHeader::Unknown(version)) => {
                return Err(Damage::unknown_format(first, segment.path, version));
            }
        };
        self.check_header(&header).map_err(|why| self.damaged(segment, 0, &why))?;
        self.log = Some(header.log);
        self.state.add_segment(segment.path.to_owned(), first, offset as u64);
        let mut last_offset = 0;
        while offset < segment.bytes.len() {
            match frame::parse(&segment.bytes[offset..]) {
                Ok(frame) => {
                    self.frame(&frame).map_err(|why| self.damaged(segment, offset, &why))?;
                    last_offset = offset;
                    offset += frame.size;
                }
                Err(bad) => {
                    self.tear_frame(segment, offset, &bad)?;
                    break;
                }
            }
        }
        self.last = Some(LastSegment {
            path: segment.path.to_owned(),
            last_offset: last_offset as u64,
            last_bytes: segment.bytes[last_offset..offset].to_vec(),
        });
        Ok(())
    }

    fn check_header(&self, header: &Header) -> Result<(), String> {
        if self.log.is_some_and(|log| log != header.log) {
            return Err(format!("the segment belongs to log {}", header.log));
        }
        if &header.before != self.head.tail() || header.recorded_at != self.head.recorded_at() {
            return Err("the segment does not follow the one before it".to_owned());
        }
        Ok(())
    }

    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), String> {
        let mut records = Vec::new();
        for (record, size) in frame.records()? {
            self.witnesses.agree(&record)?;
            self.head.follow_on(&record)?;
            if let Some(seen) = &mut self.seen {
                seen(&record);
            }
            records.push((Arc::new(record), size));
        }
        self.state.add_frame(frame.size as u64, records);
        Ok(())
    }

    /// No whole frame at `offset`. A header that holds says where the frame ends, and what stands behind it.
    fn tear_frame(&mut self, segment: &Reading<'_>, offset: usize, bad: &Bad) -> Result<(), Damage> {
        let bytes = &segment.bytes[offset..];
        if let Some(first) = frame::first_position(bytes)
            && first != self.next()
        {
            return Err(self.damaged(segment, offset, &format!("its frame says it starts at {first}")));
        }
        match bad {
            Bad::Header => self.tear(segment, offset, offset, "its frame's header is damaged"),
            Bad::Short { .. } => self.tear(segment, offset, segment.bytes.len(), "its frame is cut off"),
            Bad::Body { size } => self.tear(segment, offset, offset + size, "its frame is damaged"),
        }
    }

    /// Takes the end from `offset` on for torn, unless something was written behind it: a later segment, or a later
    /// frame at or after `behind`.
    fn tear(&mut self, segment: &Reading<'_>, offset: usize, behind: usize, why: &str) -> Result<(), Damage> {
        let least = if offset == 0 { Position(self.next().0 - 1) } else { self.next() };
        let later = segment.bytes.get(behind..).and_then(|bytes| frame::find_later(bytes, least));
        if !segment.is_last || later.is_some() {
            return Err(self.damaged(segment, offset, why));
        }
        let bytes = segment.bytes[offset..].to_vec();
        self.torn = Some(Torn { path: segment.path.to_owned(), offset, bytes, why: why.to_owned() });
        Ok(())
    }

    /// A segment that does not begin where the one before it ends: that one was cut off where a record ends, or one
    /// between them is missing.
    fn gap(&self, segment: &Reading<'_>, first: Position) -> Damage {
        match &self.last {
            Some(LastSegment { path, last_offset, last_bytes }) => Damage {
                record: self.next(),
                file: path.clone(),
                byte: last_offset + last_bytes.len() as u64,
                why: format!("the segment ends here, and the next segment starts at {first}"),
                format: None,
            },
            None => self.damaged(segment, 0, &format!("the next segment starts at {first}")),
        }
    }

    fn damaged(&self, segment: &Reading<'_>, offset: usize, why: &str) -> Damage {
        let (record, file) = (self.next(), segment.path.to_owned());
        Damage { record, file, byte: offset as u64, why: why.to_owned(), format: None }
    }
}
