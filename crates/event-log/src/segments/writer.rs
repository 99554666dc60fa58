//! The one thread that writes a log: it takes all appends that wait, of all streams, decides each, writes them as
//! one frame, syncs once, and only then answers (group commit, L4). Records of another log are mirrored by it too, where
//! they are to be synced; where not, by whoever has them.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    contract::LogError,
    head::{Group, Head},
    record::{Commit, Position, Record, StreamName},
    segments::{active::Active, folder::Folder, frame, header::Header, shared::Shared},
};

/// A group takes no more appends once it has so many bytes …
const GROUP_BYTES: usize = 4 * 1024 * 1024;
/// … or so many records.
const GROUP_RECORDS: usize = 1_024;

/// What waits for the writer.
pub(super) enum Request {
    Append(Append),
    Mirror(Mirror),
}

/// One append that waits.
pub(super) struct Append {
    pub stream: StreamName,
    pub expected: Position,
    pub commits: Vec<Commit>,
    pub answer: Asker,
}

/// Records of another log, each with its encoded form, that wait to be written as they are.
pub(super) struct Mirror {
    pub records: Encoded,
    /// Whether they, and all before them, must be durable before the answer.
    pub sync: bool,
    pub answer: Asker,
}

/// Records, each with its encoded form.
pub(crate) type Encoded = Vec<(Record, Vec<u8>)>;

/// Who waits for an answer.
pub(super) type Asker = oneshot::Sender<Result<Position, LogError>>;

/// Where the thread's writer is, for what needs no thread; nothing once the log is closed.
pub(super) type Desk = Arc<Mutex<Option<Writer>>>;

/// Everything that writing takes.
pub(super) struct Writer {
    pub folder: Folder,
    pub log: Uuid,
    pub segment_bytes: u64,
    pub head: Arc<RwLock<Head>>,
    pub active: Active,
    pub shared: Arc<Shared>,
    pub poisoned: Option<Poisoned>,
}

/// A write whose outcome is not known: nothing is written until the log is opened anew.
pub(super) struct Poisoned {
    why: Arc<str>,
    /// The first commit of each record in that write: a retry of it gets `Unknown` again, never "nothing written".
    tried: Vec<Uuid>,
}

type Answer = (Asker, Result<Position, LogError>);

/// Writes until nobody can append any more.
pub(super) fn run(desk: &Desk, mut requests: mpsc::Receiver<Request>) {
    let mut next = None;
    while let Some(request) = next.take().or_else(|| requests.blocking_recv()) {
        let mut writer = desk.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = writer.as_mut() else { return };
        writer.serve(request, &mut requests, &mut next);
    }
    if let Some(writer) = desk.lock().unwrap_or_else(PoisonError::into_inner).take() {
        writer.end();
    }
}

impl Writer {
    fn serve(
        &mut self,
        request: Request,
        requests: &mut mpsc::Receiver<Request>,
        next: &mut Option<Request>,
    ) {
        let answers = match request {
            Request::Append(append) => match self.refusal(&append.commits) {
                Some(error) => vec![(append.answer, Err(error))],
                None => self.commit(append, requests, next),
            },
            Request::Mirror(Mirror { records, sync, answer }) => vec![(answer, self.mirror(records, sync))],
        };
        for (asker, answer) in answers {
            // Whoever stopped waiting finds the record in the log.
            let _ = asker.send(answer);
        }
        self.shared.wake();
    }

    fn end(mut self) {
        if let Err(error) = self.active.sync() {
            tracing::warn!(%error, "the end of the log may not last");
        }
        self.shared.close();
    }

    fn refusal(&self, commits: &[Commit]) -> Option<LogError> {
        if let Some(why) = self.shared.damaged() {
            return Some(LogError::Damaged(why));
        }
        let poisoned = self.poisoned.as_ref()?;
        let why = Arc::clone(&poisoned.why);
        let first = commits.first().map(|commit| commit.id).unwrap_or_default();
        let tried = poisoned.tried.contains(&first);
        Some(if tried { LogError::Unknown(why) } else { LogError::Unavailable(why) })
    }

    /// `next` is what came behind the group and is none of it.
    fn commit(
        &mut self,
        first: Append,
        requests: &mut mpsc::Receiver<Request>,
        next: &mut Option<Request>,
    ) -> Vec<Answer> {
        let (group, mut answers) = self.gather(first, requests, next);
        if let Err(error) = self.write(&group, true) {
            // A conflict with, or a retry of, a record that did not land is no answer either.
            let refused = |answer: &Answer| !matches!(answer.1, Err(LogError::Bounds(_)));
            for answer in answers.iter_mut().filter(|answer| refused(answer)) {
                answer.1 = Err(error.clone());
            }
            self.fail(error, &group);
        }
        answers
    }

