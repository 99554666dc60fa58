//! The one thread that writes a log: it takes all appends that wait, of all streams, decides each, writes them as
//! one frame, syncs once, and only then answers (group commit, L4).

use std::{mem, sync::Arc};

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    contract::LogError,
    head::{Group, Head},
    record::{Commit, Position, StreamName},
    segments::{active::Active, folder::Folder, frame, header::Header, shared::Shared},
};

/// A group takes no more appends once it has so many bytes …
const GROUP_BYTES: usize = 4 * 1024 * 1024;
/// … or so many records.
const GROUP_RECORDS: usize = 1_024;

/// One append that waits.
pub(super) struct Request {
    pub stream: StreamName,
    pub expected: Position,
    pub commits: Vec<Commit>,
    pub answer: oneshot::Sender<Result<Position, LogError>>,
}

/// Everything the thread owns.
pub(super) struct Writer {
    pub folder: Folder,
    pub log: Uuid,
    pub segment_bytes: u64,
    pub head: Head,
    pub active: Active,
    pub shared: Arc<Shared>,
    pub requests: mpsc::Receiver<Request>,
    pub poisoned: Option<Poisoned>,
}

/// A write whose outcome is not known: nothing is written until the log is opened anew.
pub(super) struct Poisoned {
    why: Arc<str>,
    /// The first commit of each record in that write: a retry of it gets `Unknown` again, never "nothing written".
    tried: Vec<Uuid>,
}

type Answer = (oneshot::Sender<Result<Position, LogError>>, Result<Position, LogError>);

impl Writer {
    /// Writes until nobody can append any more.
    pub fn run(mut self) {
        while let Some(request) = self.requests.blocking_recv() {
            let answers = match self.refusal(&request) {
                Some(error) => vec![(request.answer, Err(error))],
                None => self.commit(request),
            };
            for (asker, answer) in answers {
                // Whoever stopped waiting finds the record in the log.
                let _ = asker.send(answer);
            }
            self.shared.wake();
        }
        self.shared.close();
    }

    fn refusal(&self, request: &Request) -> Option<LogError> {
        if let Some(why) = self.shared.damaged() {
            return Some(LogError::Damaged(why));
        }
        let poisoned = self.poisoned.as_ref()?;
        let why = Arc::clone(&poisoned.why);
        let first = request.commits.first().map(|commit| commit.id).unwrap_or_default();
        let tried = poisoned.tried.contains(&first);
        Some(if tried { LogError::Unknown(why) } else { LogError::Unavailable(why) })
    }

    fn commit(&mut self, request: Request) -> Vec<Answer> {
        let (group, mut answers) = self.gather(request);
        if let Err(error) = self.write(&group) {
            // A conflict with, or a retry of, a record that did not land is no answer either.
            let refused = |answer: &Answer| !matches!(answer.1, Err(LogError::Bounds(_)));
            for answer in answers.iter_mut().filter(|answer| refused(answer)) {
                answer.1 = Err(error.clone());
            }
            self.fail(error, &group);
        }
        answers
    }

    fn gather(&mut self, first: Request) -> (Group, Vec<Answer>) {
        let mut staged = self.head.stage();
        let mut answers = Vec::new();
        let mut next = Some(first);
        while let Some(Request { stream, expected, commits, answer }) = next.take() {
            answers.push((answer, staged.offer(&stream, expected, commits)));
            if staged.group().bytes < GROUP_BYTES && answers.len() < GROUP_RECORDS {
                next = self.requests.try_recv().ok();
            }
        }
        (staged.finish(), answers)
    }

    fn write(&mut self, group: &Group) -> Result<(), LogError> {
        if group.records.is_empty() {
            return Ok(());
        }
        if self.active.is_full(self.segment_bytes) {
            self.roll()?;
        }
        let frame = frame::encode(&group.records);
        self.active.append(&frame)?;
        self.head.accept(group);
        let records = group.records.iter().map(|(record, encoded)| (Arc::clone(record), encoded.len()));
        self.shared.add_frame(frame.len() as u64, records);
        Ok(())
    }

    /// Starts the next segment.
    fn roll(&mut self) -> Result<(), LogError> {
        let next = start_segment(&self.folder, self.log, &self.head)?;
        let first = Position(self.head.tail().position.0 + 1);
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
