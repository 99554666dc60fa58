//! A kernel in memory, held to the same suite as the real one, that can be told to fail.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use mooring_domain::{
    address::Mac,
    nat::{Actual, Op, Touched},
};

use crate::{Driver, DropReason, Fault};

/// What a [`Fake`] can be told to fail at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// [`Driver::read`].
    Read,
    /// [`Driver::apply`], before anything was taken.
    Apply,
    /// [`Driver::clear`], before anything was taken.
    Clear,
    /// [`Driver::generation`].
    Generation,
    /// [`Driver::touched`].
    Touched,
    /// [`Driver::drops`].
    Drops,
    /// [`Driver::ask`].
    Ask,
    /// [`Driver::probe`].
    Probe,
    /// [`Driver::announce`].
    Announce,
    /// [`Driver::preflight`].
    Preflight,
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
    /// What every [`Driver::ask`] asked.
    pub asked: Vec<(Ipv4Addr, Option<Mac>)>,
    /// Whom every [`Driver::probe`] asked.
    pub probed: Vec<(Ipv4Addr, Mac)>,
    /// The inside has no carrier.
    pub unplugged: bool,
    /// How many questions of [`Driver::probe`] did not go out for that.
    pub unsent: usize,
    /// Every EIP of every [`Driver::announce`].
    pub announced: Vec<Ipv4Addr>,
    /// Every list of [`Driver::apply`] that was taken.
    pub applied: Vec<Vec<Op>>,
    /// What [`Driver::preflight`] answers.
    pub findings: Vec<String>,
    /// The error numbers of the coming calls: 0 is none.
    pub failing: BTreeMap<Call, VecDeque<i32>>,
    /// The next list of [`Driver::apply`] stops at this step with this error number: a step outside the tables after
    /// what was before it has been taken, the transaction as a whole.
    pub stops_at: Option<(usize, i32)>,
    /// What [`Driver::touched`] answers, once; otherwise it has not heard what a stranger did.
    pub told: Option<Vec<Touched>>,
    /// What a stranger does between the last read and the next list of [`Driver::apply`].
    pub meanwhile: Vec<Op>,
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
        (0..times).for_each(|_| self.fail_with(call, libc::EIO));
    }

    /// After those that were told to fail already, one more call of this kind fails, with this error number.
    pub fn fail_with(&self, call: Call, errno: i32) {
        self.with(|memory| memory.failing.entry(call).or_default().push_back(errno));
    }
}

impl Memory {
    /// One call of this kind: fails if it was told to.
    fn call(&mut self, call: Call, operation: &str) -> Result<(), Fault> {
        match self.failing.get_mut(&call).and_then(VecDeque::pop_front) {
            Some(errno) if errno != 0 => Err(refusal(operation, errno)),
            _ => Ok(()),
        }
    }

    /// What was told to happen to a list of steps, happens.
    fn take_with_trouble(&mut self, ops: &[Op]) -> Result<(), Fault> {
        let meanwhile = std::mem::take(&mut self.meanwhile);
        if !meanwhile.is_empty() {
            self.take(&meanwhile)?;
            self.applied.pop();
        }
        let Some((index, errno)) = self.stops_at.take() else { return self.take(ops) };
        let before: Vec<_> = ops.iter().take(index).copied().collect();
        let within = ops.iter().skip(index).any(|op| is_nftables(*op));
        // A transaction that is not brought to its end has changed nothing.
        self.take(&before.into_iter().filter(|op| !within || !is_nftables(*op)).collect::<Vec<_>>())?;
        self.applied.pop();
        Err(refusal("step", errno))
    }

    fn take(&mut self, ops: &[Op]) -> Result<(), Fault> {
        // As the kernel does: the nftables steps all or none, the others one by one.
        let mut ruleset = self.actual.clone();
        let mut changed = false;
        let last = ops.iter().rposition(|op| is_nftables(*op));
        for (index, op) in ops.iter().enumerate() {
            if is_nftables(*op) {
                element(&mut ruleset, *op)?;
                changed = true;
            } else {
                step(&mut self.actual, *op);
            }
            if Some(index) == last {
                let Actual { neighbours, routes, .. } = std::mem::take(&mut self.actual);
                self.actual = Actual { neighbours, routes, ..std::mem::take(&mut ruleset) };
            }
        }
        if changed {
            self.generation = self.generation.wrapping_add(1);
        }
        self.applied.push(ops.to_vec());
        Ok(())
    }
}

/// As the kernel's error becomes a fault.
fn refusal(operation: &str, errno: i32) -> Fault {
    Fault::kernel(operation, "CAP_NET_ADMIN", io::Error::from_raw_os_error(errno))
}

fn is_nftables(op: Op) -> bool {
    !matches!(op, Op::SetNeighbour(..) | Op::RemoveNeighbour(_) | Op::AddRoute(_) | Op::RemoveRoute(_))
}

