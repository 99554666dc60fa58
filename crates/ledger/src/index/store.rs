//! The index in sled, beside the snapshots and like them only what can be rebuilt from the log.
//!
//! Under `p`, term and first entry: a block of a term's list. Under `s` and a binding's id: a binding that has not ended.
//! Under `t` and a time: the record that was recorded then. Under `header`: up to where. A flush writes the lists in the order
//! of their keys, and the rest with the header at once behind them: one that was cut off leaves lists that go on beyond the
//! header, and what is there already is not written again.

use std::{
    io,
    path::{Path, PathBuf},
};

use mooring_domain::{Position, Timestamp, id::BindingId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    concerns::{Concerns, Unfinished},
    entry::{BLOCK, Entry, decode, encode, opened, sealed},
    pending::Pending,
};
use crate::snapshots::{Witness, set_aside};

/// The version of all that is stored here; grows with every change of it, and of what events concern.
const VERSION: u32 = 1;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// Lists that are written together: neighbours, since sled takes a batch in no order of its own.
const TOGETHER: usize = 256;
const HEADER: &[u8] = b"header";
const STANDING: u8 = b's';
const TIME: u8 = b't';

/// The index can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// sled failed.
    #[error("index of events: {0}")]
    Store(#[from] sled::Error),
    /// What was read is not what was written.
    #[error("index of events: {0} is damaged")]
    Damaged(&'static str),
    /// Encoding.
    #[error("index of events: {0}")]
    Encode(#[from] postcard::Error),
    /// Setting it aside.
    #[error("index of events: {0}")]
    Aside(String),
    /// The task that used it ended early: sled panics on some damage.
    #[error("index of events: {0}")]
    Stopped(#[from] tokio::task::JoinError),
    /// It is being opened, or rebuilt.
    #[error("index of events: it is not open")]
    Closed,
}

impl IndexError {
    /// Whether what is on the disk can't be used any more; a disk that failed may do better the next time.
    pub(super) fn is_damage(&self) -> bool {
        !matches!(self, Self::Store(sled::Error::Io(_)) | Self::Closed | Self::Aside(_))
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    position: Position,
    hash: [u8; 32],
}

pub(super) struct Store {
    db: sled::Db,
}

impl Store {
    pub(super) fn open(folder: &Path) -> Result<Self, IndexError> {
        if let Some(parent) = folder.parent() {
            std::fs::create_dir_all(parent).map_err(|error| sled::Error::Io(io::Error::other(error)))?;
        }
        let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        Ok(Self { db: config.open()? })
    }

    /// Renames what can't be used; where to is the answer.
    pub(super) fn set_aside(folder: &Path) -> Result<PathBuf, IndexError> {
        set_aside(folder).map_err(|error| IndexError::Aside(error.to_string()))
    }

    /// Up to where it goes, and what has to be known to go on; `None` when it is empty or of another version.
    pub(super) fn load(&self) -> Result<Option<(Witness, Concerns)>, IndexError> {
        let Some(header) = self.db.get(HEADER)? else { return Ok(None) };
        let header = opened(HEADER, &header).ok_or(IndexError::Damaged("its header"))?;
        let header: Header = postcard::from_bytes(header)?;
        if header.version != VERSION {
            return Ok(None);
        }
        let mut concerns = Concerns::default();
        for stored in self.db.scan_prefix([STANDING]) {
            let (key, value) = stored?;
            let damaged = IndexError::Damaged("a binding in it");
            let id = Uuid::from_slice(&key[1..]).map_err(|_| IndexError::Damaged("a binding in it"))?;
            let unfinished: Unfinished = postcard::from_bytes(opened(&key, &value).ok_or(damaged)?)?;
            concerns.enter(BindingId::new(id), unfinished);
        }
        concerns.changed();
        Ok(Some((Witness { position: header.position, hash: header.hash }, concerns)))
    }

    /// Empties it.
    pub(super) fn clear(&self) -> Result<(), IndexError> {
        Ok(self.db.clear()?)
    }

    /// Stores what came up to `witness`. Blocks until it is synced.
    pub(super) fn flush(
        &self,
        pending: &Pending,
        changed: Vec<(BindingId, Option<Unfinished>)>,
        witness: Witness,
    ) -> Result<(), IndexError> {
        let mut lists: Vec<_> = pending.postings.iter().collect();
        lists.sort_unstable_by_key(|(term, _)| *term);
        for lists in lists.chunks(TOGETHER) {
            let mut batch = sled::Batch::default();
            for (term, entries) in lists {
                self.extend(&mut batch, term, entries)?;
            }
            self.db.apply_batch(batch)?;
        }
        let mut batch = sled::Batch::default();
        for (binding, unfinished) in changed {
            let key = [&[STANDING], &binding.uuid().as_bytes()[..]].concat();
            match unfinished {
                Some(unfinished) => {
                    batch.insert(&key[..], sealed(&key, &postcard::to_stdvec(&unfinished)?));
                }
                None => batch.remove(key),
            }
        }
        for (time, position) in &pending.marks {
            let key = time_key(*time);
            batch.insert(&key[..], sealed(&key, &position.0.to_be_bytes()));
        }
        let header = Header { version: VERSION, position: witness.position, hash: witness.hash };
        batch.insert(HEADER, sealed(HEADER, &postcard::to_stdvec(&header)?));
        self.db.apply_batch(batch)?;
        self.db.flush()?;
        Ok(())
    }

    /// A list goes on in its last block, then in further ones, with what it has not got.
    fn extend(&self, batch: &mut sled::Batch, term: &[u8], new: &[Entry]) -> Result<(), IndexError> {
        let last = Entry::of_key([u8::MAX; Entry::BYTES]);
        let mut entries = self.block_at(term, last)?.unwrap_or_default();
        let known = entries.last().copied();
        let new = &new[new.partition_point(|entry| known.is_some_and(|known| *entry <= known))..];
        if new.is_empty() {
            return Ok(());
        }
        if entries.len() >= BLOCK {
            entries.clear();
        }
        entries.extend_from_slice(new);
        for block in entries.chunks(BLOCK) {
            let Some(first) = block.first() else { continue };
            let key = block_key(term, *first);
            batch.insert(&key[..], encode(&key, block)?);
        }
        Ok(())
    }

    /// The block of a list that has this place or the last one before it.
    pub(super) fn block_at(&self, term: &[u8], at: Entry) -> Result<Option<Vec<Entry>>, IndexError> {
        let range = self.db.range(term.to_vec()..=block_key(term, at)).next_back();
        range.map(|stored| block(stored?)).transpose()
    }

    /// The next block of a list behind this place.
    pub(super) fn block_behind(&self, term: &[u8], at: Entry) -> Result<Option<Vec<Entry>>, IndexError> {
        let end = block_key(term, Entry::of_key([u8::MAX; Entry::BYTES]));
        let range = self.db.range(block_key(term, at.next())..=end).next();
        range.map(|stored| block(stored?)).transpose()
    }

    /// The last mark before a time.
    pub(super) fn mark_before(&self, time: Timestamp) -> Result<Option<Position>, IndexError> {
        mark(self.db.range(vec![TIME]..time_key(time)).next_back())
    }

    /// The first mark behind a time.
    pub(super) fn mark_behind(&self, time: Timestamp) -> Result<Option<Position>, IndexError> {
        mark(self.db.range(time_key(Timestamp(time.0.saturating_add(1)))..vec![TIME + 1]).next())
    }
}

type Stored = (sled::IVec, sled::IVec);

fn block((key, value): Stored) -> Result<Vec<Entry>, IndexError> {
    decode(&key, &value).ok_or(IndexError::Damaged("a list in it"))
}

fn mark(stored: Option<sled::Result<Stored>>) -> Result<Option<Position>, IndexError> {
    let Some((key, value)) = stored.transpose()? else { return Ok(None) };
    let position = opened(&key, &value).and_then(|bytes| bytes.try_into().ok());
    let position = position.ok_or(IndexError::Damaged("a time in it"))?;
    Ok(Some(Position(u64::from_be_bytes(position))))
}

fn block_key(term: &[u8], first: Entry) -> Vec<u8> {
    [term, &first.key()].concat()
}

fn time_key(time: Timestamp) -> Vec<u8> {
    [&[TIME], &time.0.to_be_bytes()[..]].concat()
}

#[cfg(test)]
mod tests {
    use mooring_domain::CommitPosition;

    use super::*;

    const TERM: &[u8] = b"pterm";

    fn entries(positions: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
        let at = |position| CommitPosition { position: Position(position), index: 0 };
        positions.map(|position| Entry { at: at(position), event: 0 }).collect()
    }

    fn pending(positions: std::ops::RangeInclusive<u64>) -> Pending {
        let mut pending = Pending::default();
        pending.postings.insert(TERM.into(), entries(positions));
        pending
    }

    /// All of the list, block by block.
    fn stored(store: &Store) -> Vec<Entry> {
        let (mut all, mut at): (Vec<Entry>, _) = (Vec::new(), Entry::default());
        while let Some(block) = store.block_behind(TERM, at).unwrap() {
            at = *block.first().unwrap();
            all.extend(block);
        }
        all
    }

    #[test]
    fn a_flush_that_was_cut_off_before_its_header_is_made_again_and_nothing_is_there_twice() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("index")).unwrap();
        let witness = |position| Witness { position: Position(position), hash: [7; 32] };
        store.flush(&pending(1..=300), Vec::new(), witness(300)).unwrap();
        let mut batch = sled::Batch::default();
        store.extend(&mut batch, TERM, &entries(301..=1_100)).unwrap();
        store.db.apply_batch(batch).unwrap();
        assert_eq!(store.load().unwrap().unwrap().0, witness(300), "the header is as it was");
        // What the log says behind the header, and more that came since.
        store.flush(&pending(301..=1_500), Vec::new(), witness(1_500)).unwrap();
        assert_eq!(stored(&store), entries(1..=1_500));
        assert_eq!(store.load().unwrap().unwrap().0, witness(1_500));
    }
}
