//! The gateway API: registration, reports, decommissioning.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use mooring_domain::{
    Expected, Position, Rejection,
    binding::{BindingCore, Command, State},
    event::GatewayFacts,
    id::VpcId,
    name::{GatewayName, RegionId, parse_region, parse_regional},
    nat::RunningHash,
};
use mooring_ledger::{Caller, Ledger, Outcome, Refused, Regions, View};
use mooring_proto::{
    binding::v1::{
        self as api, DecommissionGatewayRequest, Gateway, ListAttestationsRequest, ListAttestationsResponse,
        ListGatewaysRequest, ListGatewaysResponse, RegisterGatewayRequest, ReportAppliedRequest,
        ReportAppliedResponse, ReportDriftRequest, ReportDriftResponse,
        gateway_service_server::GatewayService,
    },
    status::{Unserved, bad_field, bad_name},
    stored,
    together::{each, together},
};
use tokio::time::timeout;
use tonic::{Request, Response, Status};

use crate::{
    RegionReports, answer,
    reports::{Report, Reports, Stuck},
};

/// How long a gateway may be ahead of binding with what both follow, before the log is asked.
const MOMENT: Duration = Duration::from_millis(50);

/// The most hashes in a report.
const ATTESTATIONS: usize = 1000;

pub(crate) struct Gateways {
    pub(crate) regions: Regions<BindingCore>,
    pub(crate) reports: RegionReports,
}

fn parse_name(name: &str) -> Result<(RegionId, GatewayName), Status> {
    let (region, gateway) = parse_regional(name, "gateways").map_err(bad_name("name"))?;
    Ok((region, gateway.parse().map_err(bad_name("name"))?))
}

fn parse_stuck(from: api::Stuck) -> Result<(VpcId, Stuck), Status> {
    let vpc = from.vpc.parse().map_err(|error| bad_field("stuck.vpc", error))?;
    let position = Position(from.position);
    Ok((vpc, Stuck { position, cause: from.cause, carries_nothing: from.carries_nothing }))
}

fn parse_attestation(from: &api::Attestation) -> Result<(VpcId, Position, RunningHash), Status> {
    let vpc = from.vpc.parse().map_err(|error| bad_field("attestations.vpc", error));
    let hash = <[u8; 16]>::try_from(&*from.hash);
    let (vpc, hash) = together((vpc, hash.map_err(|_| bad_field("attestations.hash", "must be 16 bytes"))))?;
    Ok((vpc, Position(from.position), RunningHash(hash)))
}

/// What a gateway says of its kernels. Nobody can have put there what it has not folded.
fn parse_attestations(request: &ReportAppliedRequest) -> Result<Vec<(VpcId, Position, RunningHash)>, Status> {
    let count = request.attestations.len();
    if count > ATTESTATIONS {
        let message = format!("must be at most {ATTESTATIONS}, are {count}");
        return Err(bad_field("attestations", message));
    }
    let said = each(request.attestations.iter().map(parse_attestation))?;
    if said.iter().any(|(_, position, _)| position.0 > request.position) {
        return Err(bad_field("attestations.position", "must not be beyond the position folded"));
    }
    Ok(said)
}

fn is_registered(view: &View<State>, gateway: &GatewayName) -> bool {
    view.state.gateway(gateway).is_some_and(|known| known.registered)
}

/// Nobody can have applied what the log does not have: either that report is wrong, or the log lost its end (L8). Were it
/// taken, no later unbind would wait for that gateway.
fn check_position(
    field: &'static str,
    gateway: &GatewayName,
    reported: Position,
    tail: Position,
) -> Result<(), Status> {
    if reported <= tail {
        return Ok(());
    }
    tracing::error!(%gateway, %reported, %tail, "a gateway reports a position beyond the log's end");
    Err(bad_field(field, format!("{reported} is beyond the log's end, which is {tail}")))
}

impl Gateways {
    fn reports(&self, region: &RegionId) -> Result<&Reports, Status> {
        self.reports.get(region).ok_or_else(|| Refused::Unserved(Unserved::Unavailable).into())
    }

    /// The state that a report is judged on. What was folded already is enough for most: asking the log where it ends,
    /// for each report, would be what binding does most.
    async fn reported_on(
        &self,
        ledger: &Ledger<BindingCore>,
        gateway: &GatewayName,
        reported: u64,
    ) -> Result<View<State>, Refused> {
        let mut views = ledger.watch();
        let reached = timeout(MOMENT, views.wait_for(|view| view.position.0 >= reported)).await;
        // The watch is let go of before anything is waited for.
        let folded = reached.ok().and_then(Result::ok).map(|view| view.clone());
        match folded.filter(|view| is_registered(view, gateway)) {
            Some(view) => Ok(view),
            None => ledger.current().await,
        }
    }

    fn answer(
        &self,
        outcome: &Outcome,
        ledger: &Ledger<BindingCore>,
        (region, name): (&RegionId, &GatewayName),
    ) -> Result<Response<Gateway>, Status> {
        let state = outcome.state_after(ledger);
        let gateway = state.gateway(name).ok_or(Refused::Unserved(Unserved::Unavailable))?;
        Ok(outcome.answer(answer::gateway(gateway, self.reports(region)?.of(name).as_deref())))
    }
}

