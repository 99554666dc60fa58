//! One VPC's reconciler: first run, change, retry and drift are the same round. It compares what its kernel has with
//! what it should have, takes one list of steps, and says how far it got.

mod ask;
mod moving;
mod own;
mod probe;
#[cfg(test)]
mod stories;
mod ticks;

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use mooring_dataplane::{Claimants, Fault, Place, Seen};
use mooring_domain::{
    Position,
    address::Mac,
    holder::{Decision, Provisional, Sighting},
    nat::{Actual, FoldedHash, Op, VpcDesired},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::block_in_place,
};

use crate::{
    entered::{Audit, Entered, Open},
    probing::Sign,
    progress::{Attested, Progress},
    questions::Questions,
    target::{Target, nothing_of},
    urgent::at_leisure,
    watch::{Sight, Sinks},
};

/// How often the kernel is asked whether somebody changed its rulesets, and questions are looked after.
const TICK: Duration = Duration::from_millis(50);
/// After so many ticks it is looked whether the namespace is still the same.
const PLACE: u32 = 4;
/// The most sightings that are looked at at once.
const MOST: usize = 256;
/// So many at most are looked at on the spot: a failover takes less time than handing this thread's other tasks over.
const FEW: usize = 8;
/// Between two times at which everybody is asked because claims were lost: longer than between two questions.
const ASKING: Duration = Duration::from_millis(1100);
/// How long after a failure the next round comes.
const RETRY: Duration = Duration::from_secs(1);

/// Asks a worker to read its kernel back.
pub(crate) struct AuditRequest {
    pub(crate) verify: bool,
    pub(crate) answer: oneshot::Sender<Audit>,
}

/// What is asked of a worker.
pub(crate) enum Request {
    /// Whether the kernel is as it should be.
    Audit(AuditRequest),
    /// Everything that the kernel has; nothing where the VPC does not live, or its place was not entered.
    Content(oneshot::Sender<Option<Result<Actual, Fault>>>),
    /// Reads the kernel back and mends what is not as it was put there; how long it took, or nothing where there is none.
    ReadBack(oneshot::Sender<Option<Duration>>),
}

pub(crate) struct Worker {
    open: Open,
    sinks: Sinks,
    target: watch::Receiver<Target>,
    seen: mpsc::Receiver<Sight>,
    requests: mpsc::Receiver<Request>,
    progress: watch::Sender<Progress>,
    entered: Option<Entered>,
    /// What was brought about last and told to everybody; `None`: announce and ask for everything.
    before: Option<VpcDesired>,
    questions: Questions,
    turns: probe::Turns,
    /// What was decided here and not by health yet.
    provisional: Provisional,
    /// Of that, what the kernel does not have yet.
    moving: moving::Moving,
    /// What the fold wants, followed.
    folded: FoldedHash,
    /// What the kernel was made equal to last.
    put_at: Position,
    /// Something was seen that should not be: the next tick looks.
    suspect: bool,
    /// Claims were lost: everybody is asked.
    lost: bool,
    /// Before which nobody is asked for that again.
    asks_at: Instant,
    /// After a failure.
    retry_at: Option<Instant>,
    ticked: u32,
}

impl Worker {
    pub(crate) fn new(
        open: Open,
        sinks: Sinks,
        seen: mpsc::Receiver<Sight>,
        requests: mpsc::Receiver<Request>,
        progress: watch::Sender<Progress>,
    ) -> Self {
        let target = sinks.target.clone();
        Self {
            open,
            sinks,
            target,
            seen,
            requests,
            progress,
            entered: None,
            before: None,
            questions: Questions::default(),
            turns: probe::Turns::default(),
            provisional: Provisional::default(),
            moving: moving::Moving::default(),
            folded: FoldedHash::default(),
            put_at: Position::default(),
            suspect: false,
            lost: false,
            asks_at: Instant::now(),
            retry_at: None,
            ticked: 0,
        }
    }

