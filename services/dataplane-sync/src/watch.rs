//! A thread for each VPC that blocks on its watcher, and hands on what was seen: claims of HAVIPs to health and to the
//! worker, everything else to the worker.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use mooring_dataplane::{Fault, Place, Seen, Waker, Watcher};
use mooring_domain::id::VpcId;
use tokio::sync::{mpsc, watch};

use crate::{claims::SeenClaim, target::Target};

const WAIT: Duration = Duration::from_secs(1);

/// A running watcher; it ends when dropped.
pub(crate) struct Watch {
    stopped: Arc<AtomicBool>,
    waker: Waker,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.waker.wake();
    }
}

/// Where what was seen goes.
#[derive(Clone)]
pub(crate) struct Sinks {
    pub(crate) vpc: VpcId,
    pub(crate) target: watch::Receiver<Target>,
    pub(crate) claims: mpsc::Sender<SeenClaim>,
    pub(crate) worker: mpsc::Sender<Seen>,
}

/// Opens the watcher inside the place and starts its thread.
pub(crate) fn start(place: &Place, sinks: Sinks) -> Result<Watch, Fault> {
    let mut watcher = Watcher::open(place)?;
    let stopped = Arc::new(AtomicBool::new(false));
    let watch = Watch { stopped: stopped.clone(), waker: watcher.waker() };
    let spawned = thread::Builder::new().name("watcher".to_owned()).spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            match watcher.wait(WAIT) {
                Ok(seen) => seen.into_iter().for_each(|seen| sinks.hand_on(seen)),
                Err(fault) => {
                    tracing::error!(%fault, vpc = %sinks.vpc, "watching has ended");
                    // The worker opens everything anew.
                    let _ = sinks.worker.blocking_send(Seen::Lost);
                    return;
                }
            }
        }
    });
    spawned
        .map(|_| watch)
        .map_err(|source| Fault::Kernel { operation: "starting a watcher".to_owned(), source })
}

impl Sinks {
    fn hand_on(&self, seen: Seen) {
        if let Seen::Claim { address, mac, observed_at } = seen {
            if !self.target.borrow().desired.holders.contains_key(&IpAddr::V4(address)) {
                return;
            }
            let claim = SeenClaim { vpc: self.vpc, address, mac, observed_at };
            if self.claims.try_send(claim).is_err() {
                tracing::warn!(vpc = %self.vpc, %address, %mac, "too many claims are waiting; one is dropped");
            }
        }
        // A full queue: the worker looks at everything anyway on its next round.
        let _ = self.worker.try_send(seen);
    }
}
