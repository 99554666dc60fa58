//! What must be true before a log is served: the copy is whole, has caught up, and is what every witness saw.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::watch, task};

use super::{Standing, engine::Engine};
use crate::{
    contract::{EventLog, Filter, LogError},
    record::Position,
    segments::{Options, Segments, Witness},
};

/// Opens the copy, or makes one. A torn end is cut off, and will be fetched again.
pub(super) async fn copy(folder: PathBuf, options: Options) -> Result<Arc<Segments>, LogError> {
    let place = folder.clone();
    let opened = task::spawn_blocking(move || Segments::open(&folder, options, &[])).await;
    let stopped = |error| LogError::Unavailable(format!("opening the copy stopped: {error}").into());
    match opened.map_err(stopped)? {
        Ok(opened) => Ok(opened.log),
        Err(LogError::Damaged(why)) => Err(LogError::Damaged(advice(&why, &place).into())),
        Err(error) => Err(error),
    }
}

fn advice(why: &str, folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "{why}. This is the copy of the JetStream stream in {folder}. If another copy or the JetStream stream has \
         everything, move {folder} away, and the copy is fetched anew at the next start"
    )
}

/// Waits until the copy has all that the JetStream stream had, and compares it with what others saw. `standing` was
/// taken before the keeper began.
pub(super) async fn caught_up(
    engine: &Engine,
    mut standing: watch::Receiver<Standing>,
    witnesses: &[Witness],
) -> Result<(), LogError> {
    loop {
        standing.changed().await.map_err(|_| LogError::Closed)?;
        match &*standing.borrow_and_update() {
            Standing::Reached => break,
            Standing::Behind { .. } => {}
            Standing::NotReached(_) | Standing::Damaged(_) => return Err(engine.doubts()),
        }
    }
    let last = engine.catch_up().await?;
    for witness in witnesses {
        agree(engine, last, witness).await?;
    }
    Ok(())
}

/// Whether the log has what a witness saw.
async fn agree(engine: &Engine, last: Position, witness: &Witness) -> Result<(), LogError> {
    let Engine { remote, copy, .. } = engine;
    let seen = witness.position;
    if seen > last {
        let first = last.0 + 1;
        let why = format!(
            "{remote} ends at {last}; record {first} is missing there, and a witness saw record {seen}"
        );
        return Err(LogError::Damaged(why.into()));
    }
    let (Some((stream, hash)), Some(before)) = (&witness.record, seen.0.checked_sub(1)) else {
        return Ok(());
    };
    let found = copy.read(&Filter::All, Position(before), 1).await?;
    match found.first() {
        Some(record) if (&record.stream, &record.hash) == (stream, hash) => Ok(()),
        found => {
            let found = found.map(|record| format!("{:?} of stream {}", record.hash, record.stream));
            let found = found.unwrap_or_default();
            let why =
                format!("record {seen} of {remote} is {found}; a witness saw {hash:?} of stream {stream}");
            Err(LogError::Damaged(why.into()))
        }
    }
}
