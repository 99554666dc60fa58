//! Hands waiting drifts to binding, one after the other, and no more of them than a log can bear.

use std::time::Duration;

use mooring_domain::{event::GatewayDriftFound, event::GatewayFacts};
use mooring_ledger::ACTOR;
use mooring_proto::{
    binding::v1::{ReportDriftRequest, gateway_service_client::GatewayServiceClient},
    stored,
};
use mooring_runtime::{
    crash,
    peer::{Idempotent, Peer},
};
use tokio::{
    task::{JoinHandle, block_in_place},
    time::{Instant, sleep},
};
use tonic::{Code, Request, Status, metadata::AsciiMetadataValue};

use super::{Drifts, Found};

/// Drifts that are sent at once, and how long it takes until there is room for one more.
const BURST: u32 = 60;
const REFILL: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Hands them to binding for as long as the process lives.
pub(crate) fn report(drifts: Drifts, binding: Peer) -> JoinHandle<()> {
    let GatewayFacts { gateway, .. } = &drifts.gateway;
    let reporter = Reporter {
        actor: AsciiMetadataValue::try_from(format!("gateway/{gateway}")).ok(),
        binding: GatewayServiceClient::new(binding),
    };
    tokio::spawn(reporter.run(drifts))
}

struct Reporter {
    actor: Option<AsciiMetadataValue>,
    binding: GatewayServiceClient<Peer>,
}

impl Reporter {
    async fn run(mut self, drifts: Drifts) {
        let mut budget = Budget::new(Instant::now());
        loop {
            let Some(found) = drifts.first() else {
                drifts.come.notified().await;
                continue;
            };
            while let Some(wait) = budget.take(Instant::now()) {
                sleep(wait).await;
            }
            self.hand_in(&found).await;
            crash::point("drift.after-recorded");
            block_in_place(|| drifts.recorded(found.request_id));
        }
    }

    /// Tries until it is recorded, or refused for good.
    async fn hand_in(&mut self, found: &Found) {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.send(found).await {
            if !can_help(error.code()) {
                tracing::error!(%error, "binding refuses to record a drift for good");
                return;
            }
            if pause == FIRST_PAUSE {
                tracing::warn!(%error, "a drift is not recorded yet; trying again");
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn send(&mut self, found: &Found) -> Result<(), Status> {
        let mut request = Request::new(message(found));
        // The request's id tells one that is sent twice from two, by another process too.
        request.extensions_mut().insert(Idempotent);
        if let Some(actor) = &self.actor {
            request.metadata_mut().insert(ACTOR, actor.clone());
        }
        self.binding.report_drift(request).await.map(drop)
    }
}

/// As binding takes it, and as it is kept.
pub(super) fn message(Found { request_id, drift }: &Found) -> ReportDriftRequest {
    let GatewayDriftFound { gateway: GatewayFacts { gateway, region }, .. } = drift;
    ReportDriftRequest {
        name: format!("regions/{region}/gateways/{gateway}"),
        drift: Some(stored::drift::write(drift)),
        request_id: request_id.to_string(),
        validate_only: false,
    }
}

/// A gateway that is not registered (yet) may be so soon.
fn can_help(code: Code) -> bool {
    !matches!(code, Code::InvalidArgument | Code::NotFound | Code::Unimplemented | Code::DataLoss)
}

/// How many may be sent now.
struct Budget {
    left: u32,
    refilled: Instant,
}

impl Budget {
    const fn new(now: Instant) -> Self {
        Self { left: BURST, refilled: now }
    }

    /// Takes one; or how long to wait for the next.
    fn take(&mut self, now: Instant) -> Option<Duration> {
        while self.left < BURST && now.duration_since(self.refilled) >= REFILL {
            self.left += 1;
            self.refilled += REFILL;
        }
        if self.left == BURST {
            self.refilled = now;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                None
            }
            None => Some(REFILL.saturating_sub(now.duration_since(self.refilled))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarrel_is_sent_once_a_second_after_its_first_minute() {
        let begin = Instant::now();
        let mut budget = Budget::new(begin);
        assert!((0..BURST).all(|_| budget.take(begin).is_none()));
        assert_eq!(budget.take(begin), Some(REFILL));
        assert_eq!(budget.take(begin + REFILL / 4), Some(REFILL * 3 / 4));
        assert_eq!(budget.take(begin + REFILL), None);
        assert_eq!(budget.take(begin + REFILL), Some(REFILL));
        assert!((0..BURST).all(|_| budget.take(begin + REFILL * 1000).is_none()), "and is forgotten in time");
        assert!(budget.take(begin + REFILL * 1000).is_some());
    }
}
