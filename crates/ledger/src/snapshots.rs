//! Snapshots of folded states in sled: only what can be rebuilt from the log.
//!
//! A snapshot carries the position and hash of the record it was taken at, its format's version and a CRC; whatever
//! does not match is ignored and the state folded from the start. A folder that does not open is set aside.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    sync::Arc,
};

use mooring_domain::{Position, name::RegionId};
use serde::{Deserialize, Serialize};

const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const CHUNK_BYTES: usize = 256 * 1024;
const HEADER: &str = "header";

/// sled failed.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Reading or writing it.
    #[error("snapshots: {0}")]
    Store(#[from] sled::Error),
    /// Setting a folder aside.
    #[error("snapshots: setting {folder} aside: {source}")]
    SetAside {
        /// The folder that did not open.
        folder: PathBuf,
        /// Why it could not be renamed.
        source: std::io::Error,
    },
    /// Encoding a state.
    #[error("snapshots: {0}")]
    Encode(#[from] postcard::Error),
    /// The task that read or wrote it ended early.
    #[error("snapshots: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// Proof that a record was once in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The record.
    pub position: Position,
    /// Its hash.
    pub hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Header {
    position: Position,
    hash: [u8; 32],
    version: u32,
    chunks: u32,
    length: u64,
    crc: u32,
    /// Which of the two places its chunks are in: the next snapshot goes into the other.
    place: u8,
}

/// The store of all snapshots of a process: of every region, and of everybody who folds it.
#[derive(Clone)]
pub struct Snapshots {
    db: sled::Db,
}

impl Snapshots {
    /// Opens the folder, or makes it. One that does not open is renamed; where to is the second answer.
    pub fn open(folder: &Path) -> Result<(Self, Option<PathBuf>), SnapshotError> {
        match Self::config(folder).open() {
            Ok(db) => Ok((Self { db }, None)),
            Err(error) if in_use(&error) => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "snapshots do not open; setting them aside");
                let aside = set_aside(folder)?;
                Ok((Self { db: Self::config(folder).open()? }, Some(aside)))
            }
        }
    }

    fn config(folder: &Path) -> sled::Config {
        sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None)
    }

    /// The snapshot of a region's log by one who folds it: a service by its stream's name, `resource/bindings` for
    /// resource's reader of bindings, `gateway/NAME`. Two that fold the same region must not have the same name.
    pub fn of(&self, region: &RegionId, who: impl Display) -> Snapshot {
        Snapshot {
            db: self.db.clone(),
            tree: format!("{}{who}", trees(region)).into(),
            who: who.to_string().into(),
        }
    }

    /// What the region's snapshots prove about its log, whoever took them.
    pub fn witnesses(&self, region: &RegionId) -> Result<Vec<Witness>, SnapshotError> {
        let mut witnesses = Vec::new();
        for name in self.db.tree_names().iter().filter(|name| name.starts_with(trees(region).as_bytes())) {
            if let Some(header) = header(&self.db.open_tree(name)?)? {
                witnesses.push(Witness { position: header.position, hash: header.hash });
            }
        }
        Ok(witnesses)
    }
}

/// What the names of a region's trees begin with. No region's name has a slash in it.
fn trees(region: &RegionId) -> String {
    format!("snapshot/{region}/")
}

/// Where one who folds keeps the snapshot of one region.
#[derive(Clone)]
pub struct Snapshot {
    db: sled::Db,
    tree: Arc<str>,
    who: Arc<str>,
}

impl Snapshot {
    /// Who folds.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// Stores a state. A process that is killed in between leaves the last snapshot: this one's chunks go into another
    /// place, and are durable before the header says so. Blocks until all of it is synced.
    pub fn save(&self, version: u32, witness: Witness, state: &[u8]) -> Result<(), SnapshotError> {
        let tree = self.db.open_tree(&*self.tree)?;
        let old = header(&tree)?;
        let place = old.as_ref().map_or(0, |old| 1 - old.place.min(1));
        let mut chunks = 0_u32;
        for chunk in state.chunks(CHUNK_BYTES) {
            tree.insert(chunk_key(place, chunks), chunk)?;
            chunks += 1;
        }
        tree.flush()?;
        let header = Header {
            position: witness.position,
            hash: witness.hash,
            version,
            chunks,
            length: state.len() as u64,
            crc: crc32c::crc32c(state),
            place,
        };
        tree.insert(HEADER, header.encode()?)?;
        tree.flush()?;
        for chunk in 0..old.map_or(0, |old| old.chunks) {
            tree.remove(chunk_key(1 - place, chunk))?;
        }
        Ok(())
    }

    /// The stored state and what it was taken at; `None` when there is none that is whole and of this version.
    pub fn load(&self, version: u32) -> Result<Option<(Witness, Vec<u8>)>, SnapshotError> {
        let tree = self.db.open_tree(&*self.tree)?;
        let Some(header) = header(&tree)?.filter(|header| header.version == version) else {
            return Ok(None);
        };
        let mut state = Vec::with_capacity(CHUNK_BYTES * header.chunks as usize);
        for chunk in 0..header.chunks {
            match tree.get(chunk_key(header.place, chunk))? {
                Some(bytes) => state.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
        let whole = state.len() as u64 == header.length && crc32c::crc32c(&state) == header.crc;
        Ok(whole.then_some((Witness { position: header.position, hash: header.hash }, state)))
    }
}

fn header(tree: &sled::Tree) -> Result<Option<Header>, SnapshotError> {
    Ok(tree.get(HEADER)?.and_then(|bytes| Header::decode(&bytes)))
}

impl Header {
    /// Its CRC, then itself: a header that is not whole is no witness of anything.
    fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        let content = postcard::to_stdvec(self)?;
        Ok([&crc32c::crc32c(&content).to_le_bytes()[..], &content].concat())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (crc, content) = bytes.split_first_chunk::<4>()?;
        let whole = crc32c::crc32c(content) == u32::from_le_bytes(*crc);
        whole.then(|| postcard::from_bytes(content).ok()).flatten()
    }
}

/// Whether another process has the folder open: then nothing is wrong with it. sled says so only in words.
pub(crate) fn in_use(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

fn chunk_key(place: u8, chunk: u32) -> [u8; 6] {
    let [a, b, c, d] = chunk.to_be_bytes();
    [b'c', place, a, b, c, d]
}

pub(crate) fn set_aside(folder: &Path) -> Result<PathBuf, SnapshotError> {
    let failed = |source| SnapshotError::SetAside { folder: folder.to_owned(), source };
    let free = (1..).map(|n| folder.with_extension(format!("damaged-{n}"))).find(|path| !path.exists());
    let aside = free.unwrap_or_else(|| folder.with_extension("damaged"));
    std::fs::rename(folder, &aside).map_err(failed)?;
    Ok(aside)
}
