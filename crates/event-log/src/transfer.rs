//! One region's log copied from one place to another: from segment files into a JetStream stream, back, or into other
//! segment files. Positions, ids, times, and so hashes, are the same afterwards.
//!
//! What the target has must be how the source begins: a copy that was interrupted, at any moment, is taken up where
//! the target ends. When all is there, every record is read again from both places and compared.

mod files;
mod place;

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

pub use self::place::Place;
use self::place::Reader;
use crate::{
    contract::LogError,
    record::{Hash, Position},
};

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// What the target has already is compared with the source.
    Comparing(Position),
    /// Records up to here are written.
    Copied(Position),
    /// Records up to here were read again from both, and are the same.
    Verified(Position),
}

/// A copy that is complete, and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// The last position the target had before.
    pub already: Position,
    /// The last position of both: so many records were compared.
    pub last: Position,
    /// The hash of the last record.
    pub hash: Hash,
}

/// Why a copy ended early. What is in the target then is how the source begins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// There is no log to copy.
    #[error("there is no log in {place}")]
    Missing {
        /// Where.
        place: Arc<str>,
    },
    /// The target has another record than the source. It is the first one.
    #[error(
        "record {position} of {to} is not that of {from}: {found:?} of {to}, {wanted:?} of {from}; copying refused"
    )]
    Differs {
        /// The first that differs.
        position: Position,
        /// The source.
        from: Arc<str>,
        /// The target.
        to: Arc<str>,
        /// The hash in the source.
        wanted: Hash,
        /// The hash in the target.
        found: Hash,
    },
    /// The target goes on where the source ends; up to there they are the same.
    #[error("{from} ends at {last}, and {to} goes on the same way up to {found}: copying refused")]
    Longer {
        /// The source.
        from: Arc<str>,
        /// The target.
        to: Arc<str>,
        /// Where the source ends.
        last: Position,
        /// Where the target ends.
        found: Position,
    },
    /// One of the two does not do it.
    #[error("{place}: {error}")]
    At {
        /// Which.
        place: Arc<str>,
        /// Why.
        error: LogError,
    },
}

/// Copies what `from` has now and `to` has not, and compares everything. `progress` is told how far it is, often.
///
/// # Errors
/// See [`TransferError`]. It can be tried again, and goes on where it was.
pub async fn transfer(
    from: &Place,
    to: &Place,
    mut progress: impl FnMut(Progress),
) -> Result<Transferred, TransferError> {
    let mut first = None;
    for tried in 1..TRIES {
        match attempt(from, to, &mut first, &mut progress).await {
            Err(TransferError::At { error: LogError::Conflict { .. }, .. }) => sleep(PAUSE * tried).await,
            done => return done,
        }
    }
    attempt(from, to, &mut first, &mut progress).await
}

/// What was sent by a copy that was killed can still land when the next one has begun: then what is there is compared
/// again. So often, and somebody else is writing.
const TRIES: u32 = 5;
/// The pause before the second try; each is longer by as much.
const PAUSE: Duration = Duration::from_millis(200);

/// `first`: where the target ended at the first attempt.
async fn attempt(
    from: &Place,
    to: &Place,
    first: &mut Option<Position>,
    progress: &mut impl FnMut(Progress),
) -> Result<Transferred, TransferError> {
    let source = from.open_to_read().await?;
    let mut target = to.open_to_write().await?;
    let (last, already) = (source.last(), target.last());
    let before = *first.get_or_insert(already);
    let mut reader = source.read().await?;
    let pair = Pair { from, to };
    let mut there = target.read().await?;
    let common = already.min(last);
    pair.compare(&mut reader, &mut there, common, |at| progress(Progress::Comparing(at))).await?;
    if already > last {
        let (from, to) = (from.to_string().into(), to.to_string().into());
        return Err(TransferError::Longer { from, to, last, found: already });
    }
    while reader.at() < last {
        let records = reader.chunk(last).await?;
        let written = target.write(records).await?;
        progress(Progress::Copied(written));
    }
    // Opened anew, so that what is compared is what the next start finds.
    target.close().await?;
    let target = to.open_to_write().await?;
    let (mut again, mut copied) = (source.read().await?, target.read().await?);
    let hash = pair.compare(&mut again, &mut copied, last, |at| progress(Progress::Verified(at))).await?;
    target.close().await?;
    source.close().await?;
    Ok(Transferred { already: before, last, hash })
}

/// The two places, for messages.
struct Pair<'a> {
    from: &'a Place,
    to: &'a Place,
}

impl Pair<'_> {
    /// Reads both up to a position; the hash of the last record, if every record has the same in both.
    async fn compare(
        &self,
        source: &mut Reader,
        target: &mut Reader,
        last: Position,
        mut compared: impl FnMut(Position),
    ) -> Result<Hash, TransferError> {
        let mut hash = Hash::default();
        while target.at() < last {
            let wanted = source.next(last).await?;
            let found = target.next(last).await?;
            // A hash does not cover itself only: position, stream, chain, times and events are all in it.
            if wanted.hash != found.hash {
                return Err(TransferError::Differs {
                    position: wanted.position,
                    from: self.from.to_string().into(),
                    to: self.to.to_string().into(),
                    wanted: wanted.hash,
                    found: found.hash,
                });
            }
            hash = found.hash;
            compared(found.position);
        }
        Ok(hash)
    }
}
