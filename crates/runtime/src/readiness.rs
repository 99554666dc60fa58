//! Readiness as a set of latches: the process is ready when every one of them has been dropped.

use std::sync::Arc;

use tokio::sync::mpsc;

/// Held by a part that is not ready yet; dropping it says that it is.
#[derive(Clone, Debug)]
pub struct Latch {
    _held: Arc<mpsc::Sender<()>>,
}

/// Becomes ready when the last latch is dropped.
#[derive(Debug)]
pub struct Readiness {
    receiver: mpsc::Receiver<()>,
}

/// A first latch, to clone for each part, and the readiness that waits for all of them.
pub fn latches() -> (Latch, Readiness) {
    let (sender, receiver) = mpsc::channel(1);
    (Latch { _held: Arc::new(sender) }, Readiness { receiver })
}

impl Readiness {
    /// Returns when every latch is dropped.
    pub async fn ready(mut self) {
        while self.receiver.recv().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    #[test]
    fn ready_only_when_the_last_latch_is_dropped() {
        let (first, readiness) = super::latches();
        let second = first.clone();
        let mut ready = Box::pin(readiness.ready());
        drop(first);
        assert!(ready.as_mut().now_or_never().is_none());
        drop(second);
        assert!(ready.as_mut().now_or_never().is_some());
    }
}
