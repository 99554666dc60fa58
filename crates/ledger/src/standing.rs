//! How it stands with a region's log, asked once a second: whether it answers, and whether what is folded is up to it.

use std::{sync::Arc, time::Duration};

use mooring_domain::Position;
use mooring_event_log::{EventLog, LogError};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::codec::to_domain_position;

const EVERY: Duration = Duration::from_secs(1);
/// A log that takes longer to say where it ends does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How far somebody has folded.
pub(crate) type FoldedTo = Box<dyn Fn() -> Position + Send>;

/// Something that must hold for a process to be ready; `None` while it does, or why it does not.
pub struct Standing {
    /// What it is about.
    pub name: String,
    /// What counts until it is known.
    pub unknown: &'static str,
    /// As it is.
    pub unmet: watch::Receiver<Option<String>>,
}

/// Watches a log and those who fold it.
pub(crate) fn watch(
    region: &str,
    log: Arc<dyn EventLog>,
    folded: Vec<FoldedTo>,
) -> ([Standing; 2], JoinHandle<()>) {
    let (reached, log_unmet) = watch::channel(None);
    let (caught_up, fold_unmet) = watch::channel(None);
    let unknown = "not asked yet";
    let standings = [
        Standing { name: format!("log of {region}"), unknown, unmet: log_unmet },
        Standing { name: format!("caught up with the log of {region}"), unknown, unmet: fold_unmet },
    ];
    (standings, tokio::spawn(ask(log, folded, reached, caught_up)))
}

async fn ask(
    log: Arc<dyn EventLog>,
    folded: Vec<FoldedTo>,
    reached: watch::Sender<Option<String>>,
    caught_up: watch::Sender<Option<String>>,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What the log ended with a question ago must be folded by now.
    let mut expected = Position::default();
    loop {
        ticks.tick().await;
        let tail = timeout(PATIENCE, log.tail()).await;
        let tail = tail.unwrap_or_else(|_| Err(LogError::Unavailable("no answer within 2 s".into())));
        let at = folded.iter().map(|at| at()).min().filter(|at| *at < expected);
        caught_up.send_replace(at.map(|at| format!("folded up to {at} of {expected}")));
        expected = tail.as_ref().map_or(expected, |tail| to_domain_position(tail.position));
        reached.send_replace(tail.err().map(|error| error.to_string()));
    }
}
