//! Where an event stands, and how lists of such places are stored: in blocks that say themselves whether they are whole.

use mooring_domain::{CommitPosition, Position};
use serde::{Deserialize, Serialize};

/// So many entries make a block full.
pub(super) const BLOCK: usize = 512;
const CRC_BYTES: usize = 4;

/// The place of an event: its commit, and its number in that, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The commit.
    pub at: CommitPosition,
    /// The event in it.
    pub event: u32,
}

impl Entry {
    /// The bytes of its key.
    pub(super) const BYTES: usize = 16;

    /// The first place that an event after this record can have.
    pub fn after(position: Position) -> Self {
        let at = CommitPosition { position: Position(position.0.saturating_add(1)), index: 0 };
        Self { at, event: 0 }
    }

    /// The first place that an event after this commit can have.
    pub fn after_commit(at: CommitPosition) -> Self {
        Self { at: CommitPosition { index: at.index.saturating_add(1), ..at }, event: 0 }
    }

    /// Just behind it.
    pub(super) fn next(self) -> Self {
        Self { event: self.event.saturating_add(1), ..self }
    }

    /// Keys sort as entries do.
    pub(super) fn key(self) -> [u8; Self::BYTES] {
        let mut key = [0; Self::BYTES];
        key[..8].copy_from_slice(&self.at.position.0.to_be_bytes());
        key[8..12].copy_from_slice(&self.at.index.to_be_bytes());
        key[12..].copy_from_slice(&self.event.to_be_bytes());
        key
    }

    pub(super) fn of_key(key: [u8; Self::BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = key;
        let position = Position(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        let at = CommitPosition { position, index: u32::from_be_bytes([i, j, k, l]) };
        Self { at, event: u32::from_be_bytes([m, n, o, p]) }
    }
}

/// A block: the CRC of its key and of what follows, then the entries, each position as the distance from the one before.
pub(super) fn encode(key: &[u8], entries: &[Entry]) -> Result<Vec<u8>, postcard::Error> {
    let mut before = 0;
    let near = entries.iter().map(|entry| {
        let distance = entry.at.position.0 - before;
        before = entry.at.position.0;
        (distance, entry.at.index, entry.event)
    });
    let content = postcard::to_stdvec(&near.collect::<Vec<_>>())?;
    Ok(sealed(key, &content))
}

/// The entries of a block that is whole.
pub(super) fn decode(key: &[u8], block: &[u8]) -> Option<Vec<Entry>> {
    let near: Vec<(u64, u32, u32)> = postcard::from_bytes(opened(key, block)?).ok()?;
    let mut position = 0_u64;
    near.into_iter()
        .map(|(distance, index, event)| {
            position = position.checked_add(distance)?;
            Some(Entry { at: CommitPosition { position: Position(position), index }, event })
        })
        .collect()
}

/// A value under the CRC of its key and itself.
pub(super) fn sealed(key: &[u8], content: &[u8]) -> Vec<u8> {
    let crc = crc32c::crc32c_append(crc32c::crc32c(key), content);
    [&crc.to_le_bytes()[..], content].concat()
}

/// What was sealed, if it is whole and stands under its own key.
pub(super) fn opened<'a>(key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let (crc, content) = value.split_first_chunk::<CRC_BYTES>()?;
    (u32::from_le_bytes(*crc) == crc32c::crc32c_append(crc32c::crc32c(key), content)).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(position: u64, index: u32, event: u32) -> Entry {
        Entry { at: CommitPosition { position: Position(position), index }, event }
    }

    #[test]
    fn a_block_is_read_as_it_was_written_and_no_flipped_bit_passes() {
        let entries = [entry(1, 0, 0), entry(1, 0, 1), entry(7, 999, 0), entry(u64::MAX, 0, 3)];
        let block = encode(b"key", &entries).unwrap();
        assert_eq!(decode(b"key", &block).unwrap(), entries);
        assert_eq!(decode(b"another", &block), None);
        for bit in 0..block.len() * 8 {
            let mut bad = block.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(b"key", &bad), None, "bit {bit}");
        }
    }

    #[test]
    fn keys_sort_as_entries_do() {
        let sorted = [entry(1, 0, 0), entry(1, 0, 1), entry(1, 2, 0), entry(2, 0, 0), entry(256, 0, 0)];
        assert!(sorted.map(Entry::key).is_sorted());
        assert_eq!(sorted.map(|entry| Entry::of_key(entry.key())), sorted);
        assert!(Entry::after(Position(1)) > sorted[2] && Entry::after(Position(1)) == sorted[3]);
    }
}
