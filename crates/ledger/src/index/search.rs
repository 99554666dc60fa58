//! Searching: the entries that stand in some list of every clause, in order. Each list is only read where the others have
//! something, so that a long list costs nothing beside a short one.

use std::ops::Range;

use super::{concerns::Term, entry::Entry, pending::Pending, store::IndexError, store::Store};

/// A list under way.
struct List {
    key: Box<[u8]>,
    block: Vec<Entry>,
    /// Up to here the stored list has nothing but what is in `block`.
    known: Range<Entry>,
}

impl List {
    fn new(term: &Term) -> Self {
        let nowhere = Entry::default()..Entry::default();
        Self { key: term.key(), block: Vec::new(), known: nowhere }
    }

    /// The first entry at or behind a place.
    fn seek(&mut self, store: &Store, pending: &Pending, from: Entry) -> Result<Option<Entry>, IndexError> {
        if !self.known.contains(&from) {
            self.load(store, from)?;
        }
        let stored = self.block.get(self.block.partition_point(|entry| *entry < from)).copied();
        let waiting = pending.seek(&self.key, from);
        Ok(stored.into_iter().chain(waiting).min())
    }

    fn load(&mut self, store: &Store, from: Entry) -> Result<(), IndexError> {
        let reaches = |block: &Vec<Entry>| block.last().is_some_and(|last| *last >= from);
        let at = store.block_at(&self.key, from)?.filter(reaches);
        let block = match at {
            Some(block) => Some(block),
            None => store.block_behind(&self.key, from)?,
        };
        let end = match &block {
            Some(block) => block.last().map_or(from, |last| last.next()),
            None => Entry::of_key([u8::MAX; Entry::BYTES]),
        };
        (self.block, self.known) = (block.unwrap_or_default(), from..end);
        Ok(())
    }
}

/// At most `limit` entries in this range that every clause has; a clause has what any of its terms has.
pub(super) fn search(
    store: &Store,
    pending: &Pending,
    clauses: &[Vec<Term>],
    range: Range<Entry>,
    limit: usize,
) -> Result<Vec<Entry>, IndexError> {
    let mut clauses: Vec<Vec<List>> =
        clauses.iter().map(|clause| clause.iter().map(List::new).collect()).collect();
    let (mut found, mut at) = (Vec::new(), range.start);
    'entries: while found.len() < limit && !clauses.is_empty() {
        let from = at;
        for clause in &mut clauses {
            let mut first = None;
            for list in clause {
                first = first.into_iter().chain(list.seek(store, pending, at)?).min();
            }
            match first.filter(|first| *first < range.end) {
                None => break 'entries,
                Some(first) => at = first,
            }
        }
        // No clause had to go on from here: each has it.
        if at == from {
            found.push(at);
            at = at.next();
        }
    }
    Ok(found)
}
