//! The log in segment files: the embedded default. Everything is checked when it is opened, or from what is trusted on
//! and the rest behind the start; one thread writes.
//!
//! See docs/design/log.md for the format, and for what opening does in each case of damage.

mod active;
mod archive;
mod backup;
mod checked;
mod copy;
mod earlier;
mod folder;
mod frame;
mod header;
mod reader;
mod repair;
mod scan;
mod shared;
mod skim;
mod state;
mod verify;
mod walk;
mod witness;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::{self, JoinHandle},
};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

pub(crate) use self::copy::Offer;
use self::{
    active::Active,
    folder::Folder,
    scan::Scan,
    shared::Shared,
    state::State,
    witness::Witnesses,
    writer::{Append, Desk, Request, Writer, start_segment},
};
pub use self::{
    archive::{Archived, archive},
    backup::{BackedUp, BackupError, backup, restore},
    checked::skim_checked,
    header::FORMAT_VERSION,
    repair::TornTail,
    scan::Damage,
    skim::{Skim, skim},
    verify::verify,
    walk::{Walked, walk},
    witness::Witness,
};
use crate::{
    contract::{EventLog, Filter, Follow, LogError, Tail},
    follow,
    head::Head,
    record::{Commit, Position, Record, StreamName},
};

/// So many appends wait for the writer; more wait for room.
const WAITING_APPENDS: usize = 1_024;

/// How a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// A segment that has so many bytes gets no further frame. It can be longer by one frame.
    pub segment_bytes: u64,
    /// The latest records are kept in memory, up to so many encoded bytes.
    pub cache_bytes: usize,
    /// What was found whole before, up to this record, is not all read by [`Segments::open`], but behind it, and in any
    /// case before it is served. 0: everything is read first. See [`Witness::trusted`].
    pub trusted: Position,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 * 1024 * 1024, cache_bytes: 32 * 1024 * 1024, trusted: Position(0) }
    }
}

/// A log, and what had to be done to open it.
pub struct Opened {
    /// The log.
    pub log: Arc<Segments>,
    /// A torn end that nobody had seen: it was cut and set aside.
    pub repaired: Option<TornTail>,
}

/// One region's log in segment files. Reading and following need a tokio runtime around them. An append that nobody
/// waits for any more is written all the same.
pub struct Segments {
    id: Uuid,
    shared: Arc<Shared>,
    head: Arc<RwLock<Head>>,
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    desk: Desk,
    writer: Mutex<Option<JoinHandle<()>>>,
    checker: Mutex<Option<JoinHandle<()>>>,
}

impl Segments {
    /// Opens the log in this folder, or makes one, and reads all of it that is not trusted. Blocks for as long as that
    /// takes.
    ///
    /// # Errors
    /// `Damaged`: L8 forbids to go on; nothing was changed. `Unavailable`: the folder is in use or can't be read.
    /// `Full`: there is no room for a first segment, or to set a torn end aside.
    pub fn open(folder: &Path, options: Options, witnesses: &[Witness]) -> Result<Opened, LogError> {
        let witnesses = Witnesses::new(witnesses);
        if !folder.exists() {
            // Before the folder is made: a log that is gone must not become an empty one.
            witnesses.reached(Position(0), &format!("is missing: there is no {}", folder.display()))?;
        }
        let folder = Folder::lock(folder)?;
        let mut scan = read(&folder.list()?, &options, &witnesses)?;
        let lost = if scan.torn.is_some() { "is damaged" } else { "is missing" };
        witnesses.reached(scan.head.tail().position, lost)?;
        let next = scan.next();
        let repaired = scan.torn.take().map(|torn| repair::cut(&folder, next, torn)).transpose()?;
        folder.sync()?;
        let (log, active) = go_on(&folder, &mut scan)?;
        let Scan { head, state, .. } = scan;
        let (shared, head) = (Arc::new(Shared::new(state)), Arc::new(RwLock::new(head)));
        let (requests, waiting) = mpsc::channel(WAITING_APPENDS);
        let writer = Writer {
            folder,
            log,
            segment_bytes: options.segment_bytes,
            head: Arc::clone(&head),
            active,
            shared: Arc::clone(&shared),
            poisoned: None,
        };
        let desk: Desk = Arc::new(Mutex::new(Some(writer)));
        let writing = Arc::clone(&desk);
        let writer = thread::Builder::new().name("log-writer".to_owned());
        let writer = writer.spawn(move || writer::run(&writing, waiting));
        let writer = writer.map_err(|error| LogError::Unavailable(error.to_string().into()))?;
        let checking = Arc::clone(&shared);
        let checker =
            thread::Builder::new().name("log-checker".to_owned()).spawn(move || checking.check_earlier());
        let checker = checker.map_err(|error| LogError::Unavailable(error.to_string().into()))?;
        let (requests, writer) = (Mutex::new(Some(requests)), Mutex::new(Some(writer)));
        let log = Self { id: log, shared, head, requests, desk, writer, checker: Mutex::new(Some(checker)) };
        Ok(Opened { log: Arc::new(log), repaired })
    }

