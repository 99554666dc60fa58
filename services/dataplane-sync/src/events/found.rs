//! From a filter to the events it asks for: names are looked up, the index says where, and records are read only there.

use std::{ops::Range, sync::Arc};

use mooring_domain::{CommitPosition, Position};
use mooring_domain::{Event, name::RegionId};
use mooring_event_log::{EventLog, Filter, Record};
use mooring_ledger::{
    index::{Concerns, Entry, EventFilter, Index, Term, Thing, unknown},
    to_log_position,
};
use mooring_past::told;
use mooring_proto::dataplane::v1 as api;
use tonic::Status;

use super::unanswered;
use crate::{
    answer,
    grpc::{PAGE_BYTES, unserved},
};

/// So many things can have had a name or an address, one after the other.
const NAMESAKES: usize = 10_000;
/// Records that are not asked for are read along if they stand between two that are, and are no more than these.
const GAP: u64 = 16;
/// Records read at once.
const TOGETHER: u64 = 64;

/// A region's log with its index.
pub(crate) struct Source {
    pub(super) log: Arc<dyn EventLog>,
    pub(crate) index: Index,
}

/// A filter whose names are looked up.
pub(super) struct Query {
    filter: EventFilter,
    clauses: Vec<Vec<Term>>,
}

/// Some commits, with those of their events that were asked for.
pub(super) struct Page {
    pub(super) commits: Vec<api::Commit>,
    /// What comes behind them stands here or later.
    pub(super) next: Entry,
}

impl Query {
    pub(super) async fn new(
        source: &Source,
        region: &RegionId,
        filter: &api::EventFilter,
    ) -> Result<Self, Status> {
        let filter = EventFilter::parse(filter, Some(region))?;
        let mut clauses = Vec::new();
        for thing in &filter.things {
            let found = source.look_up(thing).await?;
            clauses.push(if found.is_empty() { return Err(thing.unknown()) } else { found });
        }
        for (field, term) in &filter.terms {
            let clause = vec![term.clone()];
            if source.find(std::slice::from_ref(&clause), everywhere(), 1).await?.is_empty() {
                return Err(unknown(field, term));
            }
            clauses.push(clause);
        }
        if clauses.is_empty() || !filter.kinds.is_empty() {
            clauses.push(filter.kinds());
        }
        Ok(Self { filter, clauses })
    }

    /// Whether there is anything in this range. What is in it may be of another time.
    pub(super) async fn any(&self, source: &Source, range: Range<Entry>) -> Result<bool, Status> {
        let range = self.timely(source, range).await?;
        Ok(!source.find(&self.clauses, range, 1).await?.is_empty())
    }

    /// The first events in a range: at most `limit`, but for those of the last commit.
    pub(super) async fn page(
        &self,
        source: &Source,
        range: Range<Entry>,
        limit: usize,
    ) -> Result<Page, Status> {
        let wanted = self.timely(source, range.clone()).await?;
        let mut page = Page { commits: Vec::new(), next: wanted.start };
        let (mut events, mut bytes) = (0, 0);
        while events < limit && bytes < PAGE_BYTES {
            let entries = source.entries(&self.clauses, page.next..wanted.end, limit - events).await?;
            if entries.is_empty() {
                page.next = range.end;
                break;
            }
            for (record, entries) in source.records(&entries).await? {
                let found = self.commits(&record, &entries)?;
                events += found.iter().map(|commit| commit.events.len()).sum::<usize>();
                bytes += answer::size(&record);
                page.commits.extend(found);
                page.next = entries.last().map_or(page.next, |last| Entry::after_commit(last.at));
                if bytes >= PAGE_BYTES {
                    break;
                }
            }
        }
        Ok(page)
    }

    /// The part of a range outside which nothing was recorded at the time that is asked for.
    async fn timely(&self, source: &Source, range: Range<Entry>) -> Result<Range<Entry>, Status> {
        if self.filter.from.is_none() && self.filter.to.is_none() {
            return Ok(range);
        }
        let timely = source.index.at_times(self.filter.from, self.filter.to).await;
        let timely = timely.map_err(|error| unanswered(&error))?;
        Ok(range.start.max(timely.start)..range.end.min(timely.end))
    }

