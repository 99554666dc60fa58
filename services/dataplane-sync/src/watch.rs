//! A thread for each VPC that blocks on its watcher, and hands on what was seen: claims of HAVIPs to health and to the
//! worker, everything else to the worker. What a storm of claims does not get through is counted.

mod dropped;
mod entries;
mod heeded;
mod sieve;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mooring_dataplane::{Claimants, Ears, Fault, Place, Seen, Waker, Watcher, urgent};
use mooring_domain::{address::Mac, holder::Sighting, id::VpcId, nat::VpcDesired};
use mooring_ledger::by_this_clock;
use mooring_runtime::plant::planted;
use tokio::sync::{mpsc, watch};

pub(crate) use self::{dropped::DroppedClaims, entries::Entries};
use self::{
    dropped::Reason,
    heeded::Heeded,
    sieve::{Claimed, Sieve},
};
use crate::{
    claims::{Claims, SeenClaim},
    drifts::Drifts,
    probing::{Answers, Probed, Probing},
    receipts::Receipts,
    target::{Distributed, Target},
};

const WAIT: Duration = Duration::from_secs(1);

/// What the thread and its owner both know.
#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    missed: AtomicBool,
    ended: OnceLock<String>,
}

/// A running watcher. Once it is dropped its sockets are closed: the next one can have the fence's messages.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    waker: Waker,
    ears: Ears,
    /// What is listened for now.
    heeded: Option<Heeded>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Listens for claims of these HAVIPs from now on, and for those of who may hold them before others'.
    pub(crate) fn listen_for(&mut self, desired: &VpcDesired) -> Result<(), Fault> {
        let heeded = Heeded::of(desired);
        if !self.heeded.as_ref().is_some_and(|known| known.is_same(&heeded)) {
            self.ears.listen_for(&heeded.known())?;
            self.heeded = Some(heeded);
        }
        Ok(())
    }

    /// Why it has ended by itself, if it has.
    pub(crate) fn ended(&self) -> Option<String> {
        self.shared.ended.get().cloned()
    }

    /// Whether something that was seen found no room since the last call.
    pub(crate) fn has_missed(&self) -> bool {
        self.shared.missed.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            // It never waits for anything but its sockets and the waker. One that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

/// Where what was seen goes.
#[derive(Clone)]
pub(crate) struct Sinks {
    pub(crate) vpc: VpcId,
    pub(crate) target: watch::Receiver<Target>,
    pub(crate) distributed: Distributed,
    pub(crate) claims: Claims,
    pub(crate) drifts: Drifts,
    pub(crate) receipts: Receipts,
    pub(crate) dropped: DroppedClaims,
    pub(crate) probing: Probing,
    pub(crate) probed: Probed,
    pub(crate) answers: Answers,
    pub(crate) entries: Entries,
    pub(crate) worker: mpsc::Sender<Sight>,
}

/// What a worker is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) seen: Seen,
    /// Under which health has the claim, if it is one, and if there was room for it.
    pub(crate) number: Option<u64>,
}

/// Opens the watcher inside the place and starts its thread.
pub(crate) fn start(place: &Place, sinks: Sinks) -> Result<Watch, Fault> {
    let mut watcher = Watcher::open(place)?;
    let shared = Arc::new(Shared::default());
    let (waker, ears, its) = (watcher.waker(), watcher.ears(), shared.clone());
    let priority = urgent::priority();
    let spawned = thread::Builder::new().name("watcher".to_owned()).spawn(move || {
        // Where that is not allowed, it was said when the worker's thread was started.
        let _ = urgent::go_first(priority);
        let mut sieve = Sieve::default();
        while !its.stopped.load(Ordering::Relaxed) {
            let rest = sieve.next().map_or(WAIT, |next| next.saturating_duration_since(Instant::now()));
            match watcher.wait(rest.min(WAIT)) {
                Ok(seen) => {
                    let now = Instant::now();
                    seen.into_iter().for_each(|seen| sinks.see(seen, &mut sieve, now, &its.missed));
                    sieve.due(now).into_iter().for_each(|claimed| sinks.claim(claimed, &mut sieve, now));
                }
                Err(fault) => {
                    // The worker finds it and opens everything anew.
                    let _ = its.ended.set(format!("watching has ended: {fault}"));
                    return;
                }
            }
        }
    });
    match spawned {
        Ok(thread) => Ok(Watch { shared, waker, ears, heeded: None, thread: Some(thread) }),
        Err(source) => Err(Fault::Kernel { operation: "starting a watcher".to_owned(), source }),
    }
}