    fn gather(
        &self,
        first: Append,
        requests: &mut mpsc::Receiver<Request>,
        next: &mut Option<Request>,
    ) -> (Group, Vec<Answer>) {
        let head = self.head.read().unwrap_or_else(PoisonError::into_inner);
        let mut staged = head.stage();
        let mut answers = Vec::new();
        let mut append = Some(first);
        while let Some(Append { stream, expected, commits, answer }) = append.take() {
            answers.push((answer, staged.offer(&stream, expected, commits)));
            if staged.group().bytes < GROUP_BYTES && answers.len() < GROUP_RECORDS {
                match requests.try_recv() {
                    Ok(Request::Append(another)) => append = Some(another),
                    other => *next = other.ok(),
                }
            }
        }
        (staged.finish(), answers)
    }

    fn mirror(&mut self, records: Encoded, sync: bool) -> Result<Position, LogError> {
        if let Some(error) = self.refusal(&[]) {
            return Err(error);
        }
        let group = self.stage_mirrored(records)?;
        let written = self.write(&group, sync);
        written.inspect_err(|error| self.fail(error.clone(), &group)).map(|()| group.tail.position)
    }

    /// The same without a sync and so without the thread: it does not wait until the disk has it. Not if a segment is full.
    pub fn mirror_now(&mut self, records: Encoded) -> Result<Position, LogError> {
        let mirrored = self.mirror(records, false);
        self.shared.wake();
        mirrored
    }

    /// Whether the next frame begins a segment.
    pub fn is_full(&self) -> bool {
        self.active.is_full(self.segment_bytes)
    }

    fn stage_mirrored(&self, records: Encoded) -> Result<Group, LogError> {
        let head = self.head.read().unwrap_or_else(PoisonError::into_inner);
        let mut staged = head.stage();
        for (record, encoded) in records {
            let position = record.position;
            let foreign = |why: String| LogError::Bounds(format!("record {position} {why}").into());
            staged.mirror(record, encoded).map_err(foreign)?;
        }
        Ok(staged.finish())
    }

    fn write(&mut self, group: &Group, sync: bool) -> Result<(), LogError> {
        if group.records.is_empty() {
            return if sync { self.active.sync() } else { Ok(()) };
        }
        if self.is_full() {
            self.roll()?;
        }
        let frame = frame::encode(&group.records);
        self.active.append(&frame, sync)?;
        self.head.write().unwrap_or_else(PoisonError::into_inner).accept(group);
        let records = group.records.iter().map(|(record, encoded)| (Arc::clone(record), encoded.len()));
        self.shared.add_frame(frame.len() as u64, records);
        Ok(())
    }

    /// Starts the next segment.
    fn roll(&mut self) -> Result<(), LogError> {
        self.active.sync()?;
        let head = self.head.read().unwrap_or_else(PoisonError::into_inner);
        let next = start_segment(&self.folder, self.log, &head)?;
        let first = Position(head.tail().position.0 + 1);
        self.shared.add_segment(next.path().to_owned(), first, next.length());
        // The old file is whole and synced; closing it can't fail it.
        drop(mem::replace(&mut self.active, next));
        Ok(())
    }

    fn fail(&mut self, error: LogError, group: &Group) {
        match error {
            LogError::Unknown(why) => {
                tracing::error!(%why, "the log takes no more appends until it is opened again");
                let ids = group.records.iter().filter_map(|(record, _)| record.commits.first());
                self.poisoned = Some(Poisoned { why, tried: ids.map(|commit| commit.id).collect() });
            }
            LogError::Damaged(why) => self.shared.condemn(why),
            other => tracing::warn!(error = %other, "an append was refused"),
        }
    }
}

/// A new segment where the log stands, durable with its name.
pub(super) fn start_segment(folder: &Folder, log: Uuid, head: &Head) -> Result<Active, LogError> {
    let header = Header { log, before: head.tail().clone(), recorded_at: head.recorded_at() };
    let first = Position(head.tail().position.0 + 1);
    let active = Active::create(folder.segment(first), &header.encode())?;
    folder.sync()?;
    Ok(active)
}
