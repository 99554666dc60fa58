//! Follows a region's log and folds it. Nothing is shown before the tail seen at start has been reached: nothing may be
//! removed from a kernel on half a fold. A log that fails (L8) ends the following and changes nothing.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use ipnet::IpNet;
use mooring_domain::{
    Event, Position,
    name::GatewayName,
    nat::{self, Desired},
};
use mooring_event_log::{EventLog, LogError, Record};
use mooring_ledger::{Cursor, Following, Undecodable, commits};
use tokio::{sync::watch, task::JoinHandle};

/// The region as folded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folded {
    /// What kernels should have.
    pub(crate) desired: Desired,
    /// Every public block that is ours.
    pub(crate) pools: Arc<BTreeSet<IpNet>>,
    /// The record that changed them last.
    pub(crate) pools_changed: Position,
    /// The operator's word that this gateway carries nothing; taken back when it registers again.
    pub(crate) decommissioned: bool,
    /// The record that changed this last.
    pub(crate) standing_changed: Position,
    /// The tail seen at start has been reached.
    pub(crate) caught_up: bool,
    /// Why following has ended.
    pub(crate) failure: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum FoldError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
}

pub(crate) fn start(
    log: Arc<dyn EventLog>,
    gateway: GatewayName,
    cursor: Cursor,
) -> (watch::Receiver<Folded>, JoinHandle<()>) {
    let (sender, receiver) = watch::channel(Folded::default());
    let task = tokio::spawn(async move {
        let Err(error) = follow(log, &gateway, &cursor, &sender).await;
        tracing::error!(%error, "following the log has ended; kernels stay as they are");
        sender.send_modify(|folded| folded.failure = Some(error.to_string()));
    });
    (receiver, task)
}

async fn follow(
    log: Arc<dyn EventLog>,
    gateway: &GatewayName,
    cursor: &Cursor,
    sender: &watch::Sender<Folded>,
) -> Result<Infallible, FoldError> {
    let tail = log.tail().await?.position.0;
    let mut folded = Folded { caught_up: tail == 0, ..Folded::default() };
    sender.send_replace(folded.clone());
    let mut records = Following::after(log, mooring_event_log::Position(0));
    loop {
        let record = records.next().await?;
        fold(&mut folded, gateway, &record)?;
        folded.caught_up |= folded.desired.position.0 >= tail;
        if folded.caught_up {
            note(cursor, &record);
            sender.send_replace(folded.clone());
        }
    }
}

fn note(cursor: &Cursor, record: &Record) {
    if let Err(error) = cursor.advance(record) {
        tracing::warn!(%error, "the cursor can't be written; the next start has a witness less");
    }
}

fn fold(folded: &mut Folded, gateway: &GatewayName, record: &Record) -> Result<(), FoldError> {
    for commit in commits(record)? {
        nat::fold(&mut folded.desired, &commit);
        for event in &commit.events {
            match event {
                Event::PoolCreated(_) => {
                    folded.pools = Arc::new(folded.desired.pools.values().flatten().copied().collect());
                    folded.pools_changed = commit.at.position;
                }
                Event::GatewayDecommissioned(facts) if facts.gateway == *gateway => {
                    folded.decommissioned = true;
                    folded.standing_changed = commit.at.position;
                }
                // A first registration changes nothing for a kernel.
                Event::GatewayRegistered(facts) if facts.gateway == *gateway && folded.decommissioned => {
                    folded.decommissioned = false;
                    folded.standing_changed = commit.at.position;
                }
                _ => {}
            }
        }
    }
    Ok(())
}
