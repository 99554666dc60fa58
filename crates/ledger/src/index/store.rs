//! The index in sled, beside the snapshots and like them only what can be rebuilt from the log.
//!
//! Under `p`, term and first entry: a block of a term's list. Under `s` and a binding's id: a binding that has not ended.
//! Under `t` and a time: the record that was recorded then. Under `header`: up to where. All of a flush is written at once.

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

    /// Stores what came up to `witness`, all of it or nothing. Blocks until it is synced.
    pub(super) fn flush(
        &self,
        pending: &Pending,
        changed: Vec<(BindingId, Option<Unfinished>)>,
        witness: Witness,
    ) -> Result<(), IndexError> {
        let mut batch = sled::Batch::default();
        for (term, entries) in &pending.postings {
            self.extend(&mut batch, term, entries)?;
        }
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

    /// A list goes on in its last block, then in further ones.
    fn extend(&self, batch: &mut sled::Batch, term: &[u8], new: &[Entry]) -> Result<(), IndexError> {
        let (mut entries, last) = (Vec::new(), Entry::of_key([u8::MAX; Entry::BYTES]));
        if let Some(block) = self.block_at(term, last)?.filter(|block| block.len() < BLOCK) {
            entries = block;
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
