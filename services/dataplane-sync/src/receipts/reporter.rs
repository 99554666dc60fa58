//! Hands receipts in to health, some time after the failovers: it has claims to decide on first.

use std::time::Duration;

use mooring_domain::{
    Timestamp,
    name::{GatewayName, RegionId},
};
use mooring_ledger::{ACTOR, now};
use mooring_proto::health::v1::{
    FailoverTimes, ReportFailoversRequest, failover_service_client::FailoverServiceClient,
};
use mooring_runtime::peer::{Idempotent, Peer};
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};
use tonic::{Request, Status, metadata::AsciiMetadataValue};

use super::{Moved, Stored};
use crate::claims::can_help;

/// How long the first receipt of a call waits for others, and how long a call that failed waits to be tried again.
const PACE: Duration = Duration::from_millis(500);
const BATCH: usize = 1000;

/// Hands them in for as long as the process lives.
pub(super) fn start(
    gateway: &GatewayName,
    region: &RegionId,
    health: Peer,
    waiting: mpsc::Receiver<(Moved, Stored)>,
) -> JoinHandle<()> {
    let reporter = Reporter {
        gateway: format!("regions/{region}/gateways/{gateway}"),
        actor: AsciiMetadataValue::try_from(format!("gateway/{gateway}")).ok(),
        started_at: now(),
        health: FailoverServiceClient::new(health),
    };
    tokio::spawn(reporter.run(waiting))
}

struct Reporter {
    gateway: String,
    actor: Option<AsciiMetadataValue>,
    started_at: Timestamp,
    health: FailoverServiceClient<Peer>,
}

impl Reporter {
    async fn run(mut self, mut waiting: mpsc::Receiver<(Moved, Stored)>) {
        while let Some(first) = waiting.recv().await {
            sleep(PACE).await;
            let mut receipts = vec![first];
            while receipts.len() < BATCH
                && let Ok(next) = waiting.try_recv()
            {
                receipts.push(next);
            }
            self.hand_in(&receipts).await;
        }
    }

    /// Tries until health has taken them, or has refused them for good.
    async fn hand_in(&mut self, receipts: &[(Moved, Stored)]) {
        let mut said = false;
        while let Err(error) = self.send(receipts).await {
            if !can_help(error.code()) {
                tracing::error!(%error, dropped = receipts.len(), "health refuses receipts of failovers for good");
                return;
            }
            if !std::mem::replace(&mut said, true) {
                tracing::warn!(%error, "health does not take receipts of failovers; trying again");
            }
            sleep(PACE).await;
        }
    }

    async fn send(&mut self, receipts: &[(Moved, Stored)]) -> Result<(), Status> {
        let mut request = Request::new(ReportFailoversRequest {
            gateway: self.gateway.clone(),
            gateway_started_at: self.started_at.0,
            failovers: receipts.iter().map(times).collect(),
        });
        // Each has its id: health writes it once.
        request.extensions_mut().insert(Idempotent);
        if let Some(actor) = &self.actor {
            request.metadata_mut().insert(ACTOR, actor.clone());
        }
        self.health.report_failovers(request).await.map(drop)
    }
}

fn times((moved, stored): &(Moved, Stored)) -> FailoverTimes {
    FailoverTimes {
        vpc: moved.led.vpc.to_string(),
        address: moved.led.address.to_string(),
        mac: moved.led.mac.to_string(),
        number: moved.number,
        claimed_at: moved.claimed_at.0,
        decided_at: moved.decided_at.0,
        applied_at: moved.applied_at.0,
        stored_position: stored.position.0,
        followed_at: stored.followed_at.0,
    }
}