fn step(actual: &mut Actual, op: Op) {
    match op {
        Op::SetNeighbour(address, mac) => drop(actual.neighbours.insert(address, mac)),
        Op::RemoveNeighbour(address) => drop(actual.neighbours.remove(&address)),
        Op::AddRoute(address) => drop(actual.routes.insert(address)),
        Op::RemoveRoute(address) => drop(actual.routes.remove(&address)),
        _ => {}
    }
}

/// What the kernel does with one element: adding what is there is nothing, unless it leads elsewhere; removing what is
/// not there is refused.
fn element(actual: &mut Actual, op: Op) -> Result<(), Fault> {
    if op == Op::MakeRuleset {
        *actual = Actual { ruleset: true, arp: actual.arp, ..Actual::default() };
        return Ok(());
    }
    let taken = actual.ruleset
        && match op {
            Op::MapEip(eip, havip) => *actual.eip_to_havip.entry(eip).or_insert(havip) == havip,
            Op::UnmapEip(eip) => actual.eip_to_havip.remove(&eip).is_some(),
            Op::MapHavip(havip, eip) => *actual.havip_to_eip.entry(havip).or_insert(eip) == eip,
            Op::UnmapHavip(havip) => actual.havip_to_eip.remove(&havip).is_some(),
            Op::AddSubnet(block) => added(actual.subnets.insert(block)),
            Op::RemoveSubnet(block) => actual.subnets.remove(&block),
            Op::AddPool(block) => added(actual.pools.insert(block)),
            Op::RemovePool(block) => actual.pools.remove(&block),
            Op::AddHavip(havip) => added(actual.havips.insert(havip)),
            Op::RemoveHavip(havip) => actual.havips.remove(&havip),
            Op::AddUnheld(havip) => added(actual.unheld.insert(havip)),
            Op::RemoveUnheld(havip) => actual.unheld.remove(&havip),
            Op::AllowHolder(havip, mac) => added(actual.fence.insert((havip, mac))),
            Op::ForbidHolder(havip, mac) => actual.fence.remove(&(havip, mac)),
            _ => true,
        };
    let errno = if matches!(op, Op::MapEip(..) | Op::MapHavip(..)) && actual.ruleset {
        libc::EEXIST
    } else {
        libc::ENOENT
    };
    taken.then_some(()).ok_or_else(|| refusal(&format!("{op:?}"), errno))
}

fn added(_new: bool) -> bool {
    true
}

impl Driver for Fake {
    fn read_known(&mut self, _known: &Actual) -> Result<Actual, Fault> {
        self.with(|memory| {
            memory.call(Call::Read, "read")?;
            Ok(memory.actual.clone())
        })
    }

    fn apply(&mut self, ops: &[Op]) -> Result<(), Fault> {
        self.with(|memory| {
            memory.call(Call::Apply, "apply")?;
            memory.take_with_trouble(ops)
        })
    }

    fn clear(&mut self) -> Result<(), Fault> {
        self.with(|memory| {
            memory.call(Call::Clear, "clear")?;
            memory.actual = Actual { arp: memory.actual.arp, ..Actual::default() };
            memory.drops.clear();
            memory.generation = memory.generation.wrapping_add(1);
            Ok(())
        })
    }

    fn generation(&mut self) -> Result<u32, Fault> {
        self.with(|memory| {
            memory.call(Call::Generation, "ask for the generation")?;
            Ok(memory.generation)
        })
    }

    fn touched(&mut self, _since: u32) -> Result<Option<(u32, Vec<Touched>)>, Fault> {
        self.with(|memory| {
            memory.call(Call::Touched, "ask what was touched")?;
            Ok(memory.told.take().map(|told| (memory.generation, told)))
        })
    }

    fn drops(&mut self) -> Result<Vec<(DropReason, u64)>, Fault> {
        self.with(|memory| {
            memory.call(Call::Drops, "count drops")?;
            let count = |reason| (reason, memory.drops.get(&reason).copied().unwrap_or(0));
            let counters = DropReason::ALL.map(count).to_vec();
            Ok(if memory.actual.ruleset { counters } else { Vec::new() })
        })
    }

    fn ask(&mut self, havips: &[(Ipv4Addr, Option<Mac>)]) -> Result<(), Fault> {
        self.with(|memory| {
            memory.call(Call::Ask, "ask")?;
            memory.asked.extend(havips);
            Ok(())
        })
    }

    fn probe(&mut self, holders: &[(Ipv4Addr, Mac)]) -> Result<bool, Fault> {
        self.with(|memory| {
            memory.call(Call::Probe, "probe")?;
            match memory.unplugged {
                true => memory.unsent += holders.len(),
                false => memory.probed.extend(holders),
            }
            Ok(!memory.unplugged)
        })
    }

    fn announce(&mut self, eips: &[Ipv4Addr]) -> Result<(), Fault> {
        self.with(|memory| {
            memory.call(Call::Announce, "announce")?;
            if memory.actual.arp {
                memory.announced.extend(eips);
            }
            Ok(())
        })
    }

    fn preflight(&mut self) -> Result<Vec<String>, Fault> {
        self.with(|memory| {
            memory.call(Call::Preflight, "look at the place")?;
            Ok(memory.findings.clone())
        })
    }
}