impl Sinks {
    /// What finds no room is noted: the worker then looks at everything, and asks.
    fn see(&self, seen: Seen, sieve: &mut Sieve, now: Instant, missed: &AtomicBool) {
        match seen {
            Seen::Claim { address, mac, observed_at, said } => {
                let claim = Sighting { mac, observed_at: by_this_clock(observed_at) };
                self.sift(Claimed { address, claim, said }, sieve, now);
                return;
            }
            Seen::Dropped { claimants, claims } => {
                self.dropped.count(claimants.into(), claims);
                if claimants == Claimants::Strangers {
                    return;
                }
            }
            Seen::Alive { address, mac } => {
                if self.holds(address, mac) {
                    self.answers.note(address, mac);
                }
                return;
            }
            Seen::Neighbour { .. } | Seen::Route { .. } if planted("dataplane.deaf") => return,
            Seen::Neighbour { .. } | Seen::Route { .. } if self.entries.note(seen) => return,
            _ => {}
        }
        if self.worker.try_send(Sight { seen, number: None }).is_err()
            && !missed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(vpc = %self.vpc, "more is seen than can be looked at; everything is looked at again");
        }
    }

    fn holds(&self, havip: Ipv4Addr, mac: Mac) -> bool {
        self.target.borrow().desired.holders.get(&IpAddr::V4(havip)) == Some(&Some(mac))
    }

    fn sift(&self, claimed: Claimed, sieve: &mut Sieve, now: Instant) {
        let is_member = {
            let desired = &self.target.borrow().desired;
            let havip = IpAddr::V4(claimed.address);
            if !desired.holders.contains_key(&havip) {
                return;
            }
            desired.may_hold(havip, claimed.claim.mac)
        };
        if !is_member {
            match sieve.stranger(now) {
                true => self.stranger(claimed),
                false => self.dropped.count(Reason::Strangers, 1),
            }
            return;
        }
        match sieve.member(claimed, now) {
            Ok(()) => self.claim(claimed, sieve, now),
            Err(dropped) => self.dropped.count(Reason::Repeated, dropped.into()),
        }
    }

    /// A member's claim goes to health and to the worker. While the worker has no room for it, it waits.
    fn claim(&self, claimed: Claimed, sieve: &mut Sieve, now: Instant) {
        match self.worker.try_reserve() {
            Ok(room) => {
                self.claims.hand_in_after(self.seen(claimed), |number| room.send(claimed.sight(number)));
            }
            Err(_) => sieve.back(claimed, now),
        }
    }

    fn stranger(&self, claimed: Claimed) {
        let number = self.claims.hand_in(self.seen(claimed));
        if number.is_none() {
            self.dropped.count(Reason::Unreported, 1);
        }
        // It moves nothing, so nothing is missed where there is no room. But a member is one the moment the log says so.
        let _ = self.worker.try_send(claimed.sight(number));
    }

    fn seen(&self, Claimed { address, claim, .. }: Claimed) -> SeenClaim {
        SeenClaim { vpc: self.vpc, address, claim }
    }
}

impl Claimed {
    fn sight(self, number: Option<u64>) -> Sight {
        let Sighting { mac, observed_at } = self.claim;
        Sight { seen: Seen::Claim { address: self.address, mac, observed_at, said: self.said }, number }
    }
}
