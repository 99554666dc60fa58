//! A background thread that ends with the probe it works for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a blocking call of a worker may take before it looks whether it should end.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);

/// Told to workers when their probe is dropped.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The thread. Dropping it asks it to stop and waits until it has.
pub(super) struct Worker {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// `work` must return soon after [`Stop::asked`].
    pub(super) fn start(work: impl FnOnce(Stop) + Send + 'static) -> Worker {
        let stop = Stop::default();
        let its = stop.clone();
        Worker { stop, thread: Some(std::thread::spawn(move || work(its))) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
