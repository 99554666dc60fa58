//! A log read through from its start, without any index: what every answer is compared with.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use mooring_domain::{Position, Timestamp};
use mooring_event_log::{
    EventLog, Filter, Position as LogPosition,
    segments::{Options, Segments},
};
use mooring_ledger::{
    commits,
    index::{Concerns, Entry, Index, Term},
};
use mooring_tests::history;

/// How long an index may take that is built of a small log.
const PATIENT: Duration = Duration::from_secs(60);

/// What the log has: each event's place, when it was recorded, and what it concerns.
pub struct Model {
    pub log: Arc<dyn EventLog>,
    pub events: Vec<(Entry, Timestamp, Vec<Term>)>,
    pub tail: Position,
}

impl Model {
    /// A log of so many events, in a folder.
    pub async fn of_history(folder: &Path, events: u64) -> Self {
        let log = Segments::open(folder, Options::default(), &[]).unwrap().log;
        history::write(log.as_ref(), events).await.unwrap();
        Self::of(log).await
    }

    pub async fn of(log: Arc<dyn EventLog>) -> Self {
        let (mut concerns, mut events) = (Concerns::default(), Vec::new());
        let tail = log.tail().await.unwrap().position;
        let mut after = LogPosition(0);
        while after < tail {
            let records = log.read(&Filter::All, after, 100).await.unwrap();
            after = records.last().unwrap().position;
            for commit in records.iter().flat_map(|record| commits(record).unwrap()) {
                for (event, number) in commit.events.iter().zip(0..) {
                    let entry = Entry { at: commit.at, event: number };
                    events.push((entry, commit.recorded_at, concerns.of(&commit, event)));
                }
            }
        }
        Self { log, events, tail: Position(tail.0) }
    }

    /// The places of the events that every clause asks for.
    pub fn find(&self, clauses: &[Vec<Term>]) -> Vec<Entry> {
        let asked =
            |terms: &[Term]| clauses.iter().all(|clause| clause.iter().any(|term| terms.contains(term)));
        self.events.iter().filter(|(_, _, terms)| asked(terms)).map(|(entry, ..)| *entry).collect()
    }

    /// Everything that can be asked for, each with how often it was.
    pub fn terms(&self) -> Vec<(Term, usize)> {
        let mut counts: BTreeMap<String, (Term, usize)> = BTreeMap::new();
        for term in self.events.iter().flat_map(|(_, _, terms)| terms) {
            counts.entry(format!("{term:?}")).or_insert((term.clone(), 0)).1 += 1;
        }
        counts.into_values().collect()
    }
}

/// Everything that an index has for these clauses, once it is up to the model's end.
pub async fn ask(index: &Index, model: &Model, clauses: &[Vec<Term>]) -> Vec<Entry> {
    let everywhere = Entry::default()..Entry::after(model.tail);
    loop {
        caught_up(index, model).await;
        // Damage is met by whoever reads; he asks again.
        if let Ok(found) = index.find(clauses.to_vec(), everywhere.clone(), usize::MAX).await {
            return found;
        }
    }
}

pub async fn caught_up(index: &Index, model: &Model) {
    let mut indexed = index.watch();
    let reached = indexed.wait_for(|indexed| indexed.position == model.tail);
    let reached = tokio::time::timeout(PATIENT, reached).await;
    assert!(matches!(reached, Ok(Ok(_))), "the index did not come up: {:?}", index.watch().borrow());
}
