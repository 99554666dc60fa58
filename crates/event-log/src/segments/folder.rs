//! The folder of one region's log: its lock, its segments by name, and what was set aside.
//!
//! ```text
//! <folder>/lock
//! <folder>/segments/00000000000000000001.log     named for its first position
//! <folder>/segments/00000000000000000001.archived    stands for one that was moved to an archive
//! <folder>/segments/torn-<position>-<n>.bin      an end that nobody had seen, cut off
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{contract::LogError, record::Position, segments::archive};

const SUFFIX: &str = ".log";
const DIGITS: usize = 20;

/// A log's folder, locked for this process.
pub(super) struct Folder {
    segments: PathBuf,
    /// The lock goes when this is dropped, or with the process.
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is missing, and locks it.
    pub fn lock(folder: &Path) -> Result<Self, LogError> {
        let segments = folder.join("segments");
        let missing = segments.ancestors().take_while(|path| !path.exists()).count();
        fs::create_dir_all(&segments).map_err(|error| failed("make", &segments, &error))?;
        let path = folder.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|error| failed("open", &path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let why = format!("{} is open in another process, or twice in this one", folder.display());
                return Err(LogError::Unavailable(why.into()));
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path, &error)),
        }
        // Each new folder's name is durable once the folder above it is synced; at least `segments` and `<folder>`,
        // whose maker may have been killed before it came to this.
        for parent in segments.ancestors().skip(1).take(missing.max(2)) {
            sync_folder(parent)?;
        }
        Ok(Self { segments, _lock: lock })
    }

    /// The segments' first positions and paths, in order. A `.log` file with another name is refused.
    pub fn list(&self) -> Result<Vec<(Position, PathBuf)>, LogError> {
        list(&self.segments)
    }

    /// The path of the segment that starts at a position.
    pub fn segment(&self, first: Position) -> PathBuf {
        self.segments.join(format!("{:0DIGITS$}{SUFFIX}", first.0))
    }

    /// Writes bytes to a new file `torn-<position>-<n>.bin` and syncs it.
    pub fn set_aside(&self, position: Position, bytes: &[u8]) -> Result<PathBuf, LogError> {
        let mut n = 1_u32;
        loop {
            let path = self.segments.join(format!("torn-{position}-{n}.bin"));
            match OpenOptions::new().create_new(true).write(true).open(&path) {
                Ok(mut file) => {
                    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
                        fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
                        return Err(write_failed(&path, &error));
                    }
                    self.sync()?;
                    return Ok(path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => n += 1,
                Err(error) => return Err(failed("make", &path, &error)),
            }
        }
    }

    /// Makes names that were added or removed durable.
    pub fn sync(&self) -> Result<(), LogError> {
        sync_folder(&self.segments)
    }
}

/// As [`Folder::list`], for somebody who has not locked the folder.
pub(super) fn list(segments: &Path) -> Result<Vec<(Position, PathBuf)>, LogError> {
    let failed = |error: io::Error| failed("list", segments, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(segments).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str() else { continue };
        let name = archive::stands_for(name).unwrap_or_else(|| name.to_owned());
        let Some(stem) = name.strip_suffix(SUFFIX) else { continue };
        let digits = stem.len() == DIGITS && stem.bytes().all(|byte| byte.is_ascii_digit());
        let Some(first) = digits.then(|| stem.parse().ok()).flatten() else {
            let why = format!("{}/{stem}{SUFFIX} is no segment's name", segments.display());
            return Err(LogError::Damaged(why.into()));
        };
        found.push((Position(first), segments.join(&name)));
    }
    found.sort();
    // While one is archived, both of its names are there.
    found.dedup();
    Ok(found)
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), LogError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|file| file.sync_all()).map_err(|error| failed("sync", folder, &error))
}

/// An operation on a file that failed before anything was written.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> LogError {
    LogError::Unavailable(format!("can't {what} {}: {error}", path.display()).into())
}

/// A write that failed and left nothing: no room, or a disk that may answer again.
pub(super) fn write_failed(path: &Path, error: &io::Error) -> LogError {
    match error.kind() {
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::WriteZero => LogError::Full(format!("{}: {error}", path.display()).into()),
        _ => failed("write", path, error),
    }
}
