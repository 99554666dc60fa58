//! The task that keeps an index up: it follows the log, stores what has come now and then, and begins again from nothing
//! when what is stored can't be used. One path for the first start, every other, and after damage.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use futures::{
    FutureExt,
    future::{Either, ready},
};
use mooring_domain::{Position, id::BindingId};
use mooring_event_log::{EventLog, Record};
use tokio::{
    sync::{Notify, watch},
    task,
    time::sleep,
};

use super::{
    Indexed, Shared,
    concerns::{Concerns, Unfinished},
    pending::Pending,
    store::{IndexError, Store},
};
use crate::{
    FoldTask, Following, OpenError, commits, snapshots::Witness, start::has, to_domain_position,
    to_log_position,
};

/// So many entries in memory are stored …
const ENTRIES: usize = 500_000;
/// … and what came in so many records, so that the next start has not much to read.
const RECORDS: u64 = 20_000;
/// Whoever asks may wait so long for what has just come: records are entered together, beside those who carry traffic.
const LULL: Duration = Duration::from_millis(20);
/// A long log is read for so long at once, and then not for as long: what the process is there for goes on beside it.
const TURN: Duration = Duration::from_millis(2);
/// Before another try where the disk or the log fails.
const PAUSE: Duration = Duration::from_secs(1);

enum Ended {
    /// Asked to.
    Closed,
    /// The index can't be used.
    Index(IndexError),
    /// The log can't be followed.
    Log(OpenError),
}

impl<E: Into<OpenError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Log(error.into())
    }
}

pub(super) fn start(
    log: Arc<dyn EventLog>,
    folder: PathBuf,
    shared: Arc<Shared>,
    sender: watch::Sender<Indexed>,
) -> FoldTask {
    FoldTask::start(async move |closing| {
        let follower = Follower { log, folder, shared, sender };
        follower.run(&closing).await;
    })
}

struct Follower {
    log: Arc<dyn EventLog>,
    folder: PathBuf,
    shared: Arc<Shared>,
    sender: watch::Sender<Indexed>,
}

impl Follower {
    /// Until told to close, or the log ends for good.
    async fn run(&self, closing: &Notify) {
        loop {
            let ended = self.follow(closing).await;
            self.let_go();
            match ended {
                Ended::Closed => return,
                Ended::Log(OpenError::Log(error)) if !error.is_final() => {
                    tracing::warn!(%error, "the log does not answer; the index of events waits");
                }
                Ended::Log(error) => {
                    tracing::error!(%error, "the index of events does not go on");
                    self.sender.send_modify(|indexed| indexed.failure = Some(error.to_string()));
                    return;
                }
                Ended::Index(error) if self.put_away(&error) => continue,
                Ended::Index(_) => {}
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = closing.notified() => return,
            }
        }
    }

    /// Nobody reads it any more, and what is only in memory will be read from the log again.
    fn let_go(&self) {
        write(&self.shared.store).take();
        *write(&self.shared.pending) = Pending::default();
    }

    /// Sets aside what can't be used. False where only another try can help.
    fn put_away(&self, error: &IndexError) -> bool {
        self.say(Position(0));
        if !error.is_damage() {
            tracing::warn!(%error, "trying again");
            return false;
        }
        match Store::set_aside(&self.folder) {
            Ok(aside) => {
                tracing::warn!(%error, aside = %aside.display(), "set aside; it is built again from the log");
                true
            }
            Err(failed) => {
                tracing::warn!(%error, %failed, "it can't be set aside");
                false
            }
        }
    }

    async fn follow(&self, closing: &Notify) -> Ended {
        match self.followed(closing).await {
            Ok(()) => Ended::Closed,
            Err(ended) => ended,
        }
    }

