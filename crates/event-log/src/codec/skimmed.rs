//! A record read where it lies: nothing is copied out of its bytes. What is not as [`super::encode`] writes it is nothing here;
//! [`super::decode`] says what is wrong with it.

use prost::encoding::{WireType, decode_key, decode_varint};
use uuid::Uuid;

use crate::record::Position;

/// A record, but for its own hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skimmed<'a> {
    position: Position,
    stream: &'a str,
    /// The hash of the record before it in its stream, 32 bytes.
    pub(crate) previous: &'a [u8],
    /// Its commits, in order.
    pub commits: Vec<SkimmedCommit<'a>>,
}

/// A commit of such a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkimmedCommit<'a> {
    bytes: &'a [u8],
    /// The caller's id for the request, if it gave one.
    pub request_id: Option<Uuid>,
    /// Who asked.
    pub actor: &'a str,
    /// When it was recorded: nanoseconds since the Unix epoch.
    pub recorded_at: u64,
}

/// What a field has.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Skimmed<'a> {
    /// Its position.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The name of its stream.
    pub fn stream(&self) -> &'a str {
        self.stream
    }

    pub(crate) fn read(encoded: &'a [u8]) -> Option<Self> {
        let mut record = Self::default();
        let mut rest = encoded;
        while !rest.is_empty() {
            match field(&mut rest)? {
                (1, Value::Number(position)) => record.position = Position(position),
                (2, Value::Bytes(stream)) => record.stream = text(stream)?,
                (3, Value::Bytes(previous)) => record.previous = previous,
                (4, Value::Bytes(commit)) => record.commits.push(SkimmedCommit::read(commit)?),
                (1..=4, _) => return None,
                // Of a later version.
                _ => {}
            }
        }
        (!record.commits.is_empty() && record.previous.len() == 32).then_some(record)
    }
}

impl<'a> SkimmedCommit<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut commit = Self { bytes, ..Self::default() };
        let (mut rest, mut has_id) = (bytes, false);
        while !rest.is_empty() {
            match field(&mut rest)? {
                (1, Value::Bytes(id)) => has_id = id.len() == 16,
                (2, Value::Bytes(id)) => commit.request_id = Some(Uuid::from_slice(id).ok()?),
                (4, Value::Bytes(actor)) => commit.actor = text(actor)?,
                (5, Value::Number(recorded_at)) => commit.recorded_at = recorded_at,
                (7, Value::Bytes(trace_parent)) => drop(text(trace_parent)?),
                (3 | 8, Value::Bytes(_)) | (6, Value::Number(_)) => {}
                (1..=8, _) => return None,
                // Of a later version.
                _ => {}
            }
        }
        has_id.then_some(commit)
    }

    /// Its events, as they were stored.
    pub fn events(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            loop {
                if let (8, Value::Bytes(event)) = field(&mut rest)? {
                    return Some(event);
                }
            }
        })
    }
}

/// The next field: its tag and its value.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u32, Value<'a>)> {
    let (tag, kind) = decode_key(rest).ok()?;
    let value = match kind {
        WireType::Varint => Value::Number(decode_varint(rest).ok()?),
        WireType::SixtyFourBit => {
            let (number, behind) = rest.split_first_chunk()?;
            *rest = behind;
            Value::Number(u64::from_le_bytes(*number))
        }
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
            Value::Bytes(rest.split_off(..length)?)
        }
        _ => return None,
    };
    Some((tag, value))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
