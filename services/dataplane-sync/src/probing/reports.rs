//! To health, about once a second: where this gateway can probe, and what is to be said of holders. Nothing waits: what did
//! not arrive is said again by whoever sees it.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use mooring_domain::{
    id::VpcId,
    name::{GatewayName, RegionId},
};
use mooring_ledger::ACTOR;
use mooring_proto::health::v1::{
    HolderReport, ReportHoldersRequest, ReportHoldersResponse, health_service_client::HealthServiceClient,
};
use mooring_runtime::peer::{Idempotent, Peer};
use tokio::{sync::watch, task::JoinHandle, time::MissedTickBehavior};
use tonic::{Request, Status, metadata::AsciiMetadataValue};

use super::{Budget, ProbeArgs, Probers, Probing, Word, Words};
use crate::vpcs::Vpcs;

/// The longest between two reports.
const EVERY: Duration = Duration::from_millis(500);
/// What is new waits so long for more of it.
const PAUSE: Duration = Duration::from_millis(20);
/// The most that is said at once.
const BATCH: usize = 1000;

/// Starts the reports; they end with the process.
pub(crate) fn start(
    (gateway, region): (GatewayName, RegionId),
    args: ProbeArgs,
    budget: Budget,
    health: Peer,
) -> (Probing, impl FnOnce(Vpcs) -> JoinHandle<()>) {
    let (sender, probers) = watch::channel(Arc::default());
    let words = Words::default();
    let health = HealthServiceClient::new(health);
    let reporter = Reporter { gateway, region, health, words, probers: sender, failing: false };
    let probing = Probing {
        gateway: reporter.gateway.clone(),
        region: reporter.region.clone(),
        stale_after: args.stale_after,
        budget,
        probers,
        words: reporter.words.clone(),
    };
    (probing, move |vpcs| tokio::spawn(reporter.run(vpcs)))
}

struct Reporter {
    gateway: GatewayName,
    region: RegionId,
    health: HealthServiceClient<Peer>,
    words: Words,
    probers: watch::Sender<Arc<Probers>>,
    failing: bool,
}

impl Reporter {
    async fn run(mut self, vpcs: Vpcs) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                // While nobody takes it there is no hurry.
                () = self.words.new.notified(), if !self.failing => tokio::time::sleep(PAUSE).await,
            }
            let here = vpcs.entered();
            let (words, begun) = (self.words.take(), Instant::now());
            match self.report(&here, words).await {
                Ok(response) => {
                    self.failing = false;
                    let probers = Arc::new(shared(&here, &self.gateway, &response));
                    self.probers.send_if_modified(|known| {
                        let other = *known != probers;
                        *known = probers;
                        other
                    });
                }
                // Who shared the HAVIPs goes on doing so: while nobody hears, it is all one who asks.
                Err(error) if !self.failing => {
                    self.failing = true;
                    let took = begun.elapsed();
                    tracing::warn!(%error, ?took, "health does not take what holders were heard; it is said again");
                }
                Err(_) => {}
            }
        }
    }

    async fn report(
        &mut self,
        here: &BTreeSet<VpcId>,
        words: Vec<HolderReport>,
    ) -> Result<ReportHoldersResponse, Status> {
        let gateway = format!("regions/{}/gateways/{}", self.region, self.gateway);
        let vpcs = here.iter().map(ToString::to_string).collect();
        let mut request = Request::new(ReportHoldersRequest { gateway, vpcs, holders: words });
        // What is recorded already changes nothing.
        request.extensions_mut().insert(Idempotent);
        if let Ok(actor) = AsciiMetadataValue::try_from(format!("gateway/{}", self.gateway)) {
            request.metadata_mut().insert(ACTOR, actor);
        }
        Ok(self.health.report_holders(request).await?.into_inner())
    }
}

impl Words {
    /// The first of them. The others are said again by then.
    fn take(&self) -> Vec<HolderReport> {
        let all = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let report = |((vpc, havip), word): ((VpcId, Ipv4Addr), Word)| HolderReport {
            vpc: vpc.to_string(),
            address: havip.to_string(),
            mac: word.holder.to_string(),
            silent: word.silent,
            heard_at: word.heard_at.0,
        };
        all.into_iter().take(BATCH).map(report).collect()
    }
}

/// Who can probe in each of these VPCs.
fn shared(here: &BTreeSet<VpcId>, own: &GatewayName, response: &ReportHoldersResponse) -> Probers {
    let mut probers: Probers = here.iter().map(|vpc| (*vpc, vec![own.clone()])).collect();
    for prober in &response.probers {
        let Some(gateway) = prober.gateway.rsplit('/').next().and_then(|name| name.parse().ok()) else {
            continue;
        };
        for vpc in prober.vpcs.iter().filter_map(|vpc| vpc.parse().ok()) {
            let of_vpc: Option<&mut Vec<GatewayName>> = probers.get_mut(&vpc);
            of_vpc
                .into_iter()
                .filter(|known| !known.contains(&gateway))
                .for_each(|known| known.push(gateway.clone()));
        }
    }
    probers
}
