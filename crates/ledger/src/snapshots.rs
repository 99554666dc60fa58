//! Snapshots of folded states in sled: only what can be rebuilt from the log.
//!
//! A snapshot carries the position and hash of the record it was taken at, its format's version and a CRC; whatever
//! does not match is ignored and the state folded from the start. A folder that does not open is set aside.

use std::path::{Path, PathBuf};

use mooring_domain::{Position, Stream, name::RegionId};
use serde::{Deserialize, Serialize};

const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const CHUNK_BYTES: usize = 256 * 1024;

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
}

/// The store of every region's and service's snapshot.
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

    fn tree(&self, region: &RegionId, stream: Stream) -> Result<sled::Tree, SnapshotError> {
        Ok(self.db.open_tree(format!("snapshot/{region}/{}", stream.name()))?)
    }

    /// What the region's snapshots prove about its log.
    pub fn witnesses(&self, region: &RegionId) -> Result<Vec<Witness>, SnapshotError> {
        let mut witnesses = Vec::new();
        for stream in Stream::ALL {
            if let Some(header) = self.header(&self.tree(region, stream)?)? {
                witnesses.push(Witness { position: header.position, hash: header.hash });
            }
        }
        Ok(witnesses)
    }

    fn header(&self, tree: &sled::Tree) -> Result<Option<Header>, SnapshotError> {
        Ok(tree.get("header")?.and_then(|bytes| postcard::from_bytes(&bytes).ok()))
    }

    /// Stores a state. The header is written last: until then the old snapshot's CRC does not match and it is ignored.
    pub(crate) fn save(
        &self,
        region: &RegionId,
        stream: Stream,
        version: u32,
        witness: Witness,
        state: &[u8],
    ) -> Result<(), SnapshotError> {
        let tree = self.tree(region, stream)?;
        let mut chunks = 0_u32;
        for chunk in state.chunks(CHUNK_BYTES) {
            tree.insert(chunk_key(chunks), chunk)?;
            chunks += 1;
        }
        let header = Header {
            position: witness.position,
            hash: witness.hash,
            version,
            chunks,
            length: state.len() as u64,
            crc: crc32c::crc32c(state),
        };
        tree.insert("header", postcard::to_stdvec(&header)?)?;
        tree.flush()?;
        Ok(())
    }

    /// The stored state and what it was taken at; `None` when there is none that fits.
    pub(crate) fn load(
        &self,
        region: &RegionId,
        stream: Stream,
        version: u32,
    ) -> Result<Option<(Witness, Vec<u8>)>, SnapshotError> {
        let tree = self.tree(region, stream)?;
        let Some(header) = self.header(&tree)?.filter(|header| header.version == version) else {
            return Ok(None);
        };
        let mut state = Vec::new();
        for chunk in 0..header.chunks {
            match tree.get(chunk_key(chunk))? {
                Some(bytes) => state.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
        let whole = state.len() as u64 == header.length && crc32c::crc32c(&state) == header.crc;
        Ok(whole.then_some((Witness { position: header.position, hash: header.hash }, state)))
    }
}

/// Whether another process has the folder open: then nothing is wrong with it. sled says so only in words.
fn in_use(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

fn chunk_key(chunk: u32) -> [u8; 5] {
    let [a, b, c, d] = chunk.to_be_bytes();
    [b'c', a, b, c, d]
}

fn set_aside(folder: &Path) -> Result<PathBuf, SnapshotError> {
    let failed = |source| SnapshotError::SetAside { folder: folder.to_owned(), source };
    let free = (1..).map(|n| folder.with_extension(format!("damaged-{n}"))).find(|path| !path.exists());
    let aside = free.unwrap_or_else(|| folder.with_extension("damaged"));
    std::fs::rename(folder, &aside).map_err(failed)?;
    Ok(aside)
}
