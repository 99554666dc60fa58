//! From a log to the region as it was at a moment.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use mooring_domain::{Commit, CommitPosition, Position, Timestamp};
use mooring_event_log::{EventLog, Filter, LogError, Position as LogPosition, Record, Skimmed, skim_checked};
use mooring_ledger::{CommitReader, Undecodable, to_domain_position};

use crate::{Folded, Last, Moment, NoAnswer, Step, apart::Apart, time};

/// Records asked of a log at once.
const CHUNK: usize = 64;

/// Folds the log in a folder up to this moment: of a stopped system, a backup, or beside the process that writes it. What
/// stands behind the moment may be damaged, or newer than this program.
pub fn fold_folder(folder: &Path, moment: Moment) -> Result<Folded, NoAnswer> {
    Folding::on(Folded::default(), moment, None).folder(folder)
}

/// Folds an open log up to this moment.
pub async fn fold(log: &dyn EventLog, moment: Moment) -> Result<Folded, NoAnswer> {
    let mut folding = Folding::on(Folded::default(), moment, None);
    let tail = log.tail().await?.position;
    let mut after = LogPosition::default();
    while after < tail {
        let records = log.read(&Filter::All, after, CHUNK).await?;
        let Some(last) = records.last() else { break };
        after = last.position;
        if records.iter().any(|record| folding.record(record).is_break()) {
            break;
        }
    }
    folding.finish(to_domain_position(tail))
}

/// Who is told of each commit that is folded, with the region before and after it.
pub(crate) type Each<'a> = &'a mut (dyn FnMut(Step<'_>) -> ControlFlow<()> + Send);

/// A fold that is under way.
pub(crate) struct Folding<'a> {
    moment: Moment,
    fold: Fold<'a>,
    /// When the first commit of the log was recorded.
    first: Option<Timestamp>,
    /// Nothing more belongs to the moment.
    reached: bool,
    unreadable: Option<Undecodable>,
    reader: CommitReader,
    /// Whoever is told has heard enough.
    stopped: bool,
}

/// How commits are folded.
enum Fold<'a> {
    /// Nobody is told of them.
    Apart(Apart),
    /// One after another, each is told.
    Told(Box<Folded>, Each<'a>),
}

impl Fold<'_> {
    fn last(&self) -> Option<&Last> {
        match self {
            Self::Apart(apart) => apart.last(),
            Self::Told(folded, _) => folded.last.as_ref(),
        }
    }

    fn commit(&mut self, commit: Commit) -> ControlFlow<()> {
        match self {
            Self::Apart(apart) => {
                apart.commit(commit);
                ControlFlow::Continue(())
            }
            Self::Told(folded, each) => {
                let before = folded.clone();
                folded.commit(&commit);
                each(Step { before: &before, commit: &commit, after: folded })
            }
        }
    }

    fn finish(self) -> Folded {
        match self {
            Self::Apart(apart) => apart.finish(),
            Self::Told(folded, _) => *folded,
        }
    }
}

