//! A log copied to a backup beside the process that writes it, and back. Segments are copied as they are, so that a backup is a
//! log where it lies for every reader; of the last one only what is new. What is there must be how the log begins.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::{
    contract::LogError,
    record::Position,
    segments::{
        archive, earlier,
        folder::{Folder, failed, sync_folder, write_failed},
        frame,
        header::Header,
        scan::Damage,
        verify::{Whole, verify},
        walk::{self, Walked},
    },
};

/// What the name of a file that is still being written ends with.
const PART: &str = "part";

/// A backup that is whole, and was read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The last record that it had before.
    pub already: Position,
    /// Bytes that were written now.
    pub copied: u64,
    /// What the backup is now.
    pub whole: Walked,
}

/// Why there is no backup, or nothing restored. What a backup had it has still.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no segment of a log in {}", place.display())]
    Missing {
        /// Where.
        place: PathBuf,
    },
    /// What is to be copied, or was, is not whole.
    #[error("{}: {damage}", place.display())]
    NotWhole {
        /// Which of the two.
        place: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The backup is not how the log begins: it is of another log, or two histories were written.
    #[error("{} is no backup of {}: it differs at record {record}; nothing was copied", to.display(), from.display())]
    Differs {
        /// The log.
        from: PathBuf,
        /// The backup.
        to: PathBuf,
        /// The first record that differs, or one before it in the same frame.
        record: Position,
    },
    /// The backup has more than the log: the log lost its end.
    #[error(
        "{} ends at record {last}, and its backup {} has record {found}: the log lost its end; nothing was copied",
        from.display(), to.display()
    )]
    Longer {
        /// The log.
        from: PathBuf,
        /// The backup.
        to: PathBuf,
        /// Where the log ends.
        last: Position,
        /// Where the backup ends.
        found: Position,
    },
    /// There is something already where a log is to be restored.
    #[error("{} is there already, and is not overwritten", place.display())]
    Occupied {
        /// What is there.
        place: PathBuf,
    },
    /// A folder or a file can't be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Copies what the log in folder `from` has and the backup in folder `to` has not, and reads the whole backup again. Nothing in
/// `from` is locked or changed. It can be interrupted at any moment, and goes on when it is done again.
///
/// # Errors
/// See [`BackupError`].
pub fn backup(from: &Path, to: &Path) -> Result<BackedUp, BackupError> {
    let source = segments(from)?;
    let target = Folder::lock(to)?;
    let there = target.list()?;
    let pair = Pair { from, to };
    let already = pair.compare(&source, &there)?;
    let mut copied = 0;
    for (n, (first, path)) in source.iter().enumerate().skip(there.len().saturating_sub(1)) {
        let content = pair.read(path, n + 1 == source.len())?;
        copied += match there.get(n) {
            Some((_, begun)) => pair.go_on(*first, begun, &content)?,
            None => put(&target.segment(*first), &content)?,
        };
        target.sync()?;
    }
    // What is wrong with the log itself is said of the log.
    let whole = whole(to).or_else(|bad| whole(from).and(Err(bad)))?;
    Ok(BackedUp { already, copied, whole })
}

/// Copies the log in folder `from`, a backup, to folder `to`, where nothing may be. All of it or nothing is there afterwards.
///
/// # Errors
/// See [`BackupError`].
pub fn restore(from: &Path, to: &Path) -> Result<Walked, BackupError> {
    let source = segments(from)?;
    if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) || to.is_file() {
        return Err(BackupError::Occupied { place: to.to_owned() });
    }
    whole(from)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let aside = to.with_extension(PART);
    if aside.exists() {
        // What an interrupted restore has left.
        fs::remove_dir_all(&aside).map_err(|error| failed("remove", &aside, &error))?;
    }
    let target = Folder::lock(&aside)?;
    for (first, path) in &source {
        let content = archive::read(path)?;
        put(&target.segment(*first), &content)?;
    }
    target.sync()?;
    drop(target);
    let walked = whole(&aside)?;
    fs::rename(&aside, to).map_err(|error| write_failed(to, &error))?;
    sync_folder(parent)?;
    Ok(walked)
}

fn segments(place: &Path) -> Result<Vec<(Position, PathBuf)>, BackupError> {
    let missing = || BackupError::Missing { place: place.to_owned() };
    let found = if place.join("segments").is_dir() { walk::files(place)? } else { return Err(missing()) };
    if found.is_empty() { Err(missing()) } else { Ok(found) }
}

