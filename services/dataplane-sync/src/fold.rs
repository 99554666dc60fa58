//! Follows a region's log and folds it. Nothing is shown before the tail seen at start has been reached: nothing may be
//! removed from a kernel on half a fold. A log that fails (L8) ends the following and changes nothing.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ipnet::IpNet;
use mooring_domain::{
    Commit, Event, Position,
    name::GatewayName,
    nat::{self, Desired},
};
use mooring_event_log::{EventLog, LogError, Record};
use mooring_ledger::{
    Cursor, FoldTask, Following, OpenError, Saver, Snapshot, Undecodable, Witness, commits,
    to_domain_position, to_log_position,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::{observed::Observed, receipts::Receipts, silent::Silent};

/// Between a log that does not answer and the next question.
const PAUSE: Duration = Duration::from_secs(1);

/// The region as folded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folded {
    /// What kernels should have.
    pub(crate) desired: Desired,
    /// What holders' places rest on.
    pub(crate) observed: Observed,
    /// Whose holders have fallen silent.
    pub(crate) silent: Silent,
    /// Every public block that is ours.
    pub(crate) pools: Arc<BTreeSet<IpNet>>,
    /// The record that changed them last.
    pub(crate) pools_changed: Position,
    /// This gateway is registered: every unbind from that record on waits for it. Before, its kernels have nothing that
    /// somebody could take out behind its back.
    pub(crate) carries: bool,
    /// The operator's word that this gateway carries nothing; taken back when it registers again.
    pub(crate) decommissioned: bool,
    /// The record that changed these last.
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
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// What a snapshot of a gateway's fold stores: what can't be had from the rest of it.
#[derive(Serialize, Deserialize)]
struct Stored {
    desired: Desired,
    observed: Observed,
    silent: Silent,
    pools_changed: Position,
    carries: bool,
    decommissioned: bool,
    standing_changed: Position,
}

/// The version of [`Stored`]'s serialized form around [`Desired`]; grows with every change of it.
const VERSION: u32 = nat::DESIRED_VERSION << 16 | 6;

impl From<Folded> for Stored {
    fn from(folded: Folded) -> Self {
        Self {
            desired: folded.desired,
            observed: folded.observed,
            silent: folded.silent,
            pools_changed: folded.pools_changed,
            carries: folded.carries,
            decommissioned: folded.decommissioned,
            standing_changed: folded.standing_changed,
        }
    }
}

impl From<Stored> for Folded {
    fn from(stored: Stored) -> Self {
        Self {
            pools: pools(&stored.desired),
            desired: stored.desired,
            observed: stored.observed,
            silent: stored.silent,
            pools_changed: stored.pools_changed,
            carries: stored.carries,
            decommissioned: stored.decommissioned,
            standing_changed: stored.standing_changed,
            ..Self::default()
        }
    }
}

/// A gateway's way through its region's log.
pub(crate) struct Way {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) gateway: GatewayName,
    pub(crate) cursor: Cursor,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) receipts: Receipts,
}

pub(crate) fn start(way: Way) -> (watch::Receiver<Folded>, FoldTask) {
    let (sender, receiver) = watch::channel(Folded::default());
    let task = FoldTask::start(async move |closing| {
        if let Err(error) = way.follow(&sender, &closing).await {
            tracing::error!(%error, "following the log has ended; kernels stay as they are");
            sender.send_modify(|folded| folded.failure = Some(error.to_string()));
        }
    });
    (receiver, task)
}

impl Way {
    /// Until told to close; then a last snapshot is taken.
    async fn follow(&self, sender: &watch::Sender<Folded>, closing: &Notify) -> Result<(), FoldError> {
        let (tail, mut witness, mut folded) = self.begin().await?;
        folded.caught_up = witness.position >= tail;
        sender.send_replace(folded.clone());
        let mut saver = Saver::new(self.snapshot.clone(), VERSION, witness.position);
        let mut records = Following::after(self.log.clone(), to_log_position(witness.position));
        loop {
            let record = tokio::select! {
                record = records.next() => record?,
                () = closing.notified() => break,
            };
            for commit in commits(&record)? {
                fold(&mut folded, &self.gateway, &commit);
                if folded.caught_up {
                    self.receipts.follow(&commit);
                }
            }
            witness = Witness { position: to_domain_position(record.position), hash: record.hash.0 };
            folded.caught_up |= witness.position >= tail;
            if folded.caught_up {
                note(&self.cursor, &record);
                sender.send_replace(folded.clone());
            }
            saver.offer(witness, || Stored::from(folded.clone())).await;
        }
        saver.last(witness, Stored::from(folded)).await;
        Ok(())
    }

    /// Where the log ends now, and what the snapshot says. A log that does not answer is asked again.
    async fn begin(&self) -> Result<(Position, Witness, Folded), OpenError> {
        loop {
            match self.ask().await {
                Err(OpenError::Log(error)) if !error.is_final() => {
                    tracing::warn!(%error, "the log does not say where it ends; asking again");
                    tokio::time::sleep(PAUSE).await;
                }
                answer => return answer,
            }
        }
    }

