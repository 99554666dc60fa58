//! What the index has learned and not stored yet: it answers from memory until then.

use std::collections::HashMap;

use mooring_domain::{Commit, Position, Timestamp};

use super::{
    concerns::{Concerns, Term},
    entry::Entry,
};

/// Between two marks of the time, in records.
const MARK_EVERY: u64 = 64;

/// What has come since the last flush.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Of each term's key, in order.
    pub(super) postings: HashMap<Box<[u8]>, Vec<Entry>>,
    /// When some records were recorded.
    pub(super) marks: Vec<(Timestamp, Position)>,
    /// Entries in all the lists.
    pub(super) count: usize,
}

impl Pending {
    /// Takes in a record's commits.
    pub(super) fn enter(&mut self, concerns: &mut Concerns, commits: &[Commit]) {
        let first = commits.first().map(|commit| (commit.recorded_at, commit.at.position));
        self.marks.extend(first.filter(|(_, position)| position.0 % MARK_EVERY == 1));
        for commit in commits {
            for (event, number) in commit.events.iter().zip(0..) {
                let entry = Entry { at: commit.at, event: number };
                for term in concerns.of(commit, event) {
                    self.post(&term, entry);
                }
            }
        }
    }

    fn post(&mut self, term: &Term, entry: Entry) {
        let list = self.postings.entry(term.key()).or_default();
        // An event may concern a thing twice: an EIP and a HAVIP of one project.
        if list.last() != Some(&entry) {
            list.push(entry);
            self.count += 1;
        }
    }

    /// The first entry of a list at or behind a place.
    pub(super) fn seek(&self, key: &[u8], from: Entry) -> Option<Entry> {
        let list = self.postings.get(key)?;
        list.get(list.partition_point(|entry| *entry < from)).copied()
    }
}
