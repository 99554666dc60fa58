//! What the clients know in the end, and what must be so then.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use uuid::Uuid;

use super::Cell;
use super::worker::Works;
use crate::linearizable::Operation;

/// What the clients know.
pub struct Done {
    cells: Vec<Arc<Cell>>,
    works: Vec<Works>,
}

impl Done {
    pub(super) fn new(cells: Vec<Arc<Cell>>, works: Vec<Works>) -> Done {
        Done { cells, works }
    }

    /// Every cell.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().map(|cell| &**cell)
    }

    /// What the clients of every cell were told can have happened. Gives the operations checked.
    pub fn is_linearizable(&self) -> Result<usize> {
        let mut operations = 0;
        for (number, cell) in self.cells().enumerate() {
            if let Err(violation) = cell.check() {
                bail!("cell {number}: {violation}");
            }
            operations += cell.history.operations().len();
        }
        Ok(operations)
    }

    /// Every request that must have written something is in the log once, and none twice. Gives how many there are.
    /// `requests`: the ids of all commits in the log that have one.
    pub fn is_logged(&self, requests: impl Iterator<Item = Uuid>) -> Result<usize> {
        let mut times: BTreeMap<Uuid, u32> = BTreeMap::new();
        requests.for_each(|id| *times.entry(id).or_default() += 1);
        let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        ensure!(twice.is_empty(), "more than once in the log: {twice:?}");
        let acknowledged = self.works.iter().flat_map(|works| &works.acknowledged);
        let lost = acknowledged.clone().find(|id| !times.contains_key(id));
        ensure!(lost.is_none(), "{lost:?} was acknowledged and is not in the log");
        Ok(acknowledged.count())
    }

    /// Tries without an answer, by reason.
    pub fn again(&self) -> BTreeMap<&str, u64> {
        let mut all: BTreeMap<&str, u64> = BTreeMap::new();
        for (reason, times) in self.works.iter().flat_map(|works| &works.again) {
            *all.entry(reason).or_default() += times;
        }
        all
    }

    fn operations(&self) -> Vec<Operation> {
        self.cells().flat_map(|cell| cell.history.operations()).collect()
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.operations();
        let answered = operations.iter().filter(|operation| operation.answered.is_some()).count();
        let given_up: u64 = self.works.iter().map(|works| works.given_up).sum();
        let clients = self.works.len();
        write!(
            f,
            "{answered} calls of {clients} clients answered, {given_up} given up; tries without an answer:"
        )?;
        let again = self.again();
        if again.is_empty() {
            return write!(f, " none");
        }
        again.iter().try_for_each(|(reason, times)| write!(f, " {times} {reason}"))
    }
}
