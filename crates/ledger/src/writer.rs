//! The loop itself: take every waiting command, decide each against the state as it would then be, append them as one
//! record, fold the log up to it, answer each.

use std::{sync::Arc, time::Duration};

use mooring_domain::{CommitPosition, Decider, Position, name::RegionId};
use mooring_event_log::{EventLog, Filter, LogError, Record, StreamName, contract};
use mooring_proto::status::Unserved;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use crate::{
    batch::{self, Decision},
    codec::{self, to_log_position},
    folded::{self, Folded, Purpose, View},
    following::Following,
    recent::Recent,
    saver::Saver,
    submission::{Outcome, Refused, Submission, unserved},
};

/// How often a lost race is tried again before the callers are told to.
const RACES: usize = 5;
/// Callers that were answered together come back together. As many as in the last batch are waited for, so long at most:
/// a record costs hardly more with all of them than with half of them.
const TOGETHER: Duration = Duration::from_millis(1);
/// How often an append of unknown outcome is asked about, and how long apart (L6).
const UNKNOWN_TRIES: usize = 50;
const UNKNOWN_PAUSE: Duration = Duration::from_millis(100);

/// Where those look who wait for something.
pub(crate) struct Shown<S> {
    pub(crate) view: watch::Sender<View<S>>,
    pub(crate) changed: watch::Sender<Position>,
    pub(crate) recent: Arc<Recent<S>>,
}

pub(crate) struct Writer<D: Decider> {
    log: Arc<dyn EventLog>,
    region: RegionId,
    stream: StreamName,
    folded: Folded<D::State>,
    shown: Shown<D::State>,
    following: Following,
    saver: Saver,
    /// How many commands the last batch had.
    crowd: usize,
}

/// What the loop does not survive: nothing can be served or written after it.
#[derive(Debug, thiserror::Error)]
enum Fatal {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Undecodable(#[from] codec::Undecodable),
}

impl Fatal {
    fn unserved(&self) -> Unserved {
        match self {
            Self::Log(error) => unserved(error),
            Self::Undecodable(_) => Unserved::Damaged,
        }
    }
}

impl<D: Decider> Writer<D> {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        region: RegionId,
        folded: Folded<D::State>,
        saver: Saver,
        shown: Shown<D::State>,
    ) -> Self {
        let following = Following::after(log.clone(), to_log_position(folded.position));
        let stream = StreamName::new(D::STREAM.name());
        Self { log, region, stream, folded, shown, following, saver, crowd: 0 }
    }

    /// Serves until the last handle is gone, or until `closing` says so and what waited then has been served.
    pub(crate) async fn run(
        mut self,
        mut receiver: mpsc::Receiver<Vec<Submission<D::Command>>>,
        closing: Arc<Notify>,
    ) {
        if let Err(fatal) = self.serve(&mut receiver, &closing).await {
            tracing::error!(stream = %self.stream, region = %self.region, %fatal, "writes have stopped");
            refuse_all(&mut receiver, &closing, &fatal).await;
        }
        self.saver.last(self.folded.witness(), self.folded).await;
    }

    async fn serve(
        &mut self,
        receiver: &mut mpsc::Receiver<Vec<Submission<D::Command>>>,
        closing: &Notify,
    ) -> Result<(), Fatal> {
        let mut waiting: Vec<Submission<D::Command>> = Vec::new();
        let mut aside = Vec::new();
        loop {
            if waiting.is_empty() && aside.is_empty() {
                tokio::select! {
                    record = self.following.next() => self.fold(&*record?)?,
                    () = closing.notified() => receiver.close(),
                    submissions = receiver.recv() => match submissions {
                        Some(submissions) => waiting.extend(submissions),
                        None => return Ok(()),
                    },
                }
            }
            if !waiting.is_empty() || !aside.is_empty() {
                self.gather(receiver, &mut waiting, &mut aside).await;
                (waiting, aside) = self.batch(waiting).await?;
            }
            self.saver.offer(self.folded.witness(), || self.folded.clone()).await;
        }
    }

