//! Reading a log where it lies: of a stopped system, a backup, or beside the process that writes it. Every CRC, position,
//! hash and time is checked as an opening would that trusts nothing; nothing is locked, made or changed.
//!
//! Only the last frame may be half written, and what a copy holds may not be durable yet. Where the log is in use a
//! half-written frame is looked at again, and the last segment is synced from here before any of it counts: what is read
//! is what outlives a power failure.

use std::{
    cell::Cell,
    fs::{File, TryLockError},
    io::{self, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use uuid::Uuid;

use crate::{
    contract::{LogError, Tail},
    record::{Position, Record},
    segments::{
        archive,
        folder::{failed, list},
        frame,
        header::{BadHeader, Header},
        scan::{Damage, Scan},
        state::State,
        witness::Witnesses,
    },
};

/// A frame that somebody may be writing is looked at so often …
const LOOKS: u32 = 20;
/// … with so much time in between.
const PAUSE: Duration = Duration::from_millis(50);

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The log's id; none where not even one segment has a whole header.
    pub log: Option<Uuid>,
    /// Up to here it is whole.
    pub whole: Tail,
    /// The highest recorded-at up to there, nanoseconds since the Unix epoch.
    pub recorded_at: u64,
    /// How many files were read,
    pub segments: usize,
    /// and how many bytes they had.
    pub bytes: u64,
    /// What is wrong behind that.
    pub damage: Option<Damage>,
    /// Nothing whole stands behind the damage: a write that did not finish looks the same.
    pub at_the_end: bool,
}

/// Reads the log in this folder. `each` is told of every record that is whole and follows the one before it, in order,
/// until it breaks: then the log is not read further than the segment it is in.
///
/// # Errors
/// `Unavailable`: the folder or a file in it can't be read. `Damaged`: a `.log` file has a name that is no segment's. All
/// other damage is in the answer, for what stands before it is good.
pub fn walk(folder: &Path, mut each: impl FnMut(&Record) -> ControlFlow<()>) -> Result<Walked, LogError> {
    let files = files(folder)?;
    let nobody = Witnesses::new(&[]);
    let stopped = Cell::new(false);
    let mut seen = |record: &Record| stopped.set(stopped.get() || each(record).is_break());
    let mut scan = Scan::telling(State::new(0), &nobody, &mut seen);
    let (mut segments, mut bytes, mut damage) = (0, 0, None);
    for (first, path) in &files {
        segments += 1;
        let read = if segments == files.len() {
            let content = settled(folder, path)?;
            bytes += content.len() as u64;
            scan.last(*first, path, &content)
        } else {
            let place = archive::find(path)?;
            let content = archive::read(path)?;
            bytes += content.len() as u64;
            scan.inner(*first, &place, &content)
        };
        damage = read.err();
        if damage.is_some() || stopped.get() {
            break;
        }
    }
    let record = scan.next();
    let torn = scan.torn.take().map(|torn| torn_end(record, torn.path, torn.offset, torn.why));
    Ok(Walked {
        log: scan.log,
        whole: scan.head.tail().clone(),
        recorded_at: scan.head.recorded_at(),
        segments,
        bytes,
        at_the_end: torn.is_some(),
        damage: damage.or(torn),
    })
}

/// The segments of the log in this folder.
pub(super) fn files(folder: &Path) -> Result<Vec<(Position, PathBuf)>, LogError> {
    list(&folder.join("segments"))
}

fn torn_end(record: Position, file: PathBuf, offset: usize, why: String) -> Damage {
    Damage { record, file, byte: offset as u64, why, format: None }
}

/// The last segment's bytes, durable. While somebody writes, a last frame that is not whole may be half written.
pub(super) fn settled(folder: &Path, path: &Path) -> Result<Vec<u8>, LogError> {
    for _ in 0..LOOKS {
        let content = durable(path)?;
        if is_whole(&content) {
            return Ok(content);
        }
        if !in_use(folder)? {
            break;
        }
        thread::sleep(PAUSE);
    }
    durable(path)
}

fn durable(path: &Path) -> Result<Vec<u8>, LogError> {
    let read = |error: io::Error| failed("read", path, &error);
    let mut file = File::open(path).map_err(read)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(read)?;
    match file.sync_data() {
        // A file system that nobody can write to, on a disc say, knows no sync.
        Err(error)
            if !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::ReadOnlyFilesystem) =>
        {
            Err(failed("sync", path, &error))
        }
        _ => Ok(content),
    }
}

fn is_whole(segment: &[u8]) -> bool {
    let mut at = match Header::parse(segment) {
        Ok((_, at)) => at,
        Err(BadHeader::Unknown(_)) => return true,
        Err(BadHeader::Damaged(_)) => return false,
    };
    while at < segment.len() {
        let Ok(frame) = frame::parse(&segment[at..]) else { return false };
        at += frame.size;
    }
    true
}

/// Whether a process has the log open. Asked for a moment, and only where the end is not whole: who opens it just then is
/// told that it is in use.
fn in_use(folder: &Path) -> Result<bool, LogError> {
    let path = folder.join("lock");
    match File::open(&path) {
        Ok(lock) => Ok(matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("open", &path, &error)),
    }
}