    /// The log's id: drawn when it was made, in every segment.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Writes what waits, refuses what comes, and lets go of the folder. Blocks for the last sync.
    pub fn close(&self) {
        drop(self.requests.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the log's writer stopped in the middle");
            self.shared.close();
        }
        let checker = self.checker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if checker.is_some_and(|checker| checker.join().is_err()) {
            tracing::error!("the log's checker stopped in the middle");
        }
    }

    async fn send(&self, request: Request) -> Result<(), LogError> {
        self.requests()?.send(request).await.map_err(|_| LogError::Closed)
    }

    fn requests(&self) -> Result<mpsc::Sender<Request>, LogError> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.clone().ok_or(LogError::Closed)
    }
}

/// All segments, but for what is trusted.
fn read<'a>(
    segments: &[(Position, PathBuf)],
    options: &Options,
    witnesses: &'a Witnesses<'a>,
) -> Result<Scan<'a>, LogError> {
    let mut state = State::new(options.cache_bytes);
    let skipped = earlier::count(segments, options.trusted);
    if skipped == 0 {
        return Scan::of(segments, state, witnesses);
    }
    let (earlier, header) = earlier::headers(&segments[..=skipped])?;
    earlier.into_iter().for_each(|earlier| state.add_earlier(earlier));
    Scan::behind(&segments[skipped..], state, &header, witnesses)
}

/// The segment to write to: the last one, or a first.
fn go_on(folder: &Folder, scan: &mut Scan<'_>) -> Result<(Uuid, Active), LogError> {
    if let (Some(log), Some(last)) = (scan.log, scan.last.take()) {
        return Ok((log, Active::resume(last)?));
    }
    let log = Uuid::now_v7();
    let active = start_segment(folder, log, &scan.head)?;
    scan.state.add_segment(active.path().to_owned(), scan.next(), active.length());
    Ok((log, active))
}

impl Drop for Segments {
    fn drop(&mut self) {
        self.close();
    }
}

#[async_trait]
impl EventLog for Segments {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, LogError> {
        let (answer, answered) = oneshot::channel();
        let append = Append { stream: stream.clone(), expected, commits, answer };
        self.send(Request::Append(append)).await?;
        answered.await.unwrap_or_else(|_| Err(LogError::Unknown("the log's writer stopped".into())))
    }

    async fn read(
        &self,
        filter: &Filter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, LogError> {
        follow::read(self.shared.as_ref(), filter, after, limit).await
    }

    fn follow(&self, filter: Filter, after: Position) -> Follow {
        follow::follow(Arc::clone(&self.shared), filter, after)
    }

    async fn tail(&self) -> Result<Tail, LogError> {
        self.shared.tail()
    }
}