    /// Runs until the target is gone.
    pub(crate) async fn run(mut self) {
        let mut ticks = ticks::of(self.sinks.vpc, TICK);
        at_leisure(|| self.round());
        let mut seen = Vec::new();
        loop {
            tokio::select! {
                changed = self.target.changed() => match changed {
                    // A claim may wait behind it, so only one that makes everything anew takes its time.
                    Ok(()) if self.before.is_some() => block_in_place(|| self.round()),
                    Ok(()) => at_leisure(|| self.round()),
                    Err(_) => return,
                },
                1.. = self.seen.recv_many(&mut seen, MOST) => {
                    let seen = std::mem::take(&mut seen);
                    match seen.len() {
                        ..=FEW => self.see_all(seen),
                        // Many at once are urgent all the same.
                        _ => block_in_place(|| self.see_all(seen)),
                    }
                }
                Some(request) = self.requests.recv() => at_leisure(|| self.answer(request)),
                // Two system calls that wait for nothing: handing them to a thread costs more than they do, 300 times over.
                _ = ticks.tick() => self.tick(),
            }
        }
    }

    /// Makes the kernel equal to the target, or says why not.
    fn round(&mut self) {
        let recorded = self.target.borrow_and_update().clone();
        let differing = self.provisional.differing(recorded.recorded());
        let provisional: Vec<_> = differing.map(|(havip, decision)| (havip, decision.claim)).collect();
        let target = self.own(recorded.clone());
        let equal = self.make_equal(&target);
        if equal.is_ok() && target.place.is_some() {
            self.moving.applied(&self.sinks);
        }
        let applied = equal.as_ref().map_or(Position::default(), |_| target.version);
        let outcome = equal.and_then(|steps| self.tell(&target, &steps));
        self.look_whose_turn();
        self.retry_at = outcome.is_err().then(|| Instant::now() + RETRY);
        if outcome.is_err() {
            // Nothing is known for certain: next time everything is read, announced and asked for.
            self.before = None;
            self.entered.iter_mut().for_each(Entered::forget);
        }
        let carries_nothing = matches!(outcome, Err(Fault::NoNamespace { .. }));
        let fault = outcome.err().map(|fault| said(&fault, target.place.as_ref()));
        let before = self.progress.borrow().clone();
        let mut progress = Progress {
            applied,
            fault,
            carries_nothing,
            netns: target.place.as_ref().map(Place::namespace).unwrap_or_default(),
            tried: true,
            provisional,
            ..before
        };
        self.attest(&recorded, &mut progress);
        self.note(progress);
    }

    /// Says what is in the kernel now, and what was found to have been changed there.
    fn attest(&mut self, target: &Target, progress: &mut Progress) {
        let folded = self.folded.follow(&target.desired, &target.pools);
        let entered = self.entered.as_mut();
        progress.read_back_at = entered.as_ref().and_then(|entered| entered.read_back_at);
        // What was decided here is not the fold's: there is nothing to compare until health has decided, too.
        let hash =
            entered.as_ref().and_then(|entered| entered.hash()).filter(|_| progress.provisional.is_empty());
        if let Some((hash, position)) = hash.zip(target.carried) {
            progress.attest(Attested { position, hash, folded });
        }
        if let Some(drift) = entered.and_then(Entered::take_drift) {
            progress.drifts += 1;
            let desired = &target.desired;
            let (project, put_at) = (desired.project.clone(), self.put_at);
            self.sinks.drifts.push(self.sinks.vpc, project, put_at, drift);
        }
        if progress.fault.is_none() {
            self.put_at = target.carried.unwrap_or_default();
        }
    }

    /// Says how it went; in the log, only what is new.
    fn note(&self, now: Progress) {
        let vpc = self.sinks.vpc;
        let before = self.progress.send_replace(now.clone()).fault;
        match now.fault {
            Some(fault) if Some(&fault) != before.as_ref() => {
                tracing::warn!(%vpc, fault, "not applied; trying again every second");
            }
            None if before.is_some() => tracing::info!(%vpc, "applied again"),
            _ => {}
        }
    }

