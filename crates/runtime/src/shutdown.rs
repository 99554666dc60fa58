//! One word to stop, heard by every part: SIGINT, SIGTERM, or a part that can't go on.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Says stop.
#[derive(Clone, Debug)]
pub struct Stopper {
    sender: watch::Sender<bool>,
}

/// Hears it.
#[derive(Clone, Debug)]
pub struct Shutdown {
    receiver: watch::Receiver<bool>,
}

/// A stopper and what it stops.
pub fn channel() -> (Stopper, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Stopper { sender }, Shutdown { receiver })
}

impl Stopper {
    /// Stops every part.
    pub fn stop(&self) {
        self.sender.send_replace(true);
    }

    /// Stops every part at SIGINT or SIGTERM. A second one ends the process where it stands.
    pub async fn on_signal(self) -> io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut said = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        said().await;
        tracing::info!("stopping; what has begun is finished");
        self.stop();
        said().await;
        tracing::warn!("told twice to stop: ending at once");
        std::process::exit(1);
    }
}

impl Shutdown {
    /// Whether the word has been said.
    pub fn is_stopped(&self) -> bool {
        *self.receiver.borrow()
    }

    /// Resolves once the word has been said; also when nobody is left to say it.
    pub async fn stopped(mut self) {
        let _ = self.receiver.wait_for(|stopped| *stopped).await;
    }
}
