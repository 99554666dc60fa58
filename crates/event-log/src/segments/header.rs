//! The header of a segment file: whose log it is and where it stood, so that a swapped, foreign or missing segment
//! is noticed.
//!
//! ```text
//! magic 8 │ format version 4 │ body length 4 │ body (protobuf) │ CRC32C of all before 4
//! ```

use prost::Message;
use uuid::Uuid;

use crate::{
    contract::Tail,
    record::{Hash, Position, StreamName},
};

const MAGIC: [u8; 8] = *b"\xf1MOORLOG";
/// What this code writes, and all it reads.
pub const FORMAT_VERSION: u32 = 1;
const FIXED_BYTES: usize = 16;
const CRC_BYTES: usize = 4;

/// Why a segment's header can't be taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// It is not what was written.
    Damaged(String),
    /// It is whole, and of a format that this program does not know.
    Unknown(u32),
}

impl From<&str> for BadHeader {
    fn from(why: &str) -> Self {
        Self::Damaged(why.to_owned())
    }
}

/// What a segment says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The log it belongs to: drawn when the log was made.
    pub log: Uuid,
    /// Where the log ended before this segment.
    pub before: Tail,
    /// The highest recorded-at before this segment, nanoseconds since the Unix epoch.
    pub recorded_at: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(bytes = "vec", tag = "1")]
    log: Vec<u8>,
    #[prost(uint64, tag = "2")]
    first_position: u64,
    #[prost(fixed64, tag = "3")]
    recorded_at: u64,
    #[prost(message, repeated, tag = "4")]
    streams: Vec<StreamEnd>,
}

#[derive(Clone, PartialEq, Message)]
struct StreamEnd {
    #[prost(string, tag = "1")]
    stream: String,
    #[prost(uint64, tag = "2")]
    position: u64,
    #[prost(bytes = "vec", tag = "3")]
    hash: Vec<u8>,
}

impl Header {
    /// Its bytes in the file.
    pub fn encode(&self) -> Vec<u8> {
        let streams = self.before.streams.iter().map(|(stream, (position, hash))| StreamEnd {
            stream: stream.as_str().to_owned(),
            position: position.0,
            hash: hash.0.to_vec(),
        });
        let body = Body {
            log: self.log.as_bytes().to_vec(),
            first_position: self.before.position.0 + 1,
            recorded_at: self.recorded_at,
            streams: streams.collect(),
        }
        .encode_to_vec();
        let mut header = Vec::with_capacity(FIXED_BYTES + body.len() + CRC_BYTES);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        header.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        header.extend_from_slice(&body);
        header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
        header
    }

    /// The header at the start of a file and its size in bytes. The error says what is wrong with it.
    pub fn parse(file: &[u8]) -> Result<(Self, usize), BadHeader> {
        let fixed = file.first_chunk::<FIXED_BYTES>().ok_or("the segment header is cut off")?;
        let word = |at: usize| fixed[at..].first_chunk::<4>().map_or(0, |word| u32::from_le_bytes(*word));
        if !fixed.starts_with(&MAGIC) {
            return Err("this is no segment file".into());
        }
        let size = FIXED_BYTES + word(12) as usize + CRC_BYTES;
        let whole = file.get(..size).ok_or("the segment header is cut off")?;
        let (covered, crc) = whole.split_at(size - CRC_BYTES);
        if crc != crc32c::crc32c(covered).to_le_bytes() {
            return Err("the segment header's CRC is wrong".into());
        }
        if word(8) != FORMAT_VERSION {
            return Err(BadHeader::Unknown(word(8)));
        }
        let body = Body::decode(&covered[FIXED_BYTES..]).map_err(|error| error.to_string());
        Ok((body.and_then(Self::from_body).map_err(BadHeader::Damaged)?, size))
    }

    fn from_body(body: Body) -> Result<Self, String> {
        let mut before = Tail::default();
        before.position.0 =
            body.first_position.checked_sub(1).ok_or("a segment can't start at position 0")?;
        for end in body.streams {
            let hash = end.hash.try_into().map_err(|_| "a hash in the segment header has not 32 bytes")?;
            before.streams.insert(StreamName::new(end.stream), (Position(end.position), Hash(hash)));
        }
        let log = Uuid::from_slice(&body.log).map_err(|error| error.to_string())?;
        Ok(Self { log, before, recorded_at: body.recorded_at })
    }
}