#[tonic::async_trait]
impl GatewayService for Gateways {
    async fn register_gateway(
        &self,
        request: Request<RegisterGatewayRequest>,
    ) -> Result<Response<Gateway>, Status> {
        let (caller, request) = Caller::open(request);
        let ((), (region, gateway)) = together((caller.request_id(), parse_name(&request.name)))?;
        let ledger = self.regions.get("name", &region)?;
        let equal_to = Position(request.equal_to);
        check_position("equal_to", &gateway, equal_to, ledger.current().await?.position)?;
        let command = Command::RegisterGateway { region: region.clone(), gateway: gateway.clone(), equal_to };
        let outcome = ledger.submit(caller, command).await?;
        self.answer(&outcome, ledger, (&region, &gateway))
    }

    async fn report_applied(
        &self,
        request: Request<ReportAppliedRequest>,
    ) -> Result<Response<ReportAppliedResponse>, Status> {
        let request = request.into_inner();
        let (region, gateway) = parse_name(&request.name)?;
        let view = self.reported_on(self.regions.get("name", &region)?, &gateway, request.position).await?;
        if !is_registered(&view, &gateway) {
            let rejection = Rejection::precondition("NOT_REGISTERED", "name", "register the gateway first");
            return Err(Refused::from(rejection.because_of(&request.name)).into());
        }
        check_position("position", &gateway, Position(request.position), view.position)?;
        let said = parse_attestations(&request);
        let (said, stuck) = together((said, each(request.stuck.into_iter().map(parse_stuck))))?;
        let stuck: HashMap<_, _> = stuck.into_iter().collect();
        if stuck.values().any(|stuck| stuck.position.0 > request.position) {
            return Err(bad_field("stuck.position", "must not be beyond the position folded"));
        }
        let report = Report { position: Position(request.position), stuck, at: Instant::now() };
        let reports = self.reports(&region)?;
        reports.attest(&gateway, &said);
        reports.put(gateway, report);
        Ok(Response::new(ReportAppliedResponse {}))
    }

    async fn report_drift(
        &self,
        request: Request<ReportDriftRequest>,
    ) -> Result<Response<ReportDriftResponse>, Status> {
        let (caller, request) = Caller::open(request);
        let drift = request.drift.ok_or_else(|| bad_field("drift", "must be set"));
        let drift =
            drift.and_then(|drift| stored::drift::read(drift).map_err(|error| bad_field("drift", error)));
        let ((), (region, gateway), drift) =
            together((caller.request_id(), parse_name(&request.name), drift))?;
        let ledger = self.regions.get("name", &region)?;
        if drift.gateway != (GatewayFacts { gateway, region }) {
            return Err(bad_field("drift.gateway", "must be the gateway and region of `name`"));
        }
        let outcome = ledger.submit(caller, Command::RecordDrift(drift)).await?;
        let position = outcome.at.unwrap_or_default().position.0;
        Ok(outcome.answer(ReportDriftResponse { position }))
    }

    async fn list_attestations(
        &self,
        request: Request<ListAttestationsRequest>,
    ) -> Result<Response<ListAttestationsResponse>, Status> {
        let (caller, request) = Caller::read(request);
        let region = parse_region(&request.parent).map_err(bad_name("parent"))?;
        let state = self.regions.get("parent", &region)?.view_for(&caller).await?.state;
        let reports = self.reports(&region)?;
        let names = state.registered_gateways().map(|gateway| &gateway.facts.gateway);
        let attestations =
            names.flat_map(|name| answer::attestations(&region, name, reports.attestations(name)));
        Ok(Response::new(ListAttestationsResponse { attestations: attestations.collect() }))
    }

    async fn decommission_gateway(
        &self,
        request: Request<DecommissionGatewayRequest>,
    ) -> Result<Response<Gateway>, Status> {
        let (caller, request) = Caller::open(request);
        let ((), (region, gateway)) = together((caller.request_id(), parse_name(&request.name)))?;
        let ledger = self.regions.get("name", &region)?;
        let command = Command::DecommissionGateway {
            region: region.clone(),
            gateway: gateway.clone(),
            expected: Expected(request.expected_revision),
        };
        let outcome = ledger.submit(caller, command).await?;
        self.answer(&outcome, ledger, (&region, &gateway))
    }

    async fn list_gateways(
        &self,
        request: Request<ListGatewaysRequest>,
    ) -> Result<Response<ListGatewaysResponse>, Status> {
        let (caller, request) = Caller::read(request);
        let region = parse_region(&request.parent).map_err(bad_name("parent"))?;
        let state = self.regions.get("parent", &region)?.view_for(&caller).await?.state;
        let reports = self.reports(&region)?;
        let gateways = state.gateways();
        let gateways =
            gateways.map(|gateway| answer::gateway(gateway, reports.of(&gateway.facts.gateway).as_deref()));
        Ok(Response::new(ListGatewaysResponse { gateways: gateways.collect() }))
    }
}
