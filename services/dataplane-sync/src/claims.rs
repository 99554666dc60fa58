//! From the watchers to health, over gRPC: in order, numbered, in batches, with a bound on what may wait; and health's word
//! on how far it got.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mooring_domain::{
    Position,
    holder::Sighting,
    id::VpcId,
    name::{GatewayName, RegionId},
};
use mooring_ledger::ACTOR;
use mooring_proto::health::v1::{Claim, ReportClaimsRequest, health_service_client::HealthServiceClient};
use mooring_runtime::peer::{Idempotent, Peer};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
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
    pub(crate) claim: Sighting,
}

/// How far health got with this gateway's claims.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Decided {
    /// The last claim that it has decided on.
    pub(crate) number: u64,
    /// Where in the log all of that is.
    pub(crate) through: Position,
}

/// Where claims are handed in. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    waiting: mpsc::Sender<Claim>,
    /// The number given last.
    number: Arc<Mutex<u64>>,
    decided: watch::Receiver<Decided>,
}

impl Claims {
    /// Hands a claim in and returns its number; `None` while too many wait.
    pub(crate) fn hand_in(&self, seen: SeenClaim) -> Option<u64> {
        self.hand_in_after(seen, |_| {})
    }

    /// The same. Whoever moves traffic is told the number first: health can wait for that, packets can't.
    pub(crate) fn hand_in_after(&self, seen: SeenClaim, told: impl FnOnce(Option<u64>)) -> Option<u64> {
        // Held until it waits: numbers are in order there.
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(room) = self.waiting.try_reserve() else {
            told(None);
            return None;
        };
        *number += 1;
        told(Some(*number));
        room.send(numbered(*number, seen));
        Some(*number)
    }

    /// How far health got.
    pub(crate) fn decided(&self) -> Decided {
        *self.decided.borrow()
    }
}

/// A place to hand claims in with nobody behind it but a story: room for so many, what was handed in, and health's word.
#[cfg(test)]
pub(crate) fn for_a_story(room: usize) -> (Claims, mpsc::Receiver<Claim>, watch::Sender<Decided>) {
    let (waiting, receiver) = mpsc::channel(room);
    let (sender, decided) = watch::channel(Decided::default());
    (Claims { waiting, number: Arc::default(), decided }, receiver, sender)
}

fn numbered(number: u64, seen: SeenClaim) -> Claim {
    Claim {
        vpc: seen.vpc.to_string(),
        address: seen.address.to_string(),
        mac: seen.claim.mac.to_string(),
        number,
        observed_at: seen.claim.observed_at.0,
    }
}

pub(crate) fn start(gateway: GatewayName, region: RegionId, health: Peer) -> (Claims, JoinHandle<()>) {
    let (waiting, receiver) = mpsc::channel(WAITING);
    let (sender, decided) = watch::channel(Decided::default());
    let reporter = Reporter { gateway, region, health: HealthServiceClient::new(health), decided: sender };
    (Claims { waiting, number: Arc::default(), decided }, tokio::spawn(reporter.run(receiver)))
}

struct Reporter {
    gateway: GatewayName,
    region: RegionId,
    health: HealthServiceClient<Peer>,
    decided: watch::Sender<Decided>,
}

impl Reporter {
    async fn run(mut self, mut waiting: mpsc::Receiver<Claim>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            self.hand_in(std::mem::take(&mut batch)).await;
        }
    }

    /// Tries until health has taken them, or has refused them for good: those after them must not wait for ever.
    async fn hand_in(&mut self, claims: Vec<Claim>) {
        let number = claims.last().map_or(0, |claim| claim.number);
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.report(claims.clone()).await {
                Ok(through) => {
                    self.decided.send_replace(Decided { number, through });
                    return;
                }
                Err(error) => error,
            };
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

    async fn report(&mut self, claims: Vec<Claim>) -> Result<Position, Status> {
        let gateway = format!("regions/{}/gateways/{}", self.region, self.gateway);
        let mut request = Request::new(ReportClaimsRequest { gateway, claims });
        // The claims are numbered: health takes each once.
        request.extensions_mut().insert(Idempotent);
        if let Ok(actor) = AsciiMetadataValue::try_from(format!("gateway/{}", self.gateway)) {
            request.metadata_mut().insert(ACTOR, actor);
        }
        Ok(Position(self.health.report_claims(request).await?.get_ref().position))
    }
}

/// Whether the same claims can be taken later: a damaged log is mended one day.
pub(crate) fn can_help(code: Code) -> bool {
    !matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_wait_for_a_health_that_is_away_and_not_for_one_that_refuses_them() {
        assert!(
            [
                Code::Unavailable,
                Code::DeadlineExceeded,
                Code::ResourceExhausted,
                Code::Unknown,
                Code::DataLoss
            ]
            .into_iter()
            .all(can_help)
        );
        assert!(![Code::InvalidArgument, Code::NotFound].into_iter().any(can_help));
    }
}
