//! The one task that keeps the copy: it verifies the JetStream stream, writes down what comes, looks once a second
//! whether it still is the same one (L7, L8), and begins again whenever the connection or the feed ends.

use std::{convert::Infallible, mem, sync::Arc, time::Duration};

use async_nats::Message;
use tokio::time::{self, Instant, MissedTickBehavior};

use super::{
    Standing,
    engine::Engine,
    message,
    remote::Seen,
    verify::{check_end, damaged, verify},
};
use crate::{contract::LogError, record::Position};

/// A look at the JetStream stream, and a sync of what was copied without one, every so often.
const LOOK: Duration = Duration::from_secs(1);
/// The pause before the next try.
const PAUSE: Duration = Duration::from_millis(200);

/// Keeps the copy until it is closed, or damage is found.
pub(super) async fn keep(engine: Arc<Engine>) {
    let mut link = engine.remote.link();
    loop {
        link.borrow_and_update();
        let began = Instant::now();
        let Err(error) = Session::run(&engine).await;
        let error = match error {
            // The copy can't be written until it is opened again: no append is sent any more.
            LogError::Unknown(why) => LogError::Unavailable(why),
            error => error,
        };
        engine.distrust(error.clone());
        match error {
            LogError::Closed => return,
            LogError::Damaged(why) => {
                engine.copy.condemn(Arc::clone(&why));
                engine.standing.send_replace(Standing::Damaged(why));
                return;
            }
            error => {
                tracing::warn!(%error, "the log's copy does not grow for now");
                engine.standing.send_replace(Standing::NotReached(error.to_string().into()));
            }
        }
        // A connection that was made or lost meanwhile is a reason to try at once.
        let _ = time::timeout(PAUSE.saturating_sub(began.elapsed()), link.changed()).await;
    }
}

/// The time from one verification to the next.
struct Session<'a> {
    engine: &'a Engine,
    connection: u64,
    created: Arc<str>,
    /// Whether others may ask and write: since the copy had all that was there at the verification. One that has no
    /// room never comes to that.
    trusted: bool,
    /// Where the copy must be by now: where the JetStream stream ended at the look before the last one.
    due: Position,
    next_due: Position,
}

impl<'a> Session<'a> {
    async fn run(engine: &'a Engine) -> Result<Infallible, LogError> {
        let remote = &engine.remote;
        let connection = remote.connection().ok_or_else(|| remote.away())?;
        // Nobody trusts it now, so nothing is added: the feed begins where the copy ends.
        engine.ahead.lock().await.clear();
        let seen = verify(engine).await?;
        let mut feed = remote.feed(engine.copy.position()?).await?;
        let Seen { created, last, .. } = seen;
        // A copy that can't be written says so here.
        engine.copy.mirror_encoded(Vec::new(), true).await?;
        let mut session = Self { engine, connection, created, trusted: false, due: last, next_due: last };
        session.stand()?;
        let (mut looks, mut link) = (time::interval(LOOK), remote.link());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                chunk = feed.chunk() => {
                    let ended = |why| LogError::Unavailable(format!("{remote}: {why}").into());
                    session.take(chunk.map_err(ended)?).await?;
                }
                _ = looks.tick() => session.look().await?,
                () = engine.wake.notified() => session.goes_on()?,
                changed = link.changed() => {
                    changed.map_err(|_| LogError::Closed)?;
                    session.goes_on()?;
                }
            }
        }
    }

    /// Writes down what came.
    async fn take(&mut self, chunk: Vec<(Position, Message)>) -> Result<(), LogError> {
        let Engine { remote, copy, ahead, .. } = self.engine;
        let mut ahead = ahead.lock().await;
        let copied = copy.position()?;
        let mut recorded_at = copy.recorded_at();
        let mut records = Vec::with_capacity(chunk.len());
        for (position, message) in chunk {
            let stream = remote.stream_of(&message.subject);
            let wrong = |why| damaged(remote, &format!("record {position} of {remote} {why}"), copied);
            if ahead.has(position, stream, &message.payload).map_err(wrong)? {
                continue;
            }
            let read = message::read(position, stream, message.headers.as_ref(), &message.payload);
            let read = read.map_err(wrong)?;
            let (record, encoded) = read.canonical(recorded_at);
            recorded_at = record.commits.last().map_or(recorded_at, |commit| commit.recorded_at);
            records.push((record, encoded));
        }
        if records.is_empty() {
            return self.stand();
        }
        let sync = self.engine.writes_any(records.iter().map(|(record, _)| &record.stream));
        match copy.mirror_encoded(records, sync).await {
            Ok(_) => self.stand(),
            Err(LogError::Bounds(why)) => Err(damaged(remote, &format!("{remote}: {why}"), copied)),
            Err(error) => Err(error),
        }
    }

    /// Whether it still is the JetStream stream that was verified.
    async fn look(&mut self) -> Result<(), LogError> {
        let Engine { remote, copy, .. } = self.engine;
        self.goes_on()?;
        let copied = copy.position()?;
        let seen = remote.seen().await?;
        check_end(remote, copied, &seen)?;
        if seen.created != self.created {
            return Err(LogError::Unavailable(format!("{remote} was made anew").into()));
        }
        self.due = mem::replace(&mut self.next_due, seen.last);
        copy.mirror_encoded(Vec::new(), true).await?;
        self.stand()
    }

    /// Whether the connection is the same, and nobody has doubts.
    fn goes_on(&self) -> Result<(), LogError> {
        let Engine { remote, .. } = self.engine;
        if remote.connection() != Some(self.connection) {
            return Err(remote.away());
        }
        if self.trusted { self.engine.trusted_now() } else { Ok(()) }
    }

    fn stand(&mut self) -> Result<(), LogError> {
        let at = self.engine.copy.position()?;
        if at >= self.due && !self.trusted {
            self.engine.trust(self.connection, Arc::clone(&self.created));
            self.trusted = true;
        }
        let standing =
            if at >= self.due { Standing::Reached } else { Standing::Behind { at, tail: self.due } };
        self.engine.standing.send_if_modified(|was| {
            let changed = *was != standing;
            *was = standing;
            changed
        });
        Ok(())
    }
}
