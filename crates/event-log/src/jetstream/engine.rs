//! What the parts of the engine share: the JetStream stream, the copy, and whether the one is known to go on where
//! the other ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout, timeout_at},
};
use uuid::Uuid;

use super::{Standing, ahead::Ahead, question::Question, remote::Remote};
use crate::{
    contract::LogError,
    record::{Position, StreamName},
    segments::Segments,
};

/// So long is waited for a connection that was just lost, or for its verification.
const PATIENCE: Duration = Duration::from_secs(2);
/// A copy that does not grow for so long, though there is more, is not waited for any longer.
const STALL: Duration = Duration::from_secs(5);

/// The engine of one region.
pub(super) struct Engine {
    pub remote: Remote,
    pub copy: Arc<Segments>,
    /// The streams whose records are synced in the copy.
    writes: Mutex<BTreeSet<StreamName>>,
    gates: Mutex<BTreeMap<StreamName, Gate>>,
    pub ahead: tokio::sync::Mutex<Ahead>,
    question: Question,
    trust: watch::Sender<Trust>,
    pub standing: watch::Sender<Standing>,
    /// Asks the keeper to look now.
    pub wake: Notify,
}

/// One append at a time per stream; what is inside is the first commit of an append whose outcome is not known.
pub(super) type Gate = Arc<tokio::sync::Mutex<Option<Uuid>>>;

/// Whether the JetStream stream goes on where the copy ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    /// Verified over this connection, for the JetStream stream of this age.
    Verified { connection: u64, created: Arc<str> },
    /// Not verified, or not any more.
    Not(LogError),
}

impl Engine {
    pub fn new(remote: Remote, copy: Arc<Segments>, writes: BTreeSet<StreamName>) -> Self {
        let why: Arc<str> = format!("{remote}: not verified yet").into();
        Self {
            remote,
            copy,
            writes: Mutex::new(writes),
            gates: Mutex::default(),
            ahead: tokio::sync::Mutex::default(),
            question: Question::default(),
            trust: watch::Sender::new(Trust::Not(LogError::Unavailable(Arc::clone(&why)))),
            standing: watch::Sender::new(Standing::NotReached(why)),
            wake: Notify::new(),
        }
    }

    /// The gate of a stream; from now on its records are synced in the copy.
    pub fn gate(&self, stream: &StreamName) -> Gate {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(stream) {
            return Arc::clone(gate);
        }
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.clone());
        Arc::clone(gates.entry(stream.clone()).or_default())
    }

    /// Whether this process appends to one of these streams.
    pub fn writes_any<'a>(&self, streams: impl IntoIterator<Item = &'a StreamName>) -> bool {
        let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        streams.into_iter().any(|stream| writes.contains(stream))
    }

    /// The JetStream stream was verified over this connection, and the copy has all that it had.
    pub fn trust(&self, connection: u64, created: Arc<str>) {
        self.trust.send_replace(Trust::Verified { connection, created });
    }

    /// Whether it counts as verified.
    pub fn trusted_now(&self) -> Result<(), LogError> {
        self.look(&self.trust.borrow()).map(drop)
    }

    /// Nothing is asked of the JetStream stream until it is verified again.
    pub fn distrust(&self, why: LogError) {
        self.trust.send_replace(Trust::Not(why));
    }

    /// Waits until the JetStream stream is verified over the connection there is.
    pub async fn trusted(&self) -> Result<(), LogError> {
        let deadline = Instant::now() + PATIENCE;
        let mut trust = self.trust.subscribe();
        loop {
            let error = match self.look(&trust.borrow_and_update()) {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if !matches!(error, LogError::Unavailable(_)) {
                return Err(error);
            }
            self.wake.notify_one();
            match timeout_at(deadline, trust.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(LogError::Closed),
                Err(_) => return Err(error),
            }
        }
    }

    /// When the JetStream stream was created, if it is verified over the connection there is.
    fn look(&self, trust: &Trust) -> Result<Arc<str>, LogError> {
        self.copy.position()?;
        match trust {
            Trust::Not(error) => Err(error.clone()),
            Trust::Verified { connection, created } => match self.remote.connection() {
                Some(now) if now == *connection => Ok(Arc::clone(created)),
                Some(_) => {
                    let why = format!("{}: not verified since the connection was lost", self.remote);
                    Err(LogError::Unavailable(why.into()))
                }
                None => Err(self.remote.away()),
            },
        }
    }

    /// Waits until the copy has everything that was in the JetStream stream when this was called.
    pub async fn catch_up(&self) -> Result<Position, LogError> {
        self.trusted().await?;
        let copied = self.copy.position()?;
        let seen = self.question.ask(&self.remote).await?;
        let created = self.look(&self.trust.borrow())?;
        if seen.last < copied || seen.created != created {
            // What it means is for the keeper to find out.
            self.doubt("ends before the copy, or was made anew");
            self.trusted().await?;
            let why = format!("{}: it was verified anew; ask again", self.remote);
            return Err(LogError::Unavailable(why.into()));
        }
        self.copied(seen.last).await?;
        Ok(seen.last)
    }

    /// Why the JetStream stream is not verified.
    pub fn doubts(&self) -> LogError {
        let trust = self.look(&self.trust.borrow());
        trust.err().unwrap_or_else(|| LogError::Unavailable(format!("{}: ask again", self.remote).into()))
    }

    /// Damage: nothing is served any more.
    pub fn condemn(&self, error: LogError) -> LogError {
        if let LogError::Damaged(why) = &error {
            self.copy.condemn(Arc::clone(why));
        }
        error
    }

    /// Nothing is asked of the JetStream stream until it is verified again, because of what was seen.
    pub fn doubt(&self, why: &str) {
        self.distrust(LogError::Unavailable(format!("{}: {why}", self.remote).into()));
        self.wake.notify_one();
    }

    /// Waits until the copy has a record.
    pub async fn copied(&self, position: Position) -> Result<(), LogError> {
        let mut last = self.copy.position()?;
        while last < position {
            last = match timeout(STALL, self.copy.grown_past(last)).await {
                Ok(grown) => grown?,
                Err(_) => {
                    let why = format!(
                        "{}: the copy ends at {last}, and record {position} does not come",
                        self.remote
                    );
                    return Err(LogError::Unavailable(why.into()));
                }
            };
        }
        Ok(())
    }
}
