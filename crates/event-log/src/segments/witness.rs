//! Who has seen the log reach a position. A log that does not reach it any more lost its end (L8).

use std::collections::BTreeMap;

use crate::{
    contract::LogError,
    record::{Hash, Position, Record, StreamName},
};

/// What a snapshot, a cursor, a copy or a gateway's report says of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// It has seen this record.
    pub position: Position,
    /// The record's stream and hash, where it knows them.
    pub record: Option<(StreamName, Hash)>,
}

impl Witness {
    /// One that only knows a position.
    pub fn of(position: Position) -> Self {
        Self { position, record: None }
    }

    /// How far a log can be trusted that all these have seen: to the newest of them, but not past one whose hash has to be
    /// compared.
    pub fn trusted(witnesses: &[Self]) -> Position {
        let newest = witnesses.iter().map(|witness| witness.position).max();
        let compared = witnesses.iter().filter(|witness| witness.record.is_some());
        newest.min(compared.map(|witness| witness.position).min().or(newest)).unwrap_or_default()
    }
}

/// All witnesses, by position.
pub(super) struct Witnesses<'a>(BTreeMap<Position, Vec<&'a Witness>>);

impl<'a> Witnesses<'a> {
    pub fn new(witnesses: &'a [Witness]) -> Self {
        let mut by_position: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for witness in witnesses {
            by_position.entry(witness.position).or_default().push(witness);
        }
        Self(by_position)
    }

    /// Whether they all saw this record as it is.
    pub fn agree(&self, record: &Record) -> Result<(), String> {
        let mut seen = self.0.get(&record.position).into_iter().flatten().filter_map(|w| w.record.as_ref());
        match seen.find(|(stream, hash)| (stream, hash) != (&record.stream, &record.hash)) {
            None => Ok(()),
            Some((stream, hash)) => Err(format!(
                "is {:?} of stream {}; a witness saw {hash:?} of stream {stream}",
                record.hash, record.stream
            )),
        }
    }

    /// Whether the log reaches as far as they saw; `lost` says what became of the record after its end.
    pub fn reached(&self, end: Position, lost: &str) -> Result<(), LogError> {
        match self.0.last_key_value() {
            Some((seen, _)) if *seen > end => {
                let first = end.0 + 1;
                Err(LogError::Damaged(
                    format!("record {first} {lost}, and a witness saw record {seen}").into(),
                ))
            }
            _ => Ok(()),
        }
    }
}
