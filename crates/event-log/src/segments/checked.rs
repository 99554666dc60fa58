//! Reading a log where it lies for who folds it: every check that `walk` makes is made on a thread of its own, a little ahead
//! of the fold. Where anything is not as expected, `walk` says what it is.

use std::{
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
        frame,
        header::Header,
        skim::{Skim, content, strange},
        walk,
    },
};

/// Records that are handed over at once …
const TOGETHER: usize = 128;
/// … and how often that is done before somebody has to take them.
const AHEAD: usize = 8;

/// Records that were checked, in the bytes of their segment.
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
        let content = Arc::new(content(folder, path, n + 1 == files.len()).map_err(End::Log)?);
        let mut batch = Batch { content: content.clone(), records: Vec::new() };
        let checked = segment(&mut stands, &mut batch, &to);
        // What stands before something strange is good.
        to.send(batch).map_err(|_| End::Enough)?;
        checked?;
    }
    Ok(())
}

/// `stands`: where the log stands before the segment, and behind it then.
fn segment(stands: &mut Option<Header>, batch: &mut Batch, to: &SyncSender<Batch>) -> Result<(), End> {
    let content = batch.content.clone();
    let (header, mut at) = Header::parse(&content).map_err(|_| End::Strange)?;
    let follows = stands.as_ref().map_or_else(|| header.is_first(), |stands| *stands == header);
    if !follows {
        return Err(End::Strange);
    }
    let stands = stands.insert(header);
    while at < content.len() {
        let frame = frame::parse(&content[at..]).map_err(|_| End::Strange)?;
        let mut behind = at + frame::HEADER_BYTES;
        for encoded in frame.encoded() {
            let encoded = encoded.map_err(|_| End::Strange)?;
            stands.follow_on(encoded).ok_or(End::Strange)?;
            let begin = behind + frame::LENGTH_BYTES;
            behind = begin + encoded.len();
            batch.records.push(begin..behind);
        }
        at += frame.size;
        if batch.records.len() >= TOGETHER {
            let records = std::mem::take(&mut batch.records);
            to.send(Batch { content: content.clone(), records }).map_err(|_| End::Enough)?;
        }
    }
    Ok(())
}
