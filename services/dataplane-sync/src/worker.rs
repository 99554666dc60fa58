//! One VPC's reconciler: first run, change, retry and drift are the same round. It compares what its kernel has with
//! what it should have, takes one list of steps, and says how far it got.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use mooring_dataplane::{Driver, DropReason, Fault, Kernel, Place, Seen};
use mooring_domain::{
    Position,
    id::VpcId,
    nat::{Actual, Op, VpcDesired, diff, wanted},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::block_in_place,
    time::MissedTickBehavior,
};

use crate::{
    questions::Questions,
    target::{Target, nothing_of},
    watch::{self as watcher, Sinks, Watch},
};

/// How often the kernel is asked whether somebody changed its rulesets, and questions are looked after.
const TICK: Duration = Duration::from_millis(50);
/// How long after a failure the next round comes.
const RETRY: Duration = Duration::from_secs(1);

/// How far a VPC got.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// The kernel is equal to this version of the target.
    pub(crate) applied: Position,
    /// What keeps it from the next one.
    pub(crate) fault: Option<String>,
    /// There is no namespace: nothing is carried.
    pub(crate) carries_nothing: bool,
    /// The namespace, for people; empty when the VPC does not live here.
    pub(crate) netns: String,
    /// A first round is over.
    pub(crate) tried: bool,
}

impl Progress {
    /// The position that the kernel is equal to, where the fold is at `folded` and the VPC's target changed last at
    /// `version`: what comes after a target's last change leaves its kernel as it is.
    pub(crate) fn equal_to(&self, version: Position, folded: Position) -> Position {
        if self.applied >= version { folded } else { self.applied }
    }
}

/// A kernel read back on request.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) differences: Vec<String>,
    pub(crate) drops: Vec<(DropReason, u64)>,
}

/// Asks a worker to read its kernel back.
pub(crate) struct AuditRequest {
    pub(crate) verify: bool,
    pub(crate) answer: oneshot::Sender<Audit>,
}

struct Open {
    place: Place,
    identity: Option<u64>,
    kernel: Kernel,
    _watch: Watch,
    /// What the kernel has, as far as is known; `None`: read it.
    known: Option<Actual>,
    generation: u32,
}

pub(crate) struct Worker {
    sinks: Sinks,
    target: watch::Receiver<Target>,
    seen: mpsc::Receiver<Seen>,
    audits: mpsc::Receiver<AuditRequest>,
    progress: watch::Sender<Progress>,
    open: Option<Open>,
    before: Option<VpcDesired>,
    questions: Questions,
    retry_at: Option<Instant>,
}

impl Worker {
    pub(crate) fn new(
        sinks: Sinks,
        seen: mpsc::Receiver<Seen>,
        audits: mpsc::Receiver<AuditRequest>,
        progress: watch::Sender<Progress>,
    ) -> Self {
        let target = sinks.target.clone();
        Self {
            sinks,
            target,
            seen,
            audits,
            progress,
            open: None,
            before: None,
            questions: Questions::default(),
            retry_at: None,
        }
    }

    /// Runs until the target is gone.
    pub(crate) async fn run(mut self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        block_in_place(|| self.round());
        loop {
            tokio::select! {
                changed = self.target.changed() => match changed {
                    Ok(()) => block_in_place(|| self.round()),
                    Err(_) => return,
                },
                Some(seen) = self.seen.recv() => block_in_place(|| self.see(seen)),
                Some(request) = self.audits.recv() => block_in_place(|| self.audit(request)),
                _ = ticks.tick() => block_in_place(|| self.tick()),
            }
        }
    }

    /// Makes the kernel equal to the target, or says why not.
    fn round(&mut self) {
        let target = self.target.borrow_and_update().clone();
        let outcome = self.reconcile(&target);
        let netns = target.place.as_ref().map(Place::namespace).unwrap_or_default();
        self.retry_at = outcome.is_err().then(|| Instant::now() + RETRY);
        self.progress.send_modify(|progress| {
            progress.tried = true;
            progress.netns = netns;
            progress.carries_nothing = matches!(outcome, Err(Fault::NoNamespace { .. }));
            progress.fault = outcome.as_ref().err().map(ToString::to_string);
            if outcome.is_ok() {
                progress.applied = target.version;
            }
        });
        if let Err(fault) = outcome {
            tracing::warn!(vpc = %self.sinks.vpc, %fault, "not applied; trying again");
            self.forget();
        }
    }

    /// What is known of the kernel may be wrong.
    fn forget(&mut self) {
        match &mut self.open {
            Some(open) if open.place.identity() == open.identity => open.known = None,
            _ => self.open = None,
        }
    }