    fn make_equal(&mut self, target: &Target) -> Result<Vec<Op>, Fault> {
        self.leave(target)?;
        let Some(place) = &target.place else { return Ok(Vec::new()) };
        let entered = match &mut self.entered {
            Some(entered) => entered,
            none => {
                self.before = None;
                none.insert(Entered::enter(&self.open, place, self.sinks.clone())?)
            }
        };
        entered.listen_for(&target.desired)?;
        entered.make_equal(&target.desired, &target.pools)
    }

    /// Leaves what is no longer the place, by the operator's file or because its name is gone or another's, with nothing
    /// of ours in it: a namespace without a name can go on passing packets.
    fn leave(&mut self, target: &Target) -> Result<(), Fault> {
        let Some(entered) = &mut self.entered else { return Ok(()) };
        let is_there = entered.is_there();
        if is_there && target.place.as_ref() == Some(&entered.place) {
            return Ok(());
        }
        let other_rules = |place: &Place| Place { hairpin: place.hairpin, ..entered.place.clone() } == *place;
        if is_there && target.place.as_ref().is_some_and(other_rules) {
            // Entered again it finds tables that are not its own, and makes them anew without losing a packet.
            self.entered = None;
            return Ok(());
        }
        match entered.make_equal(&nothing_of(&target.desired), &target.pools) {
            // It is tried again, and until then nothing else is entered.
            Err(fault) if is_there && !matches!(fault, Fault::NoLink { .. }) => return Err(fault),
            Err(fault) => {
                let namespace = entered.place.namespace();
                tracing::warn!(vpc = %self.sinks.vpc, namespace, %fault, "left without being emptied");
            }
            Ok(_) => {}
        }
        self.entered = None;
        Ok(())
    }

    /// Tells the outside where EIPs are that are new here, and asks who holds HAVIPs that are.
    fn tell(&mut self, target: &Target, steps: &[Op]) -> Result<(), Fault> {
        let desired = &target.desired;
        let arrived: Vec<Ipv4Addr> = match self.before {
            Some(_) => steps.iter().filter_map(added_route).collect(),
            None => desired.nat.keys().filter_map(v4).collect(),
        };
        if let Some(entered) = &mut self.entered {
            entered.announce(&arrived)?;
        }
        if self.before.is_none() {
            self.provisional.begin(target.recorded());
        }
        let joined = self.before.as_ref().map(|before| desired.joined_since(before)).unwrap_or_default();
        joined.iter().filter_map(v4).for_each(|havip| self.questions.again(havip));
        self.ask_all(ask::appeared(self.before.as_ref(), desired), desired)?;
        self.before = Some(desired.clone());
        Ok(())
    }

    /// Whether traffic moves.
    fn see(&mut self, Sight { seen, number }: Sight) -> bool {
        match seen {
            Seen::Claim { address, mac, observed_at, said } => {
                self.questions.answered(address, mac);
                self.hear(address, mac, Sign::Claim);
                let decision = Decision { claim: Sighting { mac, observed_at }, number };
                return self.decide(address, (decision, said));
            }
            // They are looked for at the next tick.
            Seen::Alive { .. } => {}
            Seen::Fenced { address, mac } => {
                let desired = self.provisional.over(self.target.borrow().recorded());
                if desired.may_hold(IpAddr::V4(address), mac) {
                    let asked = self.ask(&[address], &desired);
                    self.could_not_ask(asked);
                }
            }
            Seen::Neighbour { .. } | Seen::Route { .. } => self.suspect = true,
            // A link says several things when it goes or comes: one look at the next tick is enough for all of them.
            Seen::LinkChanged => self.look_at_everything(),
            Seen::Dropped { claimants: Claimants::Strangers, .. } => {}
            Seen::Dropped { claimants: Claimants::Members, .. } | Seen::Lost => self.lost = true,
        }
        false
    }

