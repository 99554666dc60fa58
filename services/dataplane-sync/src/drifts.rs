//! What somebody changed in kernels, on its way into the record: binding writes it, since gateways are binding's. What it
//! does not take yet waits here, with the time at which it was found; a bound on what waits and on how often one is sent
//! keeps a quarrel over a kernel out of the log.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mooring_domain::{
    Position,
    binding::MAX_DIFFERENCES,
    event::{GatewayDriftFound, GatewayFacts},
    id::VpcId,
    name::{GatewayName, ProjectId, RegionId},
};
use mooring_ledger::ACTOR;
use mooring_proto::{
    binding::v1::{ReportDriftRequest, gateway_service_client::GatewayServiceClient},
    stored,
};
use mooring_runtime::peer::{Idempotent, Peer};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tonic::{Code, Request, Status, metadata::AsciiMetadataValue};
use uuid::Uuid;

use crate::entered::Drift;

/// Drifts that may wait. Those after them are counted.
const WAITING: usize = 64;
/// Drifts that are sent at once, and how long it takes until there is room for one more.
const BURST: u32 = 60;
const REFILL: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Where workers put what they found. Clones share it.
#[derive(Clone)]
pub(crate) struct Drifts {
    gateway: GatewayFacts,
    waiting: Arc<Mutex<Waiting>>,
    come: Arc<Notify>,
}

#[derive(Default)]
struct Waiting {
    drifts: VecDeque<GatewayDriftFound>,
    /// Since the last one that found room.
    unrecorded: u64,
}

impl Drifts {
    pub(crate) fn new(gateway: GatewayName, region: RegionId) -> Self {
        let gateway = GatewayFacts { gateway, region };
        Self { gateway, waiting: Arc::default(), come: Arc::default() }
    }

    /// Takes what was found in a VPC's kernel that had been made equal to `position`.
    pub(crate) fn push(&self, vpc: VpcId, project: ProjectId, position: Position, drift: Drift) {
        let Drift { found_at, mended_at, rules, mut differences } = drift;
        let differing = differences.len() as u64;
        differences.truncate(MAX_DIFFERENCES);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.drifts.len() >= WAITING {
            waiting.unrecorded += 1;
            return;
        }
        let unrecorded = std::mem::take(&mut waiting.unrecorded);
        let gateway = self.gateway.clone();
        waiting.drifts.push_back(GatewayDriftFound {
            gateway,
            project,
            vpc,
            position,
            found_at,
            mended_at,
            rules,
            differences,
            differing,
            unrecorded,
        });
        self.come.notify_one();
    }

    pub(crate) fn pop(&self) -> Option<GatewayDriftFound> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).drifts.pop_front()
    }

    /// Hands them to binding, one after the other, for as long as the process lives.
    pub(crate) fn report(&self, binding: Peer) -> JoinHandle<()> {
        let GatewayFacts { gateway, region } = &self.gateway;
        let reporter = Reporter {
            name: format!("regions/{region}/gateways/{gateway}"),
            actor: AsciiMetadataValue::try_from(format!("gateway/{gateway}")).ok(),
            binding: GatewayServiceClient::new(binding),
        };
        tokio::spawn(reporter.run(self.clone()))
    }
}

struct Reporter {
    name: String,
    actor: Option<AsciiMetadataValue>,
    binding: GatewayServiceClient<Peer>,
}

impl Reporter {
    async fn run(mut self, drifts: Drifts) {
        let mut budget = Budget::new(Instant::now());
        loop {
            let Some(drift) = drifts.pop() else {
                drifts.come.notified().await;
                continue;
            };
            while let Some(wait) = budget.take(Instant::now()) {
                sleep(wait).await;
            }
            self.hand_in(&drift).await;
        }
    }

    /// Tries until it is recorded, or refused for good.
    async fn hand_in(&mut self, drift: &GatewayDriftFound) {
        let request_id = Uuid::now_v7().to_string();
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.send(drift, &request_id).await {
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

    async fn send(&mut self, drift: &GatewayDriftFound, request_id: &str) -> Result<(), Status> {
        let mut request = Request::new(ReportDriftRequest {
            name: self.name.clone(),
            drift: Some(stored::drift::write(drift)),
            request_id: request_id.to_owned(),
        });
        // The request's id tells one that is sent twice from two.
        request.extensions_mut().insert(Idempotent);
        if let Some(actor) = &self.actor {
            request.metadata_mut().insert(ACTOR, actor.clone());
        }
        self.binding.report_drift(request).await.map(drop)
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
    #![allow(clippy::unwrap_used, reason = "a test")]

    use mooring_domain::{
        Timestamp,
        id::Id,
        nat::{Difference, Element},
    };

    use super::*;

    fn drift(elements: u8) -> Drift {
        let route =
            |last| Difference { wanted: Some(Element::Route([203, 0, 113, last].into())), found: None };
        let (found_at, mended_at) = (Timestamp(1), Timestamp(2));
        Drift { found_at, mended_at, rules: false, differences: (0..elements).map(route).collect() }
    }

    #[test]
    fn what_finds_no_room_is_counted_with_the_next_that_does() {
        let drifts = Drifts::new("gw-1".parse().unwrap(), "r1".parse().unwrap());
        let push = |drift| {
            drifts.push(Id::new(Uuid::from_u128(7)), "p1".parse().unwrap(), Position(3), drift);
        };
        (0..WAITING + 5).for_each(|_| push(drift(1)));
        assert_eq!(drifts.pop().unwrap().unrecorded, 0);
        push(drift(200));
        let all: Vec<_> = std::iter::from_fn(|| drifts.pop()).collect();
        let last = all.last().unwrap();
        assert_eq!((all.len(), last.unrecorded), (WAITING, 5));
        assert_eq!(
            (last.differences.len(), last.differing),
            (MAX_DIFFERENCES, 200),
            "the first ones by name"
        );
    }

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
