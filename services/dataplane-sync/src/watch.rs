//! A thread for each VPC that blocks on its watcher, and hands on what was seen: claims of HAVIPs to health and to the
//! worker, everything else to the worker.

use std::{
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use mooring_dataplane::{Fault, Place, Seen, Waker, Watcher};
use mooring_domain::{holder::Sighting, id::VpcId};
use mooring_runtime::plant::planted;
use tokio::sync::{mpsc, watch};

use crate::{
    claims::{Claims, SeenClaim},
    drifts::Drifts,
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
    thread: Option<JoinHandle<()>>,
}

impl Watch {
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
    let (waker, its) = (watcher.waker(), shared.clone());
    let spawned = thread::Builder::new().name("watcher".to_owned()).spawn(move || {
        while !its.stopped.load(Ordering::Relaxed) {
            match watcher.wait(WAIT) {
                Ok(seen) => seen.into_iter().for_each(|seen| sinks.hand_on(seen, &its.missed)),
                Err(fault) => {
                    // The worker finds it and opens everything anew.
                    let _ = its.ended.set(format!("watching has ended: {fault}"));
                    return;
                }
            }
        }
    });
    match spawned {
        Ok(thread) => Ok(Watch { shared, waker, thread: Some(thread) }),
        Err(source) => Err(Fault::Kernel { operation: "starting a watcher".to_owned(), source }),
    }
}

impl Sinks {
    /// What finds no room is noted: the worker then looks at everything, and asks.
    fn hand_on(&self, seen: Seen, missed: &AtomicBool) {
        let mut number = None;
        if let Seen::Claim { address, mac, observed_at } = seen {
            if !self.target.borrow().desired.holders.contains_key(&IpAddr::V4(address)) {
                return;
            }
            let claim = Sighting { mac, observed_at };
            number = self.claims.hand_in(SeenClaim { vpc: self.vpc, address, claim });
        }
        let told = matches!(seen, Seen::Neighbour { .. } | Seen::Route { .. });
        if told && planted("dataplane.deaf") {
            return;
        }
        if self.worker.try_send(Sight { seen, number }).is_err() && !missed.swap(true, Ordering::Relaxed) {
            tracing::warn!(vpc = %self.vpc, "more is seen than can be looked at; everything is looked at again");
        }
    }
}
