//! Segments that nobody needs every day, moved to a folder of their own: never lost, and read from there by whoever asks.
//!
//! ```text
//! <folder>/segments/00000000000000000001.log         until it is archived
//! <folder>/segments/00000000000000000001.archived    from then on: its header, and where it went
//! <archive>/00000000000000000001.log
//! ```

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    contract::LogError,
    record::Position,
    segments::{
        backup::{BackupError, put},
        earlier,
        folder::{failed, list, sync_folder, write_failed},
        header::Header,
        verify::Whole,
    },
};

/// What the name of a file ends with that stands for an archived segment.
const STUB: &str = "archived";
/// A folder beside the segments that is looked into first: what is brought back can be put there.
const BESIDE: &str = "archive";

/// What was archived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archived {
    /// Segments.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The last record in them, or 0.
    pub last: Position,
}

/// What stands for an archived segment.
struct Stub {
    /// The segment's first bytes, its header.
    header: Vec<u8>,
    /// Where it is.
    file: PathBuf,
}

/// Moves segments of the log in this folder to `to`: those that a start does not read which trusts the log up to `before`, the
/// oldest snapshot, as far as all in them was recorded before `older_than` (nanoseconds since the Unix epoch). Each is copied, synced,
/// read again and compared, and only then removed. A process may run on the log. It may be interrupted, and done again.
///
/// # Errors
/// `Missing`: there is no log. `Occupied`: another file has a segment's name in the archive. `Log`: a segment is damaged, and stays
/// where it is, or something can't be read or written.
pub fn archive(folder: &Path, to: &Path, before: Position, older_than: u64) -> Result<Archived, BackupError> {
    let segments = folder.join("segments");
    let all = if segments.is_dir() { list(&segments)? } else { Vec::new() };
    if all.is_empty() {
        return Err(BackupError::Missing { place: folder.to_owned() });
    }
    let mut done = Archived::default();
    for pair in all.windows(2).take(earlier::count(&all, before)) {
        let [(_, path), (next, behind)] = pair else { break };
        if earlier::header(*next, behind)?.recorded_at >= older_than {
            break;
        }
        if path.is_file() {
            done.bytes += one(path, to)?;
            done.segments += 1;
            done.last = Position(next.0 - 1);
        }
    }
    Ok(done)
}

/// How many bytes it has.
fn one(path: &Path, to: &Path) -> Result<u64, BackupError> {
    let content = fs::read(path).map_err(|error| failed("read", path, &error))?;
    if Whole::prefix_of(&content).is_none_or(|(_, length)| length != content.len()) {
        let why = format!("{} is not whole, and stays where it is", path.display());
        return Err(LogError::Damaged(why.into()).into());
    }
    fs::create_dir_all(to).map_err(|error| failed("make", to, &error))?;
    let to = fs::canonicalize(to).map_err(|error| failed("find", to, &error))?;
    let file = to.join(path.file_name().unwrap_or_default());
    match fs::read(&file) {
        // By one that was interrupted.
        Ok(there) if there == content => {}
        Ok(_) => return Err(BackupError::Occupied { place: file }),
        Err(_) => drop(put(&file, &content)?),
    }
    sync_folder(&to)?;
    if fs::read(&file).map_err(|error| failed("read", &file, &error))? != content {
        let why = format!("{} is not what was written there", file.display());
        return Err(LogError::Unavailable(why.into()).into());
    }
    let segments = path.parent().unwrap_or(Path::new("."));
    put(&path.with_extension(STUB), Stub::text(&content, &to).as_bytes())?;
    sync_folder(segments)?;
    fs::remove_file(path).map_err(|error| write_failed(path, &error))?;
    sync_folder(segments)?;
    Ok(content.len() as u64)
}

/// Whether a name is that of what stands for an archived segment; its segment's name then.
pub(super) fn stands_for(name: &str) -> Option<String> {
    Some(format!("{}.log", name.strip_suffix(STUB)?.strip_suffix('.')?))
}

/// Whether this segment is in an archive.
pub(super) fn is_archived(path: &Path) -> bool {
    !path.exists() && path.with_extension(STUB).exists()
}

/// Where a segment is: where it was, or in an archive.
///
/// # Errors
/// `Unavailable`: it was archived, and is not there.
pub(super) fn find(path: &Path) -> Result<PathBuf, LogError> {
    if path.exists() {
        return Ok(path.to_owned());
    }
    let Some(stub) = Stub::of(path)? else { return Ok(path.to_owned()) };
    if stub.file.exists() {
        return Ok(stub.file);
    }
    let name = path.file_name().unwrap_or_default().display().to_string();
    let beside = path.ancestors().nth(2).unwrap_or(Path::new(".")).join(BESIDE);
    let first = name.trim_start_matches('0').trim_end_matches(".log").to_owned();
    let why = format!(
        "the records from {first} on are in a segment that was archived, and it is not there: bring {} back, or put it into {}",
        stub.file.display(),
        beside.display()
    );
    Err(LogError::Unavailable(why.into()))
}

/// Opens a segment where it is. The inner error is of the file, where it was not archived.
pub(super) fn open(path: &Path) -> Result<io::Result<File>, LogError> {
    match File::open(path) {
        // Looked for again: it may be archived just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(File::open(find(path)?)),
        opened => Ok(opened),
    }
}

/// All of a segment, where it is.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, LogError> {
    let mut content = Vec::new();
    let read = open(path)?.and_then(|mut file| {
        // Known beforehand, it is read into the right room.
        content.reserve_exact(usize::try_from(file.metadata()?.len()).unwrap_or_default());
        file.read_to_end(&mut content)
    });
    read.map_err(|error| failed("read", path, &error))?;
    Ok(content)
}

/// The header of an archived segment, also where the archive is not at hand; nothing for one that is not archived.
pub(super) fn header_of(path: &Path) -> Result<Option<Vec<u8>>, LogError> {
    if path.exists() { Ok(None) } else { Ok(Stub::of(path)?.map(|stub| stub.header)) }
}

impl Stub {
    fn of(path: &Path) -> Result<Option<Self>, LogError> {
        let place = path.with_extension(STUB);
        let text = match fs::read(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| failed("read", &place, &error))?,
        };
        let bad =
            || LogError::Damaged(format!("{} does not say where its segment is", place.display()).into());
        let stub: Value = serde_json::from_slice(&text).map_err(|_| bad())?;
        let header = stub["header"].as_str().and_then(bytes).ok_or_else(bad)?;
        let archive = stub["archive"].as_str().ok_or_else(bad)?;
        let name = path.file_name().unwrap_or_default();
        let beside = path.ancestors().nth(2).map(|folder| folder.join(BESIDE).join(name));
        let file = beside.filter(|file| file.exists()).unwrap_or_else(|| Path::new(archive).join(name));
        Ok(Some(Self { header, file }))
    }

    fn text(segment: &[u8], archive: &Path) -> String {
        let header = Header::parse(segment).map_or(0, |(_, length)| length);
        let header: String = segment[..header].iter().map(|byte| format!("{byte:02x}")).collect();
        let stub =
            json!({"archive": archive.display().to_string(), "header": header, "bytes": segment.len()});
        format!("{stub}\n")
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |at: usize| hex.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    (0..hex.len()).step_by(2).map(digit).collect()
}
