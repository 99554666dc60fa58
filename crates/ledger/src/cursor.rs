//! A cursor: how far somebody who acts on the log has followed it. A witness at the next start (L8): what has been acted
//! on may not be missing. Written without a sync, so it outlives a killed process but perhaps not a power loss.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

use mooring_event_log::{Hash, Position, Record, StreamName, segments::Witness};

/// CRC, position, hash, then the length of the stream's name and the name.
const FIXED: usize = 4 + 8 + 32 + 1;
const LONGEST: usize = FIXED + u8::MAX as usize;

/// A file with one position in it.
#[derive(Debug)]
pub struct Cursor {
    file: File,
}

impl Cursor {
    /// Opens the file, or makes it.
    pub fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { file: File::options().read(true).write(true).create(true).truncate(false).open(path)? })
    }

    /// How far it says; `None` when it is new or does not say it whole.
    pub fn witness(&self) -> io::Result<Option<Witness>> {
        let mut bytes = [0; LONGEST];
        let length = self.file.read_at(&mut bytes, 0)?;
        Ok(parse(&bytes[..length]))
    }

    /// This record has been followed.
    pub fn advance(&self, record: &Record) -> io::Result<()> {
        let name = record.stream.as_str().as_bytes();
        let length = u8::try_from(name.len()).map_err(io::Error::other)?;
        let content = [&record.position.0.to_le_bytes()[..], &record.hash.0, &[length], name].concat();
        self.file.write_all_at(&[&crc32c::crc32c(&content).to_le_bytes()[..], &content].concat(), 0)
    }
}

fn parse(bytes: &[u8]) -> Option<Witness> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    let (position, after) = rest.split_first_chunk::<8>()?;
    let (hash, after) = after.split_first_chunk::<32>()?;
    let (length, after) = after.split_first()?;
    let name = after.get(..usize::from(*length))?;
    let content = rest.get(..FIXED - 4 + name.len())?;
    let whole = crc32c::crc32c(content) == u32::from_le_bytes(*crc);
    let stream = StreamName::new(std::str::from_utf8(name).ok()?);
    whole.then_some(Witness {
        position: Position(u64::from_le_bytes(*position)),
        record: Some((stream, Hash(*hash))),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    fn record(position: u64, stream: &str) -> Record {
        Record {
            position: Position(position),
            stream: StreamName::new(stream),
            previous: Hash::default(),
            hash: Hash([7; 32]),
            commits: Vec::new(),
        }
    }

    #[test]
    fn a_cursor_says_the_last_record_followed_also_after_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor/r1");
        let cursor = Cursor::open(&path).unwrap();
        assert_eq!(cursor.witness().unwrap(), None);
        cursor.advance(&record(8, "resource")).unwrap();
        cursor.advance(&record(9, "health")).unwrap();
        let witness = Cursor::open(&path).unwrap().witness().unwrap().unwrap();
        assert_eq!(witness.position, Position(9));
        assert_eq!(witness.record, Some((StreamName::new("health"), Hash([7; 32]))));
    }

    #[test]
    fn a_cursor_with_any_byte_changed_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r1");
        Cursor::open(&path).unwrap().advance(&record(9, "health")).unwrap();
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            fs::write(&path, bad).unwrap();
            assert_eq!(Cursor::open(&path).unwrap().witness().unwrap(), None, "byte {at}");
        }
    }
}
