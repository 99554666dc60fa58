//! The segment that is written to. A write is all or nothing: what fails half-way is cut off again.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use crate::{
    contract::LogError,
    segments::{
        folder::{failed, write_failed},
        scan::LastSegment,
    },
};

/// An open segment file; every byte up to `length` is written, and durable unless it is `dirty`.
pub(super) struct Active {
    file: File,
    path: PathBuf,
    length: u64,
    has_frames: bool,
    /// Whether something was written that is not synced.
    dirty: bool,
}

impl Active {
    /// A new segment with this header, synced; its name is not, yet. On failure nothing stays behind.
    pub fn create(path: PathBuf, header: &[u8]) -> Result<Self, LogError> {
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| write_failed(&path, &error))?;
        if let Err(error) = file.write_all_at(header, 0).and_then(|()| file.sync_all()) {
            fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
            return Err(write_failed(&path, &error));
        }
        Ok(Self { file, path, length: header.len() as u64, has_frames: false, dirty: false })
    }

    /// Goes on in a segment. Its last frame is written again and synced: it may have come here unsynced, by a
    /// process that was killed, and after a failed sync the kernel takes its pages for clean though the disk does
    /// not have them.
    pub fn resume(last: LastSegment) -> Result<Self, LogError> {
        let LastSegment { path, last_offset, last_bytes } = last;
        let file = OpenOptions::new().write(true).open(&path);
        let file = file.map_err(|error| failed("open", &path, &error))?;
        let synced = file.write_all_at(&last_bytes, last_offset).and_then(|()| file.sync_all());
        synced.map_err(|error| failed("sync", &path, &error))?;
        let length = last_offset + last_bytes.len() as u64;
        Ok(Self { file, path, length, has_frames: last_offset > 0, dirty: false })
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether the next frame belongs into a new segment. One without frames is never left: its name is its first
    /// position, and the next segment would have the same.
    pub fn is_full(&self, segment_bytes: u64) -> bool {
        self.has_frames && self.length >= segment_bytes
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes, and syncs if asked to. `Full`, `Unavailable`: nothing was written. `Unknown`: it may or may not last, and the
    /// file must be read anew before it is written again. `Damaged`: somebody else changed the file.
    pub fn append(&mut self, bytes: &[u8], sync: bool) -> Result<(), LogError> {
        self.check_untouched()?;
        if let Err(error) = self.file.write_all_at(bytes, self.length) {
            self.file.set_len(self.length).map_err(|cut| self.unknown("cut back", &cut))?;
            return Err(write_failed(&self.path, &error));
        }
        self.dirty = true;
        if sync {
            self.sync()?;
        }
        self.length += bytes.len() as u64;
        self.has_frames = true;
        Ok(())
    }

    /// Makes everything durable that was written without a sync.
    pub fn sync(&mut self) -> Result<(), LogError> {
        if self.dirty {
            self.file.sync_data().map_err(|error| self.unknown("sync", &error))?;
            self.dirty = false;
        }
        Ok(())
    }

    fn check_untouched(&self) -> Result<(), LogError> {
        let found = self.file.metadata().map_err(|error| failed("look at", &self.path, &error))?;
        if found.len() == self.length && found.nlink() > 0 {
            return Ok(());
        }
        let (path, length) = (self.path.display(), self.length);
        let why = match found.nlink() {
            0 => format!("{path} was removed"),
            _ => format!("{path} has {} bytes, and {length} were written", found.len()),
        };
        Err(LogError::Damaged(why.into()))
    }

    fn unknown(&self, what: &str, error: &io::Error) -> LogError {
        LogError::Unknown(format!("can't {what} {}: {error}", self.path.display()).into())
    }
}