    async fn ask(&self) -> Result<(Position, Witness, Folded), OpenError> {
        let tail = to_domain_position(self.log.tail().await?.position);
        let restored = match &self.snapshot {
            Some(snapshot) => snapshot.restore::<Stored>(&*self.log, VERSION).await?,
            None => None,
        };
        let nothing = Witness { position: Position(0), hash: [0; 32] };
        let (witness, folded) =
            restored.map_or((nothing, Folded::default()), |(witness, stored)| (witness, stored.into()));
        Ok((tail, witness, folded))
    }
}

fn note(cursor: &Cursor, record: &Record) {
    if let Err(error) = cursor.advance(record) {
        tracing::warn!(%error, "the cursor can't be written; the next start has a witness less");
    }
}

/// Every public block that is ours.
pub(crate) fn pools(desired: &Desired) -> Arc<BTreeSet<IpNet>> {
    Arc::new(desired.pools.values().flatten().copied().collect())
}

fn fold(folded: &mut Folded, gateway: &GatewayName, commit: &Commit) {
    nat::fold(&mut folded.desired, commit);
    for event in &commit.events {
        folded.observed.fold(event);
        folded.silent.fold(event);
        match event {
            Event::PoolCreated(_) | Event::PoolUpdated(_) | Event::PoolDeleted(_) => {
                let now = pools(&folded.desired);
                if now != folded.pools {
                    (folded.pools, folded.pools_changed) = (now, commit.at.position);
                }
            }
            Event::GatewayDecommissioned(facts) if facts.gateway == *gateway => {
                (folded.carries, folded.decommissioned) = (false, true);
                folded.standing_changed = commit.at.position;
            }
            Event::GatewayRegistered(facts) if facts.gateway == *gateway => {
                (folded.carries, folded.decommissioned) = (true, false);
                folded.standing_changed = commit.at.position;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod stories;

#[cfg(test)]
mod tests {
    use mooring_domain::{
        Actor, CommitPosition, Stream, Timestamp, event::GatewayFacts, event::VpcCreated, id::VpcId,
    };

    use super::*;
    use crate::{progress::Progress, target::version};

    fn commit(position: u64, event: Event) -> Commit {
        Commit {
            at: CommitPosition { position: Position(position), index: 0 },
            stream: Stream::Binding,
            actor: Actor("test".into()),
            request_id: None,
            recorded_at: Timestamp(position),
            events: vec![event],
        }
    }

    fn facts(gateway: &str) -> GatewayFacts {
        GatewayFacts { gateway: gateway.parse().unwrap(), region: "r1".parse().unwrap() }
    }

    /// The version of the only VPC, after these events.
    fn version_after(events: &[Event]) -> (Folded, Position) {
        let gateway = "gw-1".parse().unwrap();
        let id: VpcId = "01976e2a-0000-7000-8000-000000000001".parse().unwrap();
        let vpc = VpcCreated {
            id,
            project: "p1".parse().unwrap(),
            region: "r1".parse().unwrap(),
            display_name: "blue".parse().unwrap(),
        };
        let mut folded = Folded::default();
        for (event, position) in [Event::VpcCreated(vpc)].iter().chain(events).zip(1..) {
            fold(&mut folded, &gateway, &commit(position, event.clone()));
        }
        let version = version(&folded, &folded.desired.vpcs[&id]);
        (folded, version)
    }

    /// Nobody waits for a gateway before the record of its registration: what is unbound before that must not be in its
    /// kernels.
    #[test]
    fn a_gateway_carries_nothing_before_its_registration_and_another_is_none_of_its_business() {
        let (folded, version) = version_after(&[Event::GatewayRegistered(facts("gw-2"))]);
        assert_eq!((folded.carries, version), (false, Position(1)));
        let others = Event::GatewayDecommissioned(facts("gw-2"));
        let (folded, version) = version_after(&[Event::GatewayRegistered(facts("gw-1")), others]);
        assert_eq!((folded.carries, folded.decommissioned, version), (true, false, Position(2)));
    }

    /// What was applied while it carried nothing is no word on what it is to carry now.
    #[test]
    fn a_gateway_that_registers_again_has_not_applied_what_it_is_to_carry_again() {
        let gone = Event::GatewayDecommissioned(facts("gw-1"));
        let (folded, version) = version_after(std::slice::from_ref(&gone));
        assert_eq!((folded.carries, folded.decommissioned, version), (false, true, Position(2)));
        let emptied = Progress { applied: version, ..Progress::default() };
        let (folded, version) = version_after(&[gone, Event::GatewayRegistered(facts("gw-1"))]);
        assert!(folded.carries && !folded.decommissioned);
        assert!(emptied.equal_to(version, Position(9)) < Position(3), "it must apply the registration first");
    }
}