    /// Adds what was put aside, what waits, and what is expected. What was put aside is not counted: of a thing that
    /// thousands change at once, all but one are put aside again, and whoever changes another must find room.
    async fn gather(
        &mut self,
        receiver: &mut mpsc::Receiver<Vec<Submission<D::Command>>>,
        waiting: &mut Vec<Submission<D::Command>>,
        aside: &mut Vec<Submission<D::Command>>,
    ) {
        let put_aside = aside.len();
        waiting.append(aside);
        let deadline = Instant::now() + TOGETHER;
        while waiting.len() < contract::MAX_COMMITS + put_aside {
            let more = match receiver.try_recv() {
                Ok(more) => Some(more),
                Err(_) if waiting.len() >= self.crowd + put_aside => None,
                Err(_) => timeout_at(deadline, receiver.recv()).await.ok().flatten(),
            };
            let Some(more) = more else { break };
            waiting.extend(more);
        }
        self.crowd = waiting.len() - put_aside;
    }

    /// Decides, stores and answers; gives back what has to wait for the next batch, and what is put aside until then.
    async fn batch(
        &mut self,
        mut submissions: Vec<Submission<D::Command>>,
    ) -> Result<(Vec<Submission<D::Command>>, Vec<Submission<D::Command>>), Fatal> {
        // Asking a log where it ends can be a question over the network: only where something depends on the answer.
        let mut at_the_tail = D::READS.iter().any(|stream| *stream != D::STREAM);
        for _ in 0..RACES {
            match if at_the_tail { self.catch_up_to_tail().await } else { Ok(()) } {
                Ok(()) => {}
                Err(Fatal::Log(error)) if !error.is_final() => {
                    refuse(submissions, unserved(&error));
                    return Ok((Vec::new(), Vec::new()));
                }
                Err(fatal) => {
                    refuse(submissions, fatal.unserved());
                    return Err(fatal);
                }
            }
            let mut batch = batch::decide::<D>(&self.folded, submissions);
            refuse(batch.crowded.drain(..), Unserved::Crowded);
            if !at_the_tail && !batch.proves_itself() {
                at_the_tail = true;
                submissions = batch::undecided(batch.waiting, batch.later, batch.aside);
                continue;
            }
            let ids: Vec<Uuid> = batch.commits.iter().map(|commit| commit.id).collect();
            let stored = match batch.commits.is_empty() {
                true => Ok(to_log_position(self.folded.position)),
                false => self.append(batch.commits).await,
            };
            match stored {
                Ok(position) => {
                    if let Err(fatal) = self.reach(position, &ids, batch.ahead).await {
                        // It is stored, but what came of it can't be read.
                        refuse(
                            batch.waiting.into_iter().map(|(submission, _)| submission),
                            Unserved::Unknown,
                        );
                        refuse(batch.later.into_iter().chain(batch.aside), fatal.unserved());
                        return Err(fatal);
                    }
                    self.answer(batch.waiting, codec::to_domain_position(position)).await;
                    return Ok((batch.later, batch.aside));
                }
                Err(LogError::Conflict { .. }) => {
                    at_the_tail = true;
                    submissions = batch::undecided(batch.waiting, batch.later, batch.aside);
                }
                Err(error) => {
                    let unserved = unserved(&error);
                    refuse(batch.waiting.into_iter().map(|(submission, _)| submission), unserved);
                    if error.is_final() {
                        refuse(batch.later.into_iter().chain(batch.aside), unserved);
                        return Err(error.into());
                    }
                    return Ok((batch.later, batch.aside));
                }
            }
        }
        refuse(submissions, Unserved::Unavailable);
        Ok((Vec::new(), Vec::new()))
    }

    /// Appends, and asks again with the very same commits while the outcome is not known (L5, L6). Giving up in the end is
    /// safe: the next batch lands only on the stream's true last record (L2), and is decided at the tail if it does not.
    async fn append(
        &mut self,
        commits: Vec<mooring_event_log::Commit>,
    ) -> Result<mooring_event_log::Position, LogError> {
        let mut outcome = LogError::Closed;
        for _ in 0..UNKNOWN_TRIES {
            match self.log.append(&self.stream, to_log_position(self.folded.own), commits.clone()).await {
                Err(LogError::Unknown(cause)) => outcome = LogError::Unknown(cause),
                known => return known,
            }
            tokio::time::sleep(UNKNOWN_PAUSE).await;
        }
        tracing::error!(stream = %self.stream, %outcome, "giving up on an append of unknown outcome");
        Err(outcome)
    }

