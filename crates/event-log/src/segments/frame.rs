//! A frame: what one sync covers. All records that waited together are in one, so that a torn write is always a
//! damaged *last* frame and never a hole in the middle.
//!
//! ```text
//! magic 4 │ body length 4 │ first position 8 │ CRC of these 16 4 │ body: (length 4 │ record)… │ CRC of the body 4
//! ```
//! Numbers are little-endian, CRCs are CRC32C.

use std::{iter, sync::Arc};

use crate::{
    codec,
    record::{Position, Record},
};

/// Bytes before the body.
pub(super) const HEADER_BYTES: usize = 20;
/// Bytes of a record's length before it.
pub(super) const LENGTH_BYTES: usize = 4;
/// Bytes of the body's CRC behind it.
const TRAILER_BYTES: usize = 4;
const MAGIC: [u8; 4] = [0xf1, b'M', b'f', 0x0a];

/// Why there is no whole frame here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The header does not hold.
    Header,
    /// The header holds; the frame needs so many bytes and there are fewer.
    Short { needs: usize },
    /// The header holds, the body does not; the frame has so many bytes.
    Body { size: usize },
}

/// A frame whose CRCs hold.
pub(super) struct Frame<'a> {
    /// The bytes of the whole frame.
    pub size: usize,
    /// The position of its first record, as its header says.
    pub first: Position,
    body: &'a [u8],
}

/// Writes down records that follow each other.
pub(super) fn encode(records: &[(Arc<Record>, Vec<u8>)]) -> Vec<u8> {
    let body: usize = records.iter().map(|(_, encoded)| LENGTH_BYTES + encoded.len()).sum();
    let first = records.first().map_or(0, |(record, _)| record.position.0);
    let mut frame = Vec::with_capacity(HEADER_BYTES + body + TRAILER_BYTES);
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&length(body));
    frame.extend_from_slice(&first.to_le_bytes());
    frame.extend_from_slice(&crc32c::crc32c(&frame).to_le_bytes());
    for (_, encoded) in records {
        frame.extend_from_slice(&length(encoded.len()));
        frame.extend_from_slice(encoded);
    }
    let crc = crc32c::crc32c(&frame[HEADER_BYTES..]);
    frame.extend_from_slice(&crc.to_le_bytes());
    frame
}

/// The frame at the start of these bytes.
pub(super) fn parse(bytes: &[u8]) -> Result<Frame<'_>, Bad> {
    let (first, size) = header(bytes).ok_or(Bad::Header)?;
    let frame = bytes.get(..size).ok_or(Bad::Short { needs: size })?;
    let (body, crc) = frame[HEADER_BYTES..].split_at(size - HEADER_BYTES - TRAILER_BYTES);
    if crc != crc32c::crc32c(body).to_le_bytes() {
        return Err(Bad::Body { size });
    }
    Ok(Frame { first, size, body })
}

/// The first position of the frame at the start of these bytes, if its header holds.
pub(super) fn first_position(bytes: &[u8]) -> Option<Position> {
    header(bytes).map(|(first, _)| first)
}

/// Where the header of a frame that starts after `position` is, if one is in these bytes. A frame is written only
/// when the one before it is durable, so finding one proves that what is damaged before it was once whole.
pub(super) fn find_later(bytes: &[u8], position: Position) -> Option<usize> {
    (0..bytes.len()).find(|at| {
        bytes[*at..].starts_with(&MAGIC) && header(&bytes[*at..]).is_some_and(|(first, _)| first > position)
    })
}

impl<'a> Frame<'a> {
    /// Its records. The error says what is wrong with which.
    pub fn records(&self) -> Result<Vec<(Record, usize)>, String> {
        let mut records = Vec::new();
        for encoded in self.encoded() {
            let encoded = encoded?;
            records.push((codec::decode(encoded)?, encoded.len()));
        }
        if records.first().is_none_or(|(record, _)| record.position != self.first) {
            return Err("its frame does not hold what its header says".to_owned());
        }
        Ok(records)
    }

    /// The encoded records, until one is not whole.
    pub fn encoded(&self) -> impl Iterator<Item = Result<&'a [u8], &'static str>> + use<'a> {
        let mut rest = self.body;
        iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let taken = rest
                .split_first_chunk::<LENGTH_BYTES>()
                .and_then(|(length, behind)| behind.split_at_checked(u32::from_le_bytes(*length) as usize));
            rest = taken.map_or(&[][..], |(_, behind)| behind);
            Some(taken.map(|(encoded, _)| encoded).ok_or("a record is longer than its frame"))
        })
    }
}

fn header(bytes: &[u8]) -> Option<(Position, usize)> {
    let header = bytes.first_chunk::<HEADER_BYTES>()?;
    let (fields, crc) = header.split_at(HEADER_BYTES - 4);
    if !fields.starts_with(&MAGIC) || crc != crc32c::crc32c(fields).to_le_bytes() {
        return None;
    }
    let body = u32::from_le_bytes(*fields[4..].first_chunk()?) as usize;
    let first = u64::from_le_bytes(*fields[8..].first_chunk()?);
    Some((Position(first), HEADER_BYTES + body + TRAILER_BYTES))
}

/// A frame's body is bounded by the group it holds, far below 4 GiB.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}