    fn reconcile(&mut self, target: &Target) -> Result<(), Fault> {
        self.leave_other_place(target)?;
        let Some(place) = &target.place else { return Ok(()) };
        if self.open.is_none() {
            self.open = Some(self.enter(place)?);
            self.before = None;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let steps = open.make_equal(&target.desired, target, self.sinks.vpc)?;
        let arrived: Vec<Ipv4Addr> = match self.before {
            Some(_) => steps.iter().filter_map(added_route).collect(),
            None => target.desired.nat.keys().filter_map(v4).collect(),
        };
        if place.arp && !arrived.is_empty() {
            open.kernel.announce(&arrived)?;
        }
        let questions = appeared(self.before.as_ref(), &target.desired);
        self.before = Some(target.desired.clone());
        questions.into_iter().try_for_each(|havip| self.ask(havip, &target.desired))
    }

    fn enter(&self, place: &Place) -> Result<Open, Fault> {
        let kernel = Kernel::open(place)?;
        let watch = watcher::start(place, self.sinks.clone())?;
        Ok(Open {
            place: place.clone(),
            identity: place.identity(),
            kernel,
            _watch: watch,
            known: None,
            generation: 0,
        })
    }

    /// The operator's file has moved the VPC: what it had at its old place goes.
    fn leave_other_place(&mut self, target: &Target) -> Result<(), Fault> {
        if let Some(mut open) = self.open.take_if(|open| target.place.as_ref() != Some(&open.place)) {
            let nothing = nothing_of(&target.desired);
            open.make_equal(&nothing, target, self.sinks.vpc)?;
        }
        Ok(())
    }

    /// Asks who holds a HAVIP.
    fn ask(&mut self, havip: Ipv4Addr, desired: &VpcDesired) -> Result<(), Fault> {
        let holder = desired.holders.get(&IpAddr::V4(havip)).copied().flatten();
        match &mut self.open {
            Some(open) if self.questions.ask(havip, holder, Instant::now()) => open.kernel.ask(havip, holder),
            _ => Ok(()),
        }
    }

    fn see(&mut self, seen: Seen) {
        let desired = self.target.borrow().desired.clone();
        match seen {
            Seen::Claim { address, mac, .. } => self.questions.answered(address, mac),
            Seen::Fenced { address, mac } => {
                let members = desired.members.get(&IpAddr::V4(address));
                if members.is_some_and(|members| members.contains(&mac)) {
                    let asked = self.ask(address, &desired);
                    self.note(asked);
                }
            }
            Seen::LinkChanged => {
                self.forget();
                self.before = None;
                self.round();
            }
            Seen::Lost => {
                self.open = None;
                self.round();
            }
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.retry_at.is_some_and(|retry_at| retry_at <= now) || self.drifted() {
            self.forget();
            self.round();
        }
        for havip in self.questions.unanswered(now) {
            let asked = self.open.as_mut().map_or(Ok(()), |open| open.kernel.ask(havip, None));
            self.note(asked);
        }
    }

    /// Whether somebody else changed the kernel's rulesets, or the namespace is another one by now.
    fn drifted(&mut self) -> bool {
        let Some(open) = &mut self.open else { return false };
        open.place.identity() != open.identity
            || open.kernel.generation().is_ok_and(|generation| generation != open.generation)
    }

    fn note(&self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            tracing::warn!(vpc = %self.sinks.vpc, %fault, "could not ask who holds a HAVIP");
        }
    }

    fn audit(&mut self, request: AuditRequest) {
        let target = self.target.borrow().clone();
        let audit = self.open.as_mut().map(|open| open.audit(&target, request.verify)).unwrap_or_default();
        // Whoever asked may have gone away.
        let _ = request.answer.send(audit);
    }
}

impl Open {
    /// The steps that it took.
    fn make_equal(&mut self, desired: &VpcDesired, target: &Target, vpc: VpcId) -> Result<Vec<Op>, Fault> {
        let read_back = self.known.is_none();
        let actual = match self.known.take() {
            Some(known) => known,
            None => self.kernel.read()?,
        };
        let steps = diff(desired, &target.pools, &actual);
        if read_back && self.generation != 0 && !steps.is_empty() {
            tracing::warn!(%vpc, found = ?steps, "the kernel had drifted; mending it");
        }
        if !steps.is_empty() {
            self.kernel.apply(&steps)?;
        }
        self.generation = self.kernel.generation()?;
        self.known = Some(wanted(desired, &target.pools, self.place.arp));
        Ok(steps)
    }

    fn audit(&mut self, target: &Target, verify: bool) -> Audit {
        let drops = self.kernel.drops().unwrap_or_default();
        let differences = match verify.then(|| self.kernel.read()) {
            None => Vec::new(),
            Some(Ok(actual)) => {
                let steps = diff(&target.desired, &target.pools, &actual);
                steps.iter().map(|step| format!("{step:?}")).collect()
            }
            Some(Err(fault)) => vec![fault.to_string()],
        };
        Audit { differences, drops }
    }
}

fn v4(address: &IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    }
}

fn added_route(step: &Op) -> Option<Ipv4Addr> {
    match step {
        Op::AddRoute(address) => v4(address),
        _ => None,
    }
}

/// The HAVIPs that are new, or newly bound: nobody may know yet who holds them, and keepalived does not repeat itself.
fn appeared(before: Option<&VpcDesired>, now: &VpcDesired) -> Vec<Ipv4Addr> {
    let new =
        now.holders.keys().filter(|havip| before.is_none_or(|before| !before.holders.contains_key(*havip)));
    let bound = now
        .nat
        .iter()
        .filter(|(eip, havip)| before.is_some_and(|before| before.nat.get(*eip) != Some(*havip)));
    let mut havips: Vec<_> = new.chain(bound.map(|(_, havip)| havip)).filter_map(v4).collect();
    havips.sort_unstable();
    havips.dedup();
    havips
}
