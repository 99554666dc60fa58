//! Reading records back from a segment file while the log runs. Every frame's CRCs and positions are checked again:
//! what was whole at the start can be damaged since.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use crate::{
    contract::LogError,
    record::{Position, Record},
    segments::{
        archive,
        folder::failed,
        frame::{self, Bad, Frame},
        state::Place,
    },
};

/// So many bytes at a time.
const CHUNK_BYTES: u64 = 256 * 1024;
/// The same where few records are wanted: a place is about so far before them, at most.
const SMALL_CHUNK_BYTES: u64 = 64 * 1024;
/// Few.
const FEW: usize = 16;

/// Some records after a position, at least one; the place must be at or before the first of them. `enough`: when so many are
/// read no more are looked for.
pub(super) fn read(place: Place, after: Position, enough: usize) -> Result<Vec<Arc<Record>>, LogError> {
    let file = archive::open(&place.path)?.map_err(|error| read_failed(&place, &error))?;
    let chunk = if enough <= FEW { SMALL_CHUNK_BYTES } else { CHUNK_BYTES };
    let mut cursor = Cursor { file, next: place.position, offset: place.offset, chunk, place };
    let mut records = Vec::new();
    while records.is_empty() && cursor.offset < cursor.place.end {
        cursor.read_chunk(after, enough, &mut records)?;
    }
    if records.is_empty() { Err(cursor.damaged("it is missing")) } else { Ok(records) }
}

struct Cursor {
    file: File,
    place: Place,
    offset: u64,
    next: Position,
    chunk: u64,
}

impl Cursor {
    /// Reads the frames in the next chunk; a frame that is longer than a chunk makes the chunk as long.
    fn read_chunk(
        &mut self,
        after: Position,
        enough: usize,
        records: &mut Vec<Arc<Record>>,
    ) -> Result<(), LogError> {
        let mut want = self.chunk;
        loop {
            let chunk = self.bytes(want.min(self.place.end - self.offset))?;
            let mut at = 0;
            let bad = loop {
                match frame::parse(&chunk[at..]) {
                    Ok(frame) => {
                        self.take(&frame, after, records)?;
                        at += frame.size;
                        if records.len() >= enough {
                            return Ok(());
                        }
                    }
                    Err(bad) => break bad,
                }
            };
            self.offset += at as u64;
            match bad {
                _ if at == chunk.len() => return Ok(()),
                Bad::Header | Bad::Short { .. } if at > 0 && self.offset < self.place.end => return Ok(()),
                Bad::Short { needs } if self.offset + needs as u64 <= self.place.end => want = needs as u64,
                _ => return Err(self.damaged("its frame is damaged")),
            }
        }
    }

    fn take(
        &mut self,
        frame: &Frame<'_>,
        after: Position,
        records: &mut Vec<Arc<Record>>,
    ) -> Result<(), LogError> {
        let behind = Position(frame.first.0 + frame.encoded().count() as u64);
        // Its CRCs hold: what nobody asks for need not be decoded.
        if frame.first == self.next && behind.0 <= after.0 + 1 {
            self.next = behind;
            return Ok(());
        }
        for (record, _) in frame.records().map_err(|why| self.damaged(&why))? {
            if record.position != self.next {
                return Err(self.damaged(&format!("record {} is in its place", record.position)));
            }
            self.next.0 += 1;
            if record.position > after {
                records.push(Arc::new(record));
            }
        }
        Ok(())
    }

    fn bytes(&self, length: u64) -> Result<Vec<u8>, LogError> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        let read = self.file.read_exact_at(&mut bytes, self.offset);
        read.map_err(|error| read_failed(&self.place, &error))?;
        Ok(bytes)
    }

    fn damaged(&self, why: &str) -> LogError {
        LogError::Damaged(format!("record {} in {}: {why}", self.next, self.place.path.display()).into())
    }
}

/// A durable part that is not there any more is damage; a disk that does not answer may answer again.
fn read_failed(place: &Place, error: &io::Error) -> LogError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => {
            LogError::Damaged(format!("a part of {} is gone: {error}", place.path.display()).into())
        }
        _ => failed("read", &place.path, error),
    }
}