    async fn followed(&self, closing: &Notify) -> Result<(), Ended> {
        // Damage that was met before this is behind us.
        let _ = self.shared.damaged.notified().now_or_never();
        let (mut witness, mut concerns) = self.open().await?;
        let mut stored = witness.position;
        self.say(witness.position);
        let mut records = Following::after(self.log.clone(), to_log_position(witness.position));
        let mut turn = Instant::now();
        loop {
            if turn.elapsed() >= TURN {
                sleep(turn.elapsed()).await;
                turn = Instant::now();
            }
            let next = records.next().now_or_never();
            let waits = next.is_none();
            let next = match next {
                Some(record) => Either::Left(ready(record)),
                None => Either::Right(async {
                    sleep(LULL).await;
                    records.next().await
                }),
            };
            let record = tokio::select! {
                record = next => record?,
                () = self.shared.damaged.notified() => {
                    return Err(Ended::Index(IndexError::Damaged("what was read of it")));
                }
                () = closing.notified() => break,
            };
            if waits {
                turn = Instant::now();
            }
            witness = self.enter(&mut concerns, &record)?;
            let waiting = read(&self.shared.pending).count;
            if waiting >= ENTRIES || witness.position.0 >= stored.0 + RECORDS {
                self.flush(concerns.changed(), witness).await?;
                stored = witness.position;
                turn = Instant::now();
            }
        }
        if witness.position > stored {
            self.flush(concerns.changed(), witness).await?;
        }
        Ok(())
    }

    fn enter(&self, concerns: &mut Concerns, record: &Record) -> Result<Witness, Ended> {
        let commits = commits(record)?;
        write(&self.shared.pending).enter(concerns, &commits);
        let position = to_domain_position(record.position);
        self.say(position);
        Ok(Witness { position, hash: record.hash.0 })
    }

    fn say(&self, position: Position) {
        self.sender.send_modify(|indexed| indexed.position = position);
    }

    /// Opens the index, empty if it is not of this version and of this log.
    async fn open(&self) -> Result<(Witness, Concerns), Ended> {
        let folder = self.folder.clone();
        let opened = blocking(move || open(&folder)).await?;
        let (store, loaded) = opened;
        let nothing = Witness { position: Position(0), hash: [0; 32] };
        let begin = match loaded {
            Some((witness, concerns)) if self.fits(witness).await? => (witness, concerns),
            _ => {
                blocking(move || store.clear().map(|()| store)).await.map(|store| self.hold(store))?;
                return Ok((nothing, Concerns::default()));
            }
        };
        self.hold(store);
        Ok(begin)
    }

    /// Whether the log has the record that the index goes up to (L8).
    async fn fits(&self, witness: Witness) -> Result<bool, Ended> {
        let tail = to_domain_position(self.log.tail().await?.position);
        if witness.position > tail {
            let who = "the index of events".to_owned();
            return Err(OpenError::LostEnd { tail, witness: witness.position, who }.into());
        }
        Ok(has(&*self.log, witness).await?)
    }

    fn hold(&self, store: Store) {
        *write(&self.shared.store) = Some(store);
    }

    async fn flush(
        &self,
        changed: Vec<(BindingId, Option<Unfinished>)>,
        witness: Witness,
    ) -> Result<(), Ended> {
        let shared = self.shared.clone();
        blocking(move || {
            let store = read(&shared.store);
            // Readers go on: what is in both places is found once.
            store.as_ref().ok_or(IndexError::Closed)?.flush(&read(&shared.pending), changed, witness)?;
            drop(store);
            *write(&shared.pending) = Pending::default();
            Ok(())
        })
        .await
    }
}

type Opened = (Store, Option<(Witness, Concerns)>);

fn open(folder: &Path) -> Result<Opened, IndexError> {
    let store = Store::open(folder)?;
    let loaded = store.load()?;
    Ok((store, loaded))
}

/// Runs on a thread that may block, and outlives what sled does to it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, Ended> {
    match task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Ended::Index),
        Err(stopped) => Err(Ended::Index(stopped.into())),
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
