//! Taking snapshots beside the loop that folds: encoded and written by a blocking task, never two of one state at once.

use std::time::{Duration, Instant};

use mooring_domain::Position;
use serde::Serialize;
use tokio::task::{self, JoinHandle};

use crate::snapshots::{Snapshot, SnapshotError, Witness};

/// Records between snapshots.
const EVERY: u64 = 10_000;
/// A snapshot is followed by a rest of so many times what it took: a large state does not keep a processor busy.
const REST: u32 = 10;

/// Takes the snapshots of one folded state.
pub struct Saver {
    snapshot: Option<Snapshot>,
    version: u32,
    /// Where the last one was taken.
    at: Position,
    running: Option<JoinHandle<Duration>>,
    rest: Option<Instant>,
}

impl Saver {
    /// `at` is where the stored snapshot was taken that the fold began from, if it did. Without a `snapshot` none is taken.
    pub fn new(snapshot: Option<Snapshot>, version: u32, at: Position) -> Self {
        Self { snapshot, version, at, running: None, rest: None }
    }

    /// Takes one if it is time for it. `state` must be cheap: a clone of persistent collections.
    pub async fn offer<T: Serialize + Send + 'static>(
        &mut self,
        witness: Witness,
        state: impl FnOnce() -> T,
    ) {
        if witness.position.0 < self.at.0 + EVERY || self.snapshot.is_none() {
            return;
        }
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        self.finish().await;
        if self.rest.is_none_or(|until| until <= Instant::now()) {
            self.start(witness, state());
        }
    }

    /// Takes a last one, unless the stored one is of this very position, and waits until it is durable.
    pub async fn last<T: Serialize + Send + 'static>(&mut self, witness: Witness, state: T) {
        self.finish().await;
        if witness.position > self.at {
            self.start(witness, state);
            self.finish().await;
        }
    }

    fn start<T: Serialize + Send + 'static>(&mut self, witness: Witness, state: T) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let version = self.version;
        self.at = witness.position;
        self.running = Some(task::spawn_blocking(move || {
            let begun = Instant::now();
            match save(&snapshot, version, witness, &state) {
                Ok(bytes) => {
                    let took = begun.elapsed();
                    tracing::debug!(who = snapshot.who(), position = %witness.position, bytes, ?took, "snapshot taken");
                }
                Err(error) => {
                    tracing::warn!(who = snapshot.who(), %error, "no snapshot; a start will fold more");
                }
            }
            begun.elapsed()
        }));
    }

    async fn finish(&mut self) {
        if let Some(running) = self.running.take() {
            // One that panicked left the last snapshot as it was.
            self.rest = running.await.ok().map(|took| Instant::now() + took * REST);
        }
    }
}

fn save(
    snapshot: &Snapshot,
    version: u32,
    witness: Witness,
    state: &impl Serialize,
) -> Result<usize, SnapshotError> {
    let bytes = postcard::to_stdvec(state)?;
    snapshot.save(version, witness, &bytes)?;
    Ok(bytes.len())
}
