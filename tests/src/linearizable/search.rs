//! The search: every order that explains what was answered so far is kept, as the state it led to and the steps that
//! were taken of operations which are still open. An answer that none of them explains is a violation.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::Operation;
use super::cell::{Answer, Call, Cell, steps};

/// More configurations than this at one answer are not searched.
const MOST: usize = 2_000_000;
/// How many operations before the one that can't be explained are shown.
const SHOWN: usize = 12;

/// No order of the operations explains their answers.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The first answer, in the order of answers, that can't be explained.
    pub operation: Operation,
    /// What happened before it and beside it.
    pub before: Vec<Operation>,
    /// What the states can have been before its answer.
    pub states: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no order explains this answer: {}", self.operation)?;
        self.states.iter().try_for_each(|state| writeln!(f, "  possible before it: {state}"))?;
        self.before.iter().try_for_each(|operation| writeln!(f, "  {operation}"))
    }
}

/// A state that explains the answers so far, and how many steps of each open operation were taken on the way.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Configuration {
    cell: Cell,
    taken: BTreeMap<usize, u8>,
}

struct Search<'a> {
    operations: &'a [Operation],
    configurations: HashSet<Configuration>,
    /// Begun and not answered.
    open: Vec<usize>,
}

/// Whether an order of the operations, on a cell with so many EIPs and nothing bound, explains all answers. Gives the
/// largest number of configurations that there were at one answer.
///
/// # Panics
/// When there are too many to search: silence would look like an order found.
pub fn check(eips: usize, operations: &[Operation]) -> Result<usize, Box<Violation>> {
    let nothing = Configuration { cell: Cell::free(eips), taken: BTreeMap::new() };
    let mut search = Search { operations, configurations: HashSet::from([nothing]), open: Vec::new() };
    let mut most = 1;
    for (_, answer, number) in moments(operations) {
        if !answer {
            search.open.push(number);
            continue;
        }
        let before = std::mem::take(&mut search.configurations);
        search.configurations = search.explained(&before, number);
        if search.configurations.is_empty() {
            return Err(Box::new(search.violation(&before, number)));
        }
        search.open.retain(|open| *open != number);
        most = most.max(search.configurations.len());
    }
    Ok(most)
}

/// Beginnings and answers in the order of time; of those at one moment the beginnings come first.
fn moments(operations: &[Operation]) -> Vec<(std::time::Duration, bool, usize)> {
    let begins = operations.iter().enumerate().map(|(number, operation)| (operation.began, false, number));
    let answers = operations
        .iter()
        .enumerate()
        .filter_map(|(number, operation)| operation.answered.as_ref().map(|(at, _)| (*at, true, number)));
    let mut moments: Vec<_> = begins.chain(answers).collect();
    moments.sort_unstable();
    moments
}

impl Search<'_> {
    /// Every configuration in which the operation is complete, with no step taken that this did not need.
    fn explained(&self, before: &HashSet<Configuration>, number: usize) -> HashSet<Configuration> {
        let (mut explained, mut seen) = (HashSet::new(), HashSet::new());
        let mut waiting: Vec<Configuration> = before.iter().cloned().collect();
        while let Some(mut configuration) = waiting.pop() {
            if !seen.insert(configuration.clone()) {
                continue;
            }
            assert!(
                seen.len() <= MOST,
                "more than {MOST} configurations: calls left open, or too many clients"
            );
            if configuration.taken.get(&number) == Some(&self.steps(number)) {
                configuration.taken.remove(&number);
                explained.insert(configuration);
                continue;
            }
            waiting.extend(self.open.iter().filter_map(|open| self.step(&configuration, *open)));
        }
        explained
    }

    fn steps(&self, number: usize) -> u8 {
        let operation = &self.operations[number];
        steps(operation.call, operation.answered.as_ref().map(|(_, answer)| answer))
    }

    /// The next step of an open operation, if it can be taken.
    fn step(&self, from: &Configuration, number: usize) -> Option<Configuration> {
        let step = from.taken.get(&number).copied().unwrap_or(0);
        if step == self.steps(number) || self.is_like_an_earlier_one(from, number, step) {
            return None;
        }
        let operation = &self.operations[number];
        let answer = operation.answered.as_ref().map(|(_, answer)| answer);
        let after = from.cell.after(number, step, operation.call, answer);
        let cell = after.or_else(|| self.is_held_early(from, operation).then(|| from.cell.clone()))?;
        let mut taken = from.taken.clone();
        taken.insert(number, step + 1);
        Some(Configuration { cell, taken })
    }

    /// A hold is asked for while its request is being stored (ADR 0010): it can be seen before the request is.
    fn is_held_early(&self, from: &Configuration, its: &Operation) -> bool {
        let (Call::Havip(havip), Some((_, Answer::Havip { held: true }))) = (its.call, &its.answered) else {
            return false;
        };
        let asks = |call: Call| matches!(call, Call::Bind { havip: of, .. } if of == havip);
        self.open.iter().any(|open| asks(self.operations[*open].call) && !from.taken.contains_key(open))
    }

    /// Of equal calls without an answer the earliest takes its first step first: whatever explains the answers with
    /// another order explains them with this one.
    fn is_like_an_earlier_one(&self, from: &Configuration, number: usize, step: u8) -> bool {
        let its = &self.operations[number];
        its.answered.is_none()
            && step == 0
            && self.open.iter().take_while(|open| **open != number).any(|open| {
                let other = &self.operations[*open];
                other.answered.is_none() && other.call == its.call && !from.taken.contains_key(open)
            })
    }

    fn violation(&self, before: &HashSet<Configuration>, number: usize) -> Violation {
        let operation = self.operations[number].clone();
        let mut states: Vec<String> = before.iter().map(|of| format!("{:?}", of.cell.0)).collect();
        states.sort_unstable();
        states.dedup();
        let until = operation.answered.as_ref().map_or(operation.began, |(at, _)| *at);
        let mut near: Vec<Operation> =
            self.operations.iter().filter(|other| other.began <= until).cloned().collect();
        near.sort_by_key(|other| other.began);
        let before = near.split_off(near.len().saturating_sub(SHOWN));
        Violation { operation, before, states }
    }
}
