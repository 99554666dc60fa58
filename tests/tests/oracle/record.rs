//! What everybody saw, with the time at which they saw it; all clocks are one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{EIPS, FLOWS};

/// Since the diary was begun.
pub type Moment = Duration;

/// An instance with a HAVIP: what a packet reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub havip: usize,
    /// 0: vm-a, 1: vm-b.
    pub vm: usize,
}

impl Place {
    /// Where a HAVIP is held, for the whole test: by the one and the other in turn.
    pub fn of(havip: usize) -> Place {
        Place { havip, vm: havip % 2 }
    }
}

/// A flow and a number in it: what a packet, or a record in a TCP stream, carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    pub flow: u32,
    pub number: u32,
}

impl Token {
    pub fn eip(self) -> usize {
        self.flow as usize / FLOWS
    }

    pub fn is_tcp(self) -> bool {
        self.flow as usize % FLOWS == FLOWS - 1
    }
}

/// An EIP's time on a HAVIP, by the answers that the client got.
#[derive(Clone, Copy, Debug)]
pub struct Reign {
    pub havip: usize,
    /// Bind was called.
    pub asked: Moment,
    /// Bind was answered.
    pub begun: Option<Moment>,
    /// Unbind was called.
    pub leaving: Option<Moment>,
    /// Unbind was answered.
    pub gone: Option<Moment>,
}

/// Something that came from a place to the client: an echo, or what the place said later of itself.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub token: Token,
    pub place: Place,
    /// The place sent it.
    pub said: Moment,
    /// The place sent it long after it was asked.
    pub late: bool,
    /// The client got it.
    pub at: Moment,
}

/// What reached a place.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub token: Token,
    pub place: Place,
    pub at: Moment,
}

pub struct Diary {
    begin: Instant,
    pub reigns: Mutex<Vec<Vec<Reign>>>,
    pub sent: Mutex<Vec<(Token, Moment)>>,
    pub arrivals: Mutex<Vec<Arrival>>,
    pub answers: Mutex<Vec<Answer>>,
}

impl Diary {
    pub fn new() -> Diary {
        Diary {
            begin: Instant::now(),
            reigns: Mutex::new(vec![Vec::new(); EIPS]),
            sent: Mutex::default(),
            arrivals: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    pub fn now(&self) -> Moment {
        self.begin.elapsed()
    }
}

pub fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A question on the wire: the token.
pub const QUESTION: usize = 8;
/// An answer on the wire: the token, the place, whether it is late, when it was said.
pub const ANSWER: usize = 24;

pub fn write_question(token: Token) -> [u8; QUESTION] {
    let mut bytes = [0; QUESTION];
    bytes[..4].copy_from_slice(&token.flow.to_be_bytes());
    bytes[4..].copy_from_slice(&token.number.to_be_bytes());
    bytes
}

pub fn read_question(bytes: &[u8]) -> Option<Token> {
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some(Token { flow: word(0)?, number: word(4)? })
}

pub fn write_answer(token: Token, place: Place, late: bool, said: Moment) -> [u8; ANSWER] {
    let mut bytes = [0; ANSWER];
    bytes[..8].copy_from_slice(&write_question(token));
    bytes[8..10].copy_from_slice(&(place.havip as u16).to_be_bytes());
    bytes[10] = place.vm as u8;
    bytes[11] = u8::from(late);
    bytes[16..].copy_from_slice(&(said.as_nanos() as u64).to_be_bytes());
    bytes
}

pub fn read_answer(bytes: &[u8], at: Moment) -> Option<Answer> {
    let token = read_question(bytes)?;
    let havip = usize::from(u16::from_be_bytes(bytes.get(8..10)?.try_into().ok()?));
    let place = Place { havip, vm: usize::from(*bytes.get(10)?) };
    let said = Duration::from_nanos(u64::from_be_bytes(bytes.get(16..24)?.try_into().ok()?));
    Some(Answer { token, place, said, late: bytes[11] == 1, at })
}
