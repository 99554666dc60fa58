//! What a copy of another log needs of segment files: records written as they are, what an append would do here,
//! and waiting for a position.

use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;

use crate::{
    codec,
    contract::LogError,
    follow::Source,
    record::{Commit, Position, Record, StreamName},
    segments::{
        Segments,
        writer::{Encoded, Mirror, Request},
    },
};

/// What an append would do to the log as it stands.
pub(crate) enum Offer {
    /// Nothing: the commits are in this record (L5).
    Known(Position),
    /// It would add this record, with its encoded form.
    New(Record, Vec<u8>),
}

impl Segments {
    /// Writes records of another log as they are, as one frame, and answers with the last position. They must go
    /// on where this log ends: by position, by their streams' hashes and by time. With `sync` they, and all before
    /// them, are durable then; without, they are readable but may be lost with the machine, until a later sync or
    /// [`Self::close`].
    ///
    /// # Errors
    /// `Bounds`: one of them does not go on where the log ends, or is not what its hash says; nothing was written.
    /// Otherwise as for an append.
    pub async fn mirror(&self, records: Vec<Record>, sync: bool) -> Result<Position, LogError> {
        let encoded = |record: Record| {
            let (encoded, hash) =
                codec::encode(record.position, &record.stream, record.previous, &record.commits);
            if hash == record.hash {
                return Ok((record, encoded));
            }
            let Record { position, hash: named, .. } = record;
            Err(LogError::Bounds(
                format!("record {position} is {hash:?}, and is said to be {named:?}").into(),
            ))
        };
        self.mirror_encoded(records.into_iter().map(encoded).collect::<Result<_, _>>()?, sync).await
    }

    /// As [`Self::mirror`], for records whose encoded form, and so their hash, is known.
    pub(crate) async fn mirror_encoded(&self, records: Encoded, sync: bool) -> Result<Position, LogError> {
        let records = match self.at_once(records, sync) {
            Ok(mirrored) => return mirrored,
            Err(records) => records,
        };
        let (answer, answered) = oneshot::channel();
        self.send(Request::Mirror(Mirror { records, sync, answer })).await?;
        answered.await.unwrap_or_else(|_| Err(LogError::Unknown("the log's writer stopped".into())))
    }

    /// Mirrors without the thread, which would have to be woken and to wake the caller. Gives the records back if it can't.
    fn at_once(&self, records: Encoded, sync: bool) -> Result<Result<Position, LogError>, Encoded> {
        match self.desk.try_lock() {
            Ok(mut writer) if !sync => match writer.as_mut().filter(|writer| !writer.is_full()) {
                Some(writer) => Ok(writer.mirror_now(records)),
                None => Err(records),
            },
            _ => Err(records),
        }
    }

    /// What an append would do here: L2, L5 and the bounds, and nothing is written.
    pub(crate) fn offer(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Offer, LogError> {
        let head = self.head.read().unwrap_or_else(PoisonError::into_inner);
        let mut staged = head.stage();
        let position = staged.offer(stream, expected, commits)?;
        let new = staged.finish().records.pop();
        Ok(new.map_or(Offer::Known(position), |(record, encoded)| {
            Offer::New(Arc::unwrap_or_clone(record), encoded)
        }))
    }

    /// The highest recorded-at, in nanoseconds since the Unix epoch.
    pub(crate) fn recorded_at(&self) -> u64 {
        self.head.read().unwrap_or_else(PoisonError::into_inner).recorded_at()
    }

    /// The last position.
    pub(crate) fn position(&self) -> Result<Position, LogError> {
        self.shared.position()
    }

    /// Waits until the log has grown past a position, and says how far.
    pub(crate) async fn grown_past(&self, position: Position) -> Result<Position, LogError> {
        let mut changes = self.shared.changes();
        loop {
            changes.borrow_and_update();
            let closed = self.shared.closed();
            let last = self.shared.position()?;
            if last > position {
                return Ok(last);
            }
            if closed || changes.changed().await.is_err() {
                return Err(LogError::Closed);
            }
        }
    }

    /// L8: from now on nothing is served and nothing written. The first reason stays.
    pub(crate) fn condemn(&self, why: Arc<str>) {
        self.shared.condemn(why);
    }
}