    /// A record's commits, with the events at these places.
    fn commits(&self, record: &Record, entries: &[Entry]) -> Result<Vec<api::Commit>, Status> {
        let mut found = Vec::new();
        for (mut commit, stored) in answer::read(record)?.into_iter().zip(&record.commits) {
            let at = CommitPosition { position: Position(record.position.0), index: commit.at.index };
            let here = entries.partition_point(|entry| entry.at < at)
                ..entries.partition_point(|entry| entry.at <= at);
            if here.is_empty() || !self.filter.at_its_time(&commit) {
                continue;
            }
            let mut number = 0;
            commit.events.retain(|_| {
                number += 1;
                entries[here.clone()].binary_search_by_key(&(number - 1), |entry| entry.event).is_ok()
            });
            found.push(told(&commit, stored));
        }
        Ok(found)
    }
}

impl Source {
    /// Everything that ever was what `thing` says.
    async fn look_up(&self, thing: &Thing) -> Result<Vec<Term>, Status> {
        let beginnings = Thing::BEGINNINGS.map(Term::Kind).to_vec();
        let entries = self.entries(&[thing.beginnings(), beginnings], everywhere(), NAMESAKES).await?;
        let mut found = Vec::new();
        for (record, entries) in self.records(&entries).await? {
            let commits = answer::read(&record)?;
            for entry in entries {
                let commit = commits.iter().find(|commit| commit.at == entry.at);
                let event = commit.and_then(|commit| commit.events.get(usize::try_from(entry.event).ok()?));
                let thing = |event: &Event| thing.begins(event, &Concerns::default().of(commit?, event));
                found.extend(event.and_then(thing));
            }
        }
        Ok(found)
    }

    async fn find(
        &self,
        clauses: &[Vec<Term>],
        range: Range<Entry>,
        limit: usize,
    ) -> Result<Vec<Entry>, Status> {
        let found = self.index.find(clauses.to_vec(), range, limit).await;
        found.map_err(|error| unanswered(&error))
    }

    /// At most `limit` places, and the rest of those in the last commit.
    pub(crate) async fn entries(
        &self,
        clauses: &[Vec<Term>],
        range: Range<Entry>,
        limit: usize,
    ) -> Result<Vec<Entry>, Status> {
        let mut entries = self.find(clauses, range, limit).await?;
        if let Some(last) = entries.last().filter(|_| entries.len() == limit) {
            let behind = Entry { event: last.event.saturating_add(1), ..*last };
            let rest = self.find(clauses, behind..Entry::after_commit(last.at), usize::MAX).await?;
            entries.extend(rest);
        }
        Ok(entries)
    }

    /// The records that these places are in, each with its places.
    pub(crate) async fn records(&self, entries: &[Entry]) -> Result<Vec<(Arc<Record>, Vec<Entry>)>, Status> {
        let mut by_record = entries.chunk_by(|one, next| one.at.position == next.at.position).peekable();
        let mut found = Vec::new();
        while let Some(first) = by_record.next() {
            let begin = first[0].at.position;
            let (mut last, mut wanted) = (begin, vec![first]);
            let near = |next: &&[Entry], last: Position| {
                let next = next[0].at.position.0;
                next <= last.0 + GAP && next < begin.0 + TOGETHER
            };
            while let Some(next) = by_record.next_if(|next| near(next, last)) {
                last = next[0].at.position;
                wanted.push(next);
            }
            let span = usize::try_from(last.0 - begin.0 + 1).unwrap_or(1);
            let before = to_log_position(Position(begin.0.saturating_sub(1)));
            let records =
                self.log.read(&Filter::All, before, span).await.map_err(|error| unserved(&error))?;
            for entries in wanted {
                let at = usize::try_from(entries[0].at.position.0 - begin.0).unwrap_or(usize::MAX);
                let record = records.get(at).ok_or_else(missing)?;
                found.push((Arc::clone(record), entries.to_vec()));
            }
        }
        Ok(found)
    }
}

/// The index has a record that the log does not give.
fn missing() -> Status {
    unanswered(&mooring_ledger::index::Unanswered::Failed("a record that was there is not".to_owned()))
}

/// The whole log.
fn everywhere() -> Range<Entry> {
    Entry::default()..Entry::after(Position(u64::MAX))
}