/// All of it is read.
fn whole(place: &Path) -> Result<Walked, BackupError> {
    let walked = verify(place)?;
    match walked.damage {
        None => Ok(walked),
        Some(damage) => Err(BackupError::NotWhole { place: place.to_owned(), damage }),
    }
}

/// The two folders, for messages.
struct Pair<'a> {
    from: &'a Path,
    to: &'a Path,
}

impl Pair<'_> {
    /// Whether what is there begins as the log does, by the headers: each has the hashes of all that stands before it. The last
    /// record of what is there.
    fn compare(
        &self,
        source: &[(Position, PathBuf)],
        there: &[(Position, PathBuf)],
    ) -> Result<Position, BackupError> {
        for ((first, path), (found, begun)) in source.iter().zip(there) {
            let (wanted, begun) = (header(path)?, header(begun)?);
            // One that an interrupted backup has not begun whole is written again.
            if found != first || begun.is_some_and(|begun| Some(begun) != wanted) {
                return Err(self.differs(*first));
            }
        }
        let Some((_, last)) = there.last() else { return Ok(Position(0)) };
        let content = read(last)?;
        let end = Whole::prefix_of(&content).map_or(Position(0), |(end, _)| end);
        if there.len() > source.len() {
            let log = whole(self.from)?;
            return Err(self.longer(log.whole.position, end));
        }
        Ok(end)
    }

    /// A segment of the log, whole.
    fn read(&self, path: &Path, is_last: bool) -> Result<Vec<u8>, BackupError> {
        let content = if is_last { walk::settled(self.from, path)? } else { archive::read(path)? };
        match Whole::prefix_of(&content) {
            Some((_, length)) if length == content.len() => Ok(content),
            _ => {
                whole(self.from)?;
                Err(LogError::Unavailable(format!("{} changes while it is read", path.display()).into())
                    .into())
            }
        }
    }

    /// Adds what a segment has more than what is there of it; how much that is.
    fn go_on(&self, first: Position, begun: &Path, content: &[u8]) -> Result<u64, BackupError> {
        let there = read(begun)?;
        let Some((end, length)) = Whole::prefix_of(&there) else { return put(begun, content) };
        let common = length.min(content.len());
        if there[..common] != content[..common] {
            return Err(self.differs(different(first, &there[..common], content)));
        }
        if length > content.len() {
            let last = Whole::prefix_of(content).map_or(Position(0), |(last, _)| last);
            return Err(self.longer(last, end));
        }
        let file = OpenOptions::new().write(true).open(begun);
        let file = file.map_err(|error| failed("open", begun, &error))?;
        let written =
            file.set_len(length as u64).and_then(|()| file.write_all_at(&content[length..], length as u64));
        written.and_then(|()| file.sync_all()).map_err(|error| write_failed(begun, &error))?;
        Ok((content.len() - length) as u64)
    }

    fn differs(&self, record: Position) -> BackupError {
        BackupError::Differs { from: self.from.to_owned(), to: self.to.to_owned(), record }
    }

    fn longer(&self, last: Position, found: Position) -> BackupError {
        BackupError::Longer { from: self.from.to_owned(), to: self.to.to_owned(), last, found }
    }
}

/// The first record of the first frame that differs.
fn different(first: Position, there: &[u8], content: &[u8]) -> Position {
    let Ok((_, mut at)) = Header::parse(there) else { return first };
    let mut record = first;
    while let Ok(frame) = frame::parse(&there[at..]) {
        record = frame::first_position(&there[at..]).unwrap_or(record);
        if content.get(at..at + frame.size) != there.get(at..at + frame.size) {
            return record;
        }
        at += frame.size;
    }
    record
}

/// A segment's header; nothing where it is not whole.
fn header(path: &Path) -> Result<Option<Header>, LogError> {
    Ok(Header::parse(&earlier::start(path)?).ok().map(|(header, _)| header))
}

fn read(path: &Path) -> Result<Vec<u8>, LogError> {
    fs::read(path).map_err(|error| failed("read", path, &error))
}

/// Writes a file that is whole and durable before it has its name; how many bytes.
pub(super) fn put(path: &Path, content: &[u8]) -> Result<u64, BackupError> {
    let part = path.with_extension(PART);
    let write = || -> io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|error| write_failed(path, &error))?;
    Ok(content.len() as u64)
}
