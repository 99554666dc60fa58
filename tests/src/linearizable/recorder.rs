//! Who asked what, when, and what the answer was.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Answer, Call};

/// One call with all its tries: a call made again with the same request id is the same call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Who called.
    pub client: usize,
    /// What was asked.
    pub call: Call,
    /// When, since the recorder was made.
    pub began: Duration,
    /// The answer and when it came. `None`: it never came, so the call may have taken effect, at any time since it began,
    /// or never.
    pub answered: Option<(Duration, Answer)>,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operation { client, call, began, answered } = self;
        match answered {
            Some((at, answer)) => write!(f, "{began:?} to {at:?}, client {client}: {call:?} → {answer:?}"),
            None => write!(f, "{began:?}, client {client}: {call:?} → no answer"),
        }
    }
}

/// An operation that has no answer yet.
#[derive(Debug, Clone, Copy)]
pub struct Ticket(usize);

/// Writes operations down while they happen, with one clock for all clients.
pub struct Recorder {
    begin: Instant,
    operations: Mutex<Vec<Operation>>,
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder { begin: Instant::now(), operations: Mutex::default() }
    }
}

impl Recorder {
    /// A call is about to be made.
    pub fn begins(&self, client: usize, call: Call) -> Ticket {
        let mut operations = self.lock();
        let began = self.begin.elapsed();
        operations.push(Operation { client, call, began, answered: None });
        Ticket(operations.len() - 1)
    }

    /// Its answer has come.
    pub fn answered(&self, ticket: Ticket, answer: Answer) {
        let mut operations = self.lock();
        let at = self.begin.elapsed();
        if let Some(operation) = operations.get_mut(ticket.0) {
            operation.answered = Some((at, answer));
        }
    }

    /// How many have an answer by now.
    pub fn answered_so_far(&self) -> usize {
        self.lock().iter().filter(|operation| operation.answered.is_some()).count()
    }

    /// Everything so far.
    pub fn operations(&self) -> Vec<Operation> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
