//! Reading a log where it lies for who folds it: every check that `walk` makes is made on a thread of its own, a little ahead
//! of the fold. Where anything is not as expected, `walk` says what it is.

use std::{
    io::{Cursor, Read},
    ops::{ControlFlow, Range},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use crate::{
    codec::Skimmed,
    contract::LogError,
    record::Position,
    segments::{
        archive,
        folder::failed,
        frame::{self, Bad},
        header::Header,
        skim::{Skim, strange},
        walk,
    },
};

/// Bytes that are read at once …
const PIECE: usize = 512 * 1024;
/// … and how often that is done before somebody has to take them. A whole segment at a time would be new memory for each.
const AHEAD: usize = 8;

/// Records that were checked, in the bytes that were read.
struct Batch {
    content: Arc<Vec<u8>>,
    records: Vec<Range<usize>>,
}

/// Why checking ended before the log did.
enum End {
    /// Nobody takes what was checked.
    Enough,
    /// Something is not what was written.
    Strange,
    /// A file can't be read.
    Log(LogError),
}

/// Reads the log in this folder; `each` is told of every record, in order, until it breaks: of those that [`crate::walk`] would
/// tell, and no other.
///
/// # Errors
/// As [`crate::walk`].
pub fn skim_checked(
    folder: &Path,
    mut each: impl FnMut(&Skimmed<'_>) -> ControlFlow<()>,
) -> Result<Skim, LogError> {
    let files = walk::files(folder)?;
    let mut last = Position(0);
    let ended = thread::scope(|scope| {
        let (to, batches) = sync_channel(AHEAD);
        let checking = scope.spawn(|| check(folder, &files, to));
        match tell(&batches, &mut last, &mut each) {
            ControlFlow::Break(()) => Err(End::Enough),
            ControlFlow::Continue(()) => checking.join().unwrap_or(Err(End::Strange)),
        }
    });
    match ended {
        Ok(()) | Err(End::Enough) => Ok(Skim { last, damage: None }),
        Err(End::Strange) => strange(folder, last),
        Err(End::Log(error)) => Err(error),
    }
}

fn tell(
    batches: &Receiver<Batch>,
    last: &mut Position,
    each: &mut impl FnMut(&Skimmed<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for Batch { content, records } in batches {
        for record in records.into_iter().filter_map(|record| Skimmed::read(&content[record])) {
            *last = record.position();
            each(&record)?;
        }
    }
    ControlFlow::Continue(())
}

fn check(folder: &Path, files: &[(Position, PathBuf)], to: SyncSender<Batch>) -> Result<(), End> {
    let mut stands = None;
    for (n, (_, path)) in files.iter().enumerate() {
        let is_last = n + 1 == files.len();
        let segment = Segment::open(folder, path, is_last).map_err(End::Log)?;
        segment.check(&mut stands, &to)?;
    }
    Ok(())
}

/// A segment that is being read.
struct Segment {
    path: PathBuf,
    rest: Box<dyn Read>,
    /// How many bytes are not read yet.
    left: usize,
}

impl Segment {
    fn open(folder: &Path, path: &Path, is_last: bool) -> Result<Self, LogError> {
        let path = path.to_owned();
        if is_last {
            let content = walk::settled(folder, &path)?;
            return Ok(Self { path, left: content.len(), rest: Box::new(Cursor::new(content)) });
        }
        let file = archive::open(&path)?.and_then(|file| Ok((file.metadata()?.len(), file)));
        let (bytes, file) = file.map_err(|error| failed("read", &path, &error))?;
        Ok(Self { path, left: usize::try_from(bytes).unwrap_or(usize::MAX), rest: Box::new(file) })
    }

    /// What was not taken yet with more behind it, so that `needs` bytes are there.
    fn more(&mut self, untaken: &[u8], needs: usize) -> Result<Vec<u8>, End> {
        let more = needs.max(PIECE).saturating_sub(untaken.len()).min(self.left);
        let mut bytes = Vec::with_capacity(untaken.len() + more);
        bytes.extend_from_slice(untaken);
        let read = self.rest.by_ref().take(more as u64).read_to_end(&mut bytes);
        let read = read.map_err(|error| End::Log(failed("read", &self.path, &error)))?;
        self.left -= read;
        if read == more && bytes.len() >= needs { Ok(bytes) } else { Err(End::Strange) }
    }

    /// `stands`: where the log stands before the segment, and behind it then.
    fn check(mut self, stands: &mut Option<Header>, to: &SyncSender<Batch>) -> Result<(), End> {
        let mut bytes = self.more(&[], 0)?;
        let (header, mut at) = Header::parse(&bytes).map_err(|_| End::Strange)?;
        let follows = stands.as_ref().map_or_else(|| header.is_first(), |stands| *stands == header);
        if !follows {
            return Err(End::Strange);
        }
        let stands = stands.insert(header);
        loop {
            let content = Arc::new(bytes);
            let mut records = Vec::new();
            let needs = frames(stands, &content, &mut at, &mut records);
            // What stands before something strange is good.
            to.send(Batch { content: content.clone(), records }).map_err(|_| End::Enough)?;
            let untaken = &content[at..];
            let needs = needs?;
            if untaken.is_empty() && self.left == 0 {
                return Ok(());
            }
            bytes = self.more(untaken, needs)?;
            at = 0;
        }
    }
}

/// Checks the whole frames from `at` on; how many bytes from there on are needed for the next one.
fn frames(
    stands: &mut Header,
    content: &[u8],
    at: &mut usize,
    records: &mut Vec<Range<usize>>,
) -> Result<usize, End> {
    loop {
        let frame = match frame::parse(&content[*at..]) {
            Ok(frame) => frame,
            Err(Bad::Short { needs }) => return Ok(needs),
            Err(Bad::Header) if content.len() - *at < frame::HEADER_BYTES => return Ok(frame::HEADER_BYTES),
            Err(_) => return Err(End::Strange),
        };
        let mut behind = *at + frame::HEADER_BYTES;
        for encoded in frame.encoded() {
            let encoded = encoded.map_err(|_| End::Strange)?;
            stands.follow_on(encoded).ok_or(End::Strange)?;
            let begin = behind + frame::LENGTH_BYTES;
            behind = begin + encoded.len();
            records.push(begin..behind);
        }
        *at += frame.size;
    }
}