impl<'a> Folding<'a> {
    /// Goes on from what is folded already.
    pub(crate) fn on(folded: Folded, moment: Moment, each: Option<Each<'a>>) -> Self {
        let fold = match each {
            Some(each) => Fold::Told(Box::new(folded), each),
            None => Fold::Apart(Apart::on(folded)),
        };
        let reader = CommitReader::default();
        Self { moment, fold, first: None, reached: false, unreadable: None, reader, stopped: false }
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Result<Folded, NoAnswer> {
        let skimmed = skim_checked(folder, |record| self.skimmed(record))?;
        let whole = to_domain_position(skimmed.last);
        match skimmed.damage {
            Some(damage) if !self.reached && !self.stopped && self.unreadable.is_none() => {
                Err(NoAnswer::Damaged { damage, whole })
            }
            _ => self.finish(whole),
        }
    }

    /// The log's records, read behind what is folded already.
    pub(crate) fn records(
        mut self,
        tail: LogPosition,
        mut read: impl FnMut(LogPosition) -> Result<Vec<Arc<Record>>, LogError>,
    ) -> Result<Folded, NoAnswer> {
        // Of the record folded last some commits may be missing.
        let last = self.fold.last().map_or(0, |last| last.at.position.0.saturating_sub(1));
        let mut after = LogPosition(last);
        while after < tail {
            let records = read(after)?;
            let Some(last) = records.last() else { break };
            after = last.position;
            if records.iter().any(|record| self.record(record).is_break()) {
                break;
            }
        }
        self.finish(to_domain_position(tail))
    }

    fn record(&mut self, record: &Record) -> ControlFlow<()> {
        let first = record.commits.first().map(|commit| commit.recorded_at);
        self.take(record.position, first, |reader| reader.record(record))
    }

    fn skimmed(&mut self, record: &Skimmed<'_>) -> ControlFlow<()> {
        let first = record.commits.first().map(|commit| commit.recorded_at);
        self.take(record.position(), first, |reader| reader.skimmed(record))
    }

    fn take(
        &mut self,
        position: LogPosition,
        first: Option<u64>,
        read: impl FnOnce(&mut CommitReader) -> Result<Vec<Commit>, Undecodable>,
    ) -> ControlFlow<()> {
        // Only the time says of a record whether it belongs to the moment: one that does not need not be readable.
        let at = CommitPosition { position: to_domain_position(position), index: 0 };
        self.reached = first.is_some_and(|recorded_at| !self.moment.admits(at, Timestamp(recorded_at)));
        if self.reached {
            self.first = self.first.or(first.map(Timestamp));
            return ControlFlow::Break(());
        }
        match read(&mut self.reader) {
            Ok(commits) => self.commits(commits),
            Err(error) => {
                self.unreadable = Some(error);
                return ControlFlow::Break(());
            }
        }
        if self.reached || self.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn commits(&mut self, commits: Vec<Commit>) {
        for commit in commits {
            self.first.get_or_insert(commit.recorded_at);
            let known = self.fold.last().is_some_and(|last| commit.at <= last.at);
            if !self.moment.admits(commit.at, commit.recorded_at) {
                self.reached = true;
            } else if !known && self.fold.commit(commit).is_break() {
                self.stopped = true;
                return;
            }
        }
        self.reached |= match (self.moment, self.fold.last()) {
            (Moment::Record(position), Some(last)) => last.at.position == position,
            (Moment::Commit(commit), Some(last)) => last.at == commit,
            _ => false,
        };
    }

    /// `end` is the last record of the log, or of what was read of it.
    fn finish(self, end: Position) -> Result<Folded, NoAnswer> {
        match self.unreadable {
            Some(error) => Err(error.into()),
            None if self.stopped || self.is_there() => Ok(self.fold.finish()),
            None => Err(NoAnswer::Outside(self.outside(end))),
        }
    }

    /// Whether what was folded is what was asked for.
    fn is_there(&self) -> bool {
        let last = self.fold.last().map(|last| last.at);
        match self.moment {
            Moment::End => true,
            Moment::Record(position) => last.map_or(Position(0), |last| last.position) == position,
            Moment::Commit(commit) => last == Some(commit),
            Moment::Time(_) => last.is_some(),
        }
    }

    fn outside(&self, end: Position) -> String {
        let Some(first) = self.first else { return "the log has no record yet".to_owned() };
        match (self.moment, self.fold.last()) {
            (Moment::Time(_), _) => {
                format!("is before everything: the first commit was recorded at {}", time(first))
            }
            (Moment::Commit(commit), Some(last)) if last.at.position == commit.position => {
                format!(
                    "there is no commit {commit}: the last one of record {} is {}",
                    commit.position, last.at
                )
            }
            (Moment::Commit(CommitPosition { position: Position(0), .. }), _) => {
                "record 0 is before everything, and has no commit".to_owned()
            }
            (moment, _) => {
                let asked = match moment {
                    Moment::Commit(commit) => commit.position,
                    Moment::Record(position) => position,
                    Moment::End | Moment::Time(_) => end,
                };
                format!("there is no record {asked}: the log ends at {end}")
            }
        }
    }
}
