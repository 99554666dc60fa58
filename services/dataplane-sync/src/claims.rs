//! From the watchers to health, over gRPC: in order, numbered, in batches, with a bound on what may wait.

use std::{net::Ipv4Addr, time::Duration};

use mooring_domain::{
    Timestamp,
    address::Mac,
    id::VpcId,
    name::{GatewayName, RegionId},
};
use mooring_ledger::ACTOR;
use mooring_proto::health::v1::{Claim, ReportClaimsRequest, health_service_client::HealthServiceClient};
use mooring_runtime::peer::{Idempotent, Peer};
use tokio::{sync::mpsc, task::JoinHandle};
use tonic::{Code, Request, Status, metadata::AsciiMetadataValue};

const WAITING: usize = 4096;
const BATCH: usize = 1000;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A claim as a watcher saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenClaim {
    pub(crate) vpc: VpcId,
    pub(crate) address: Ipv4Addr,
    pub(crate) mac: Mac,
    pub(crate) observed_at: Timestamp,
}

pub(crate) fn start(
    gateway: GatewayName,
    region: RegionId,
    health: Peer,
) -> (mpsc::Sender<SeenClaim>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let reporter = Reporter { gateway, region, health: HealthServiceClient::new(health), number: 0 };
    (sender, tokio::spawn(reporter.run(receiver)))
}

struct Reporter {
    gateway: GatewayName,
    region: RegionId,
    health: HealthServiceClient<Peer>,
    number: u64,
}

impl Reporter {
    async fn run(mut self, mut seen: mpsc::Receiver<SeenClaim>) {
        let mut batch = Vec::with_capacity(BATCH);
        while seen.recv_many(&mut batch, BATCH).await > 0 {
            let claims: Vec<_> = batch.drain(..).map(|claim| self.numbered(claim)).collect();
            self.hand_in(claims).await;
        }
    }

    /// Tries until health has taken them, or has refused them for good: those after them must not wait for ever.
    async fn hand_in(&mut self, claims: Vec<Claim>) {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.report(claims.clone()).await {
            if !can_help(error.code()) {
                tracing::error!(%error, dropped = claims.len(), "health refuses claims for good");
                return;
            }
            if pause == FIRST_PAUSE {
                tracing::warn!(%error, waiting = claims.len(), "health does not take claims; trying again");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn numbered(&mut self, seen: SeenClaim) -> Claim {
        self.number += 1;
        Claim {
            vpc: seen.vpc.to_string(),
            address: seen.address.to_string(),
            mac: seen.mac.to_string(),
            number: self.number,
            observed_at: seen.observed_at.0,
        }
    }

    async fn report(&mut self, claims: Vec<Claim>) -> Result<(), Status> {
        let gateway = format!("regions/{}/gateways/{}", self.region, self.gateway);
        let mut request = Request::new(ReportClaimsRequest { gateway, claims });
        // The claims are numbered: health takes each once.
        request.extensions_mut().insert(Idempotent);
        if let Ok(actor) = AsciiMetadataValue::try_from(format!("gateway/{}", self.gateway)) {
            request.metadata_mut().insert(ACTOR, actor);
        }
        self.health.report_claims(request).await?;
        Ok(())
    }
}

/// Whether the same claims can be taken later.
fn can_help(code: Code) -> bool {
    !matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_wait_for_a_health_that_is_away_and_not_for_one_that_refuses_them() {
        assert!(
            [Code::Unavailable, Code::DeadlineExceeded, Code::ResourceExhausted, Code::Unknown]
                .into_iter()
                .all(can_help)
        );
        assert!(![Code::InvalidArgument, Code::NotFound, Code::DataLoss].into_iter().any(can_help));
    }
}
