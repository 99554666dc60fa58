//! Tells binding what this gateway's kernels are equal to: registers, then reports at every change and once a second.

use std::{collections::BTreeMap, time::Duration};

use mooring_domain::{
    Position,
    id::VpcId,
    name::{GatewayName, RegionId},
};
use mooring_ledger::ACTOR;
use mooring_proto::binding::v1::{
    Attestation, RegisterGatewayRequest, ReportAppliedRequest, gateway_service_client::GatewayServiceClient,
};
use mooring_runtime::peer::{Idempotent, Peer};
use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};
use tonic::{Code, Request, Status, metadata::AsciiMetadataValue};

use crate::{fold::Folded, progress::Attested, stuck::stuck, target, vpcs::Vpcs};

const HEARTBEAT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);
/// How long a report waits that says no more than that the log was followed further: nobody waits for that.
const PACE: Duration = Duration::from_millis(10);
/// The most hashes in a report.
const ATTESTATIONS: usize = 1000;
/// How long binding's word that a gateway is not registered may be ahead of the log that is followed.
const AHEAD: Duration = Duration::from_secs(5);

pub(crate) struct Report {
    name: String,
    actor: Option<AsciiMetadataValue>,
    binding: GatewayServiceClient<Peer>,
    /// In a row.
    failures: u32,
    /// Of each VPC, the last position whose hash binding was told.
    attested: BTreeMap<VpcId, Attested>,
}

impl Report {
    pub(crate) fn new(gateway: GatewayName, region: RegionId, binding: Peer) -> Self {
        Self {
            name: format!("regions/{region}/gateways/{gateway}"),
            actor: AsciiMetadataValue::try_from(format!("gateway/{gateway}")).ok(),
            binding: GatewayServiceClient::new(binding),
            failures: 0,
            attested: BTreeMap::new(),
        }
    }

    pub(crate) async fn run(mut self, mut folded: watch::Receiver<Folded>, vpcs: Vpcs) {
        if folded.wait_for(|folded| folded.caught_up).await.is_err() {
            return;
        }
        self.taken_out(&folded, &vpcs).await;
        let begun = folded.borrow().standing_changed;
        // What it was when it began, it comes back from.
        let has_left = |folded: &Folded| folded.decommissioned && folded.standing_changed > begun;
        while !has_left(&folded.borrow()) {
            let served = self.serve(&mut folded, &vpcs).await;
            let Err(error) = served else { return };
            self.failures += 1;
            // Once is a binding that is just being started, or has just gone; the rest is the same again.
            if self.failures == 2 {
                tracing::warn!(%error, "binding does not take reports; registering again until it does");
            }
            // The record that says that the operator has decommissioned it may come a moment later than the refusal: to
            // register before it has come would undo the operator's word.
            let pause = if error.code() == Code::FailedPrecondition { AHEAD } else { PAUSE };
            if matches!(timeout(pause, folded.wait_for(has_left)).await, Ok(Err(_))) {
                return;
            }
        }
        tracing::error!(
            "decommissioned while it runs: everything is taken out; a restart registers it again"
        );
    }

    /// A gateway that comes back after it was decommissioned takes everything out before it registers.
    async fn taken_out(&self, folded: &watch::Receiver<Folded>, vpcs: &Vpcs) {
        let behind = || {
            let folded = folded.borrow();
            let report = self.report(&folded, vpcs);
            folded.decommissioned && report.stuck.iter().any(|stuck| !stuck.carries_nothing)
        };
        if behind() {
            tracing::info!("decommissioned: everything is taken out before it registers again");
        }
        while behind() {
            tokio::select! {
                () = vpcs.changed() => {}
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
        }
    }

    /// Registers and reports until binding does not answer, or the fold has ended.
    async fn serve(&mut self, folded: &mut watch::Receiver<Folded>, vpcs: &Vpcs) -> Result<(), Status> {
        let before = folded.borrow().standing_changed;
        let equal_to = equal_to(&self.report(&folded.borrow(), vpcs));
        let request =
            self.request(RegisterGatewayRequest { name: self.name.clone(), equal_to, ..Default::default() });
        self.binding.register_gateway(request).await?;
        self.attested.clear();
        // Until its record has come, kernels are equal to what a gateway that is not registered should have: nothing.
        if folded.wait_for(|now| now.carries || now.standing_changed != before).await.is_err() {
            return Ok(());
        }
        loop {
            let mut report = self.report(&folded.borrow_and_update(), vpcs);
            let told = self.attest(&mut report, vpcs);
            let (reported, paced) = (Position(report.position), Instant::now() + PACE);
            self.binding.report_applied(self.request(report)).await?;
            self.attested.extend(told);
            self.failures = 0;
            tokio::select! {
                followed = news(folded, reported, paced) => if followed.is_err() { return Ok(()) },
                () = vpcs.changed() => {}
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
        }
    }

    /// Said twice, both that the gateway is there and what is applied change nothing.
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(Idempotent);
        if let Some(actor) = &self.actor {
            request.metadata_mut().insert(ACTOR, actor.clone());
        }
        request
    }

    /// Adds what was put into kernels since binding was told last; what finds no room comes with the next report. The last
    /// of each VPC.
    fn attest(&self, report: &mut ReportAppliedRequest, vpcs: &Vpcs) -> BTreeMap<VpcId, Attested> {
        let mut told = BTreeMap::new();
        for (vpc, progress) in vpcs.progress() {
            let known = self.attested.get(&vpc);
            // One at the same position is another when the kernel had to be mended.
            let new = match known.and_then(|known| progress.attested.iter().rposition(|one| one == known)) {
                Some(index) => index + 1,
                None => 0,
            };
            if report.attestations.len() + progress.attested.len() > ATTESTATIONS {
                break;
            }
            for attested in progress.attested.iter().skip(new) {
                report.attestations.push(Attestation {
                    gateway: String::new(),
                    vpc: vpc.to_string(),
                    position: attested.position.0,
                    hash: attested.hash.0.to_vec().into(),
                });
                told.insert(vpc, *attested);
            }
        }
        told
    }

    /// The position folded, and every VPC whose kernel is behind its target there.
    fn report(&self, folded: &Folded, vpcs: &Vpcs) -> ReportAppliedRequest {
        ReportAppliedRequest {
            name: self.name.clone(),
            position: folded.desired.position.0,
            stuck: stuck(folded, &vpcs.progress()),
            attestations: Vec::new(),
        }
    }
}

/// Once there is something to report: at once where a kernel has to change, no sooner than `paced` otherwise.
async fn news(
    folded: &mut watch::Receiver<Folded>,
    reported: Position,
    paced: Instant,
) -> Result<(), watch::error::RecvError> {
    folded.changed().await?;
    let changes = |folded: &Folded| {
        folded.desired.vpcs.values().any(|desired| target::version(folded, desired) > reported)
    };
    // Whether it waited long enough or not.
    let _ = timeout_at(paced, folded.wait_for(changes)).await;
    Ok(())
}

/// What all kernels are equal to. A VPC without a kernel holds nothing back: nothing is carried there.
fn equal_to(report: &ReportAppliedRequest) -> u64 {
    let behind = report.stuck.iter().filter(|stuck| !stuck.carries_nothing).map(|stuck| stuck.position);
    behind.min().unwrap_or(report.position)
}