    async fn catch_up_to_tail(&mut self) -> Result<(), Fatal> {
        let tail = self.log.tail().await?.position;
        self.catch_up(tail).await
    }

    /// Folds until a position has been folded.
    async fn catch_up(&mut self, position: mooring_event_log::Position) -> Result<(), Fatal> {
        while to_log_position(self.folded.position) < position {
            let record = self.following.next().await?;
            self.fold(&record)?;
        }
        Ok(())
    }

    /// Folds until what was decided `ahead`, as these commits, has been folded: it is taken as it is where it is what comes
    /// of the record, and otherwise made again.
    async fn reach(
        &mut self,
        position: mooring_event_log::Position,
        ids: &[Uuid],
        mut ahead: Folded<D::State>,
    ) -> Result<(), Fatal> {
        while to_log_position(self.folded.position) < position {
            let record = self.following.next().await?;
            let stored = || record.commits.iter().map(|commit| &commit.id).eq(ids);
            if self.folded.leads_to::<D>(&ahead, &record) && stored() {
                ahead.hash = record.hash.0;
                std::mem::swap(&mut self.folded, &mut ahead);
                self.show(&record);
            } else {
                self.fold(&record)?;
            }
        }
        Ok(())
    }

    fn fold(&mut self, record: &Record) -> Result<(), Fatal> {
        self.folded.record::<D>(record, Purpose::Write)?;
        self.show(record);
        Ok(())
    }

    fn show(&self, record: &Record) {
        if folded::reads::<D>(record) {
            self.shown.recent.put(record, &self.folded.state);
        }
        self.shown.view.send_replace(self.folded.view());
        if folded::reads::<D>(record) {
            self.shown.changed.send_replace(self.folded.position);
        }
    }

    async fn answer(&mut self, waiting: Vec<(Submission<D::Command>, Decision)>, position: Position) {
        for (submission, decision) in waiting {
            let answer = match decision {
                Decision::Commit(index, events) => Ok(Outcome {
                    at: Some(CommitPosition { position, index }),
                    events,
                    position,
                    validated_only: false,
                }),
                Decision::Nothing => Ok(Outcome::nothing(self.folded.position)),
                Decision::Validated(events) => Ok(Outcome::validated(self.folded.position, events)),
                Decision::Stored(at) => self.read_back(at).await,
                Decision::Refused(refused) => Err(refused),
            };
            // A caller that has gone away does not need its answer.
            let _ = submission.answer.send(answer);
        }
    }

    /// The outcome of a request that is stored, rebuilt from its events.
    async fn read_back(&mut self, at: CommitPosition) -> Result<Outcome, Refused> {
        let before = mooring_event_log::Position(at.position.0.saturating_sub(1));
        let records = self.log.read(&Filter::All, before, 1).await;
        let record = records.ok().and_then(|records| records.into_iter().next());
        let commits = record.and_then(|record| codec::commits(&record).ok());
        let found = commits.and_then(|commits| commits.into_iter().find(|commit| commit.at == at));
        let commit = found.ok_or(Refused::Unserved(Unserved::Unavailable))?;
        let (events, position) = (commit.events, at.position);
        Ok(Outcome { at: Some(at), events, position, validated_only: false })
    }
}

async fn refuse_all<C>(receiver: &mut mpsc::Receiver<Vec<Submission<C>>>, closing: &Notify, fatal: &Fatal) {
    loop {
        tokio::select! {
            () = closing.notified() => receiver.close(),
            submissions = receiver.recv() => match submissions {
                Some(submissions) => refuse(submissions, fatal.unserved()),
                None => return,
            },
        }
    }
}

fn refuse<C>(submissions: impl IntoIterator<Item = Submission<C>>, why: Unserved) {
    for submission in submissions {
        let _ = submission.answer.send(Err(why.into()));
    }
}
