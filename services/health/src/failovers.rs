//! How long failovers took: receipts in, and out with percentiles. Nothing is decided on them.

use std::net::IpAddr;

use mooring_domain::{
    CommitPosition, Position, Rejection, Timestamp,
    event::{ClaimFacts, FailoverTimes},
    holder::{Command, HolderCore, State},
    id::{self, HavipId, VpcId},
    name::{GatewayName, Scope, parse_regional},
};
use mooring_ledger::{Caller, Refused, Regions};
use mooring_proto::{
    answer::failover as answer,
    health::v1::{
        FailoverTimes as Reported, ListFailoversRequest, ListFailoversResponse, ReportFailoversRequest,
        ReportFailoversResponse, failover_service_server::FailoverService,
    },
    page,
    status::{bad_field, bad_name},
    together::{each, together},
};
use tonic::{Request, Response, Status};

const MOST: usize = 1000;

pub(crate) struct Failovers(pub(crate) Regions<HolderCore>);

fn parsed(
    gateway: &GatewayName,
    started_at: Timestamp,
    reported: &Reported,
) -> Result<(VpcId, IpAddr, FailoverTimes), Status> {
    let (vpc, address, mac) = together((
        reported.vpc.parse().map_err(|error| bad_field("failovers.vpc", error)),
        reported.address.parse().map_err(|error| bad_field("failovers.address", error)),
        reported.mac.parse().map_err(|error| bad_field("failovers.mac", error)),
    ))?;
    let (gateway, number) = (gateway.clone(), reported.number);
    let claim = ClaimFacts { gateway, number, mac, observed_at: Timestamp(reported.claimed_at) };
    let times = FailoverTimes {
        claim,
        started_at,
        decided_at: Timestamp(reported.decided_at),
        applied_at: Timestamp(reported.applied_at),
        stored: Position(reported.stored_position),
        followed_at: Timestamp(reported.followed_at),
    };
    Ok((vpc, address, times))
}

/// The HAVIP that is asked about.
fn wanted(caller: &Caller, state: &State, scope: &Scope, name: &str) -> Result<Option<HavipId>, Status> {
    if name.is_empty() {
        return Ok(None);
    }
    let name = caller.name::<id::Havip>("havip", name)?;
    if name.scope != *scope {
        return Err(bad_field("havip", format!("must be in {scope}, is {name}")));
    }
    let found = state.get(name.id).filter(|havip| havip.facts.project == scope.project);
    let missing = || Refused::from(Rejection::not_found("havip", &name));
    Ok(Some(found.ok_or_else(missing)?.facts.id))
}

/// Behind which commit a page begins.
fn behind(token: &str) -> Result<Option<CommitPosition>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let parts = token.split_once('.').and_then(|(position, index)| {
        Some(CommitPosition { position: Position(position.parse().ok()?), index: index.parse().ok()? })
    });
    parts.map(Some).ok_or_else(|| bad_field("page_token", "is no token of this list"))
}

#[tonic::async_trait]
impl FailoverService for Failovers {
    async fn report_failovers(
        &self,
        request: Request<ReportFailoversRequest>,
    ) -> Result<Response<ReportFailoversResponse>, Status> {
        let caller = Caller::of(request.metadata());
        let request = request.into_inner();
        let (region, gateway) = parse_regional(&request.gateway, "gateways").map_err(bad_name("gateway"))?;
        let gateway: GatewayName = gateway.parse().map_err(bad_name("gateway"))?;
        let ledger = self.0.get("gateway", &region)?;
        let count = request.failovers.len();
        if count > MOST {
            return Err(bad_field("failovers", format!("must be at most {MOST}, are {count}")));
        }
        let started_at = Timestamp(request.gateway_started_at);
        let reported = each(request.failovers.iter().map(|reported| parsed(&gateway, started_at, reported)))?;
        let commands =
            reported.into_iter().map(|(vpc, address, times)| Command::Measured { vpc, address, times });
        ledger.submit_all(&caller, commands).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        // Looked at after the answers: they were decided on what is at or before it.
        Ok(Response::new(ReportFailoversResponse { position: ledger.view().position.0 }))
    }

    async fn list_failovers(
        &self,
        request: Request<ListFailoversRequest>,
    ) -> Result<Response<ListFailoversResponse>, Status> {
        let (caller, request) = Caller::read(request);
        let scope = caller.scope("parent", &request.parent);
        let (scope, limit, before) =
            together((scope, page::limit(request.page_size), behind(&request.page_token)))?;
        let state = self.0.get("parent", &scope.region)?.current_for(&caller).await?.state;
        let havip = wanted(&caller, &state, &scope, &request.havip)?;
        let latest = state.failovers().latest(havip, None).filter_map(|(at, receipt)| {
            let havip = state.get(receipt.havip).filter(|havip| havip.facts.project == scope.project)?;
            Some((at, havip, receipt))
        });
        let all: Vec<_> = latest.collect();
        let mut page = all.iter().filter(|(at, ..)| before.is_none_or(|before| *at < before));
        let failovers: Vec<_> = page.by_ref().take(limit).collect();
        let last = failovers.last().filter(|_| page.next().is_some());
        Ok(Response::new(ListFailoversResponse {
            next_page_token: last.map(|(at, ..)| at.to_string()).unwrap_or_default(),
            failovers: failovers.iter().map(|(at, havip, kept)| answer::failover(havip, *at, kept)).collect(),
            total_size: u32::try_from(all.len()).unwrap_or(u32::MAX),
            to_kernel: answer::percentiles(all.iter().map(|(.., kept)| kept.times.to_kernel()).collect()),
            to_log: answer::percentiles(all.iter().map(|(.., kept)| kept.times.to_log()).collect()),
        }))
    }
}
