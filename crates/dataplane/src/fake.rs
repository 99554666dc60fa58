//! A kernel in memory, held to the same suite as the real one, that can be told to fail.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use mooring_domain::{
    address::Mac,
    nat::{Actual, Op},
};

use crate::{Driver, DropReason, Fault};

/// What a [`Fake`] can be told to fail at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// [`Driver::read`].
    Read,
    /// [`Driver::apply`], before anything was taken.
    Apply,
    /// [`Driver::generation`].
    Generation,
    /// [`Driver::drops`].
    Drops,
    /// [`Driver::ask`].
    Ask,
    /// [`Driver::announce`].
    Announce,
}

/// What a fake kernel has, and what was asked of it. Public, so that a test can be a stranger who changes it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What [`Driver::read`] answers.
    pub actual: Actual,
    /// Grows with every change of the ruleset.
    pub generation: u32,
    /// What [`Driver::drops`] answers.
    pub drops: BTreeMap<DropReason, u64>,
    /// Every [`Driver::ask`].
    pub asked: Vec<(Ipv4Addr, Option<Mac>)>,
    /// Every EIP of every [`Driver::announce`].
    pub announced: Vec<Ipv4Addr>,
    /// Every list of [`Driver::apply`] that was taken.
    pub applied: Vec<Vec<Op>>,
    /// How many of the coming calls fail.
    pub failing: BTreeMap<Call, u32>,
}

/// A driver over a [`Memory`]; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Fake {
    memory: Arc<Mutex<Memory>>,
}

impl Fake {
    /// An empty kernel whose place answers for EIPs by ARP or not.
    pub fn new(arp: bool) -> Self {
        let fake = Self::default();
        fake.with(|memory| memory.actual.arp = arp);
        fake
    }

    /// Look at the memory, or change it behind the driver's back.
    pub fn with<T>(&self, how: impl FnOnce(&mut Memory) -> T) -> T {
        how(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next `times` calls of this kind fail.
    pub fn fail(&self, call: Call, times: u32) {
        self.with(|memory| memory.failing.insert(call, times));
    }
}

impl Driver for Fake {
    fn read(&mut self) -> Result<Actual, Fault> {
        Ok(self.with(|memory| memory.actual.clone()))
    }
    fn apply(&mut self, _ops: &[Op]) -> Result<(), Fault> {
        Ok(())
    }
    fn generation(&mut self) -> Result<u32, Fault> {
        Ok(self.with(|memory| memory.generation))
    }
    fn drops(&mut self) -> Result<Vec<(DropReason, u64)>, Fault> {
        Ok(Vec::new())
    }
    fn ask(&mut self, _havip: Ipv4Addr, _holder: Option<Mac>) -> Result<(), Fault> {
        Ok(())
    }
    fn announce(&mut self, _eips: &[Ipv4Addr]) -> Result<(), Fault> {
        Ok(())
    }
}