    fn look_at_everything(&mut self) {
        self.suspect = true;
        self.before = None;
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.look_after_the_watch(now);
        let settled = self.settle();
        if settled {
            at_leisure(|| self.round());
        }
        self.ask_postponed();
        self.look_at_entries();
        let everything = match self.retry_at {
            Some(retry_at) => retry_at <= now || self.suspect,
            None => self.suspect,
        };
        if everything {
            self.suspect = false;
            self.entered.iter_mut().for_each(Entered::forget);
            at_leisure(|| self.round());
        } else if self.retry_at.is_none() && self.drifted() {
            self.entered.iter_mut().for_each(Entered::look_at_what_was_touched);
            at_leisure(|| self.round());
        }
        self.find_what_was_lost(now);
        self.ask_in_turn(now);
        self.probe(now);
        self.ask_everybody(now);
    }

    /// Whether what became of neighbours and routes is other than it should be.
    fn look_at_entries(&mut self) {
        let Some(entered) = &self.entered else { return };
        let mut seen = self.sinks.entries.take();
        // Behind a large change of ours there are as many.
        let many = seen.len() > MOST;
        let mut differ = || seen.any(|seen| entered.differs(seen));
        self.suspect |= if many { block_in_place(differ) } else { differ() };
    }

    /// A watcher that has ended takes its place's kernel with it; both are opened anew.
    fn look_after_the_watch(&mut self, now: Instant) {
        if let Some(fault) = self.entered.as_ref().and_then(Entered::watch_ended) {
            self.entered = None;
            self.retry_at = Some(now + RETRY);
            let progress = Progress { fault: Some(fault), ..self.progress.borrow().clone() };
            self.note(progress);
        }
        if self.entered.as_ref().is_some_and(Entered::has_missed) {
            self.look_at_everything();
        }
    }

    /// Whether somebody else changed the kernel's rulesets, or the namespace is another one by now.
    fn drifted(&mut self) -> bool {
        self.ticked = self.ticked.wrapping_add(1);
        let looks = self.ticked.is_multiple_of(PLACE);
        self.entered.as_mut().is_some_and(|entered| looks && !entered.is_there() || entered.drifted())
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Audit(request) => self.audit(request),
            Request::Content(answer) => {
                // Whoever asked may have gone away.
                let read = self.entered.as_mut().map(Entered::actual);
                let _ = answer.send(read.or_else(|| self.not_entered().map(Err)));
            }
            Request::ReadBack(answer) => {
                let took = self.read_back();
                let _ = answer.send(took);
            }
        }
    }

    /// Why what may well have something of ours in it can't be looked at.
    fn not_entered(&self) -> Option<Fault> {
        let progress = self.progress.borrow();
        let fault = progress.fault.clone().filter(|_| !progress.carries_nothing)?;
        Some(Fault::Kernel { operation: "entering it".to_owned(), source: io::Error::other(fault) })
    }

    /// The same round as after a change of somebody's. After a failure the next one reads everything anyway.
    fn read_back(&mut self) -> Option<Duration> {
        let entered = self.entered.as_mut().filter(|_| self.retry_at.is_none())?;
        let begun = Instant::now();
        entered.forget();
        self.round();
        Some(begun.elapsed())
    }

    fn audit(&mut self, request: AuditRequest) {
        let target = self.own(self.target.borrow().clone());
        let audit = match &mut self.entered {
            Some(entered) => entered.audit(&target.desired, &target.pools, request.verify),
            None => Audit::default(),
        };
        // Whoever asked may have gone away.
        let _ = request.answer.send(audit);
    }
}

/// A fault, with the place where the fault itself does not name one.
fn said(fault: &Fault, place: Option<&Place>) -> String {
    match (fault, place) {
        (Fault::Kernel { .. } | Fault::Answer { .. } | Fault::AlreadyWatched { .. }, Some(place)) => {
            let (namespace, inside, outside) = (place.namespace(), &place.inside, &place.outside);
            format!("{fault} ({namespace}, inside {inside:?}, outside {outside:?})")
        }
        _ => fault.to_string(),
    }
}

pub(crate) fn v4(address: &IpAddr) -> Option<Ipv4Addr> {
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
