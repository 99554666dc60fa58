//! The health API: claims in, holders out.

use std::{net::IpAddr, time::Duration};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use mooring_domain::{
    Position, Timestamp,
    event::{ClaimFacts, OVER_GRPC},
    holder::{Announce, Command, HolderCore, State},
    id::{self, HavipId, VpcId},
    name::{GatewayName, Name, Scope, parse_regional},
};
use mooring_ledger::{Caller, Ledger, Outcome, Refused, Regions, Watch, Watches, now, watched_from};
use mooring_proto::{
    answer::health as answer,
    health::v1::{
        AnnounceRequest, Claim, GetHolderRequest, Holder, ListHoldersRequest, ListHoldersResponse,
        ReportClaimsRequest, ReportClaimsResponse, ReportHoldersRequest, ReportHoldersResponse,
        WatchHoldersRequest, WatchHoldersResponse, WithdrawRequest, health_service_server::HealthService,
    },
    page,
    status::{Unserved, bad_field, bad_name, from_unserved},
    together::{each, together},
};
use mooring_runtime::shutdown::Shutdown;
use tonic::{Request, Response, Status};

use crate::{heard::Heard, probers::Probers, watch::Wanted};

pub(crate) const MOST: usize = 1000;
/// Where none is asked for.
const LEASE: Duration = Duration::from_secs(30);

pub(crate) struct Health {
    pub(crate) regions: Regions<HolderCore>,
    pub(crate) heard: Heard,
    pub(crate) probers: Probers,
    pub(crate) watches: Watches,
    /// When it is said, watches end.
    pub(crate) stop: Shutdown,
}

fn parsed(gateway: &GatewayName, claim: &Claim) -> Result<(VpcId, IpAddr, ClaimFacts), Status> {
    let (vpc, address, mac) = together((
        claim.vpc.parse().map_err(|error| bad_field("claims.vpc", error)),
        claim.address.parse().map_err(|error| bad_field("claims.address", error)),
        claim.mac.parse().map_err(|error| bad_field("claims.mac", error)),
    ))?;
    let observed_at = Timestamp(claim.observed_at);
    Ok((vpc, address, ClaimFacts { gateway: gateway.clone(), number: claim.number, mac, observed_at }))
}

#[tonic::async_trait]
impl HealthService for Health {
    async fn report_claims(
        &self,
        request: Request<ReportClaimsRequest>,
    ) -> Result<Response<ReportClaimsResponse>, Status> {
        let caller = Caller::of(request.metadata());
        let request = request.into_inner();
        let (region, gateway) = parse_regional(&request.gateway, "gateways").map_err(bad_name("gateway"))?;
        let gateway: GatewayName = gateway.parse().map_err(bad_name("gateway"))?;
        let ledger = self.regions.get("gateway", &region)?;
        if request.claims.len() > MOST {
            return Err(bad_field("claims", format!("must be at most {MOST}, are {}", request.claims.len())));
        }
        let claims = each(request.claims.iter().map(|claim| parsed(&gateway, claim)))?;
        let heard = self.heard.get(&region).cloned().unwrap_or_default();
        let commands = heard.lock().commands(&ledger.view().state, claims, now());
        ledger.submit_all(&caller, commands).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        // Looked at after the answers: they were decided on what is at or before it.
        Ok(Response::new(ReportClaimsResponse { position: ledger.view().position.0 }))
    }

    async fn announce(&self, request: Request<AnnounceRequest>) -> Result<Response<Holder>, Status> {
        let (caller, request) = Caller::open(request);
        let (havip, vnic) =
            (caller.name::<id::Havip>("havip", &request.havip), caller.name("vnic", &request.vnic));
        let ((), havip, vnic) = together((caller.request_id(), havip, vnic))?;
        let lease = match request.lease_ms {
            0 => LEASE,
            millis => Duration::from_millis(millis),
        };
        let ledger = self.regions.get("havip", &havip.scope.region)?;
        let state = ledger.view().state;
        let heard = self.heard.get(&havip.scope.region).zip(state.get(havip.id));
        let command = Command::Announce(Announce {
            vnic,
            lease,
            by: OVER_GRPC.parse().map_err(bad_name("gateway"))?,
            heard: heard.map(|(of_region, havip)| of_region.lock().heard(havip)).unwrap_or_default(),
            now: now(),
            havip: havip.clone(),
        });
        let outcome = ledger.submit(caller, command).await?;
        holder_after(&outcome, ledger, &havip)
    }

    async fn withdraw(&self, request: Request<WithdrawRequest>) -> Result<Response<Holder>, Status> {
        let (caller, request) = Caller::open(request);
        let (havip, vnic) =
            (caller.name::<id::Havip>("havip", &request.havip), caller.name("vnic", &request.vnic));
        let ((), havip, vnic) = together((caller.request_id(), havip, vnic))?;
        let ledger = self.regions.get("havip", &havip.scope.region)?;
        let outcome = ledger.submit(caller, Command::Withdraw { havip: havip.clone(), vnic }).await?;
        holder_after(&outcome, ledger, &havip)
    }

    async fn report_holders(
        &self,
        request: Request<ReportHoldersRequest>,
    ) -> Result<Response<ReportHoldersResponse>, Status> {
        let caller = Caller::of(request.metadata());
        Ok(Response::new(self.hear(&caller, request.into_inner()).await?))
    }

    async fn get_holder(&self, request: Request<GetHolderRequest>) -> Result<Response<Holder>, Status> {
        let (caller, request) = Caller::read(request);
        let name = caller.name::<id::Havip>("havip", &request.havip)?;
        let state = self.regions.get("havip", &name.scope.region)?.current_for(&caller).await?.state;
        Ok(Response::new(answer::holder(state.named(&name).map_err(Refused::from)?)))
    }

    async fn list_holders(
        &self,
        request: Request<ListHoldersRequest>,
    ) -> Result<Response<ListHoldersResponse>, Status> {
        let (caller, request) = Caller::read(request);
        let page = page::parse::<_, Holder>(page::Asked {
            parent: &request.parent,
            size: request.page_size,
            token: &request.page_token,
            filter: &request.filter,
            order: &request.order_by,
            ..page::Asked::default()
        });
        let (scope, page) = together((caller.scope("parent", &request.parent), page))?;
        let state = self.regions.get("parent", &scope.region)?.current_for(&caller).await?.state;
        let havips = state.list(&scope, page.after);
        let (holders, next_page_token) = page.take(havips, |havip| havip.facts.id, answer::holder)?;
        Ok(Response::new(ListHoldersResponse { holders, next_page_token }))
    }

    type WatchHoldersStream = BoxStream<'static, Result<WatchHoldersResponse, Status>>;

    async fn watch_holders(
        &self,
        request: Request<WatchHoldersRequest>,
    ) -> Result<Response<Self::WatchHoldersStream>, Status> {
        let (caller, request) = Caller::read(request);
        let scope = caller.scope("parent", &request.parent)?;
        let ledger = self.regions.get("parent", &scope.region)?;
        let begun = self.watches.begin(&caller, &scope.project)?;
        let after = Position(request.after);
        let view = watched_from(ledger, after).await?;
        let havip = match request.havip.as_str() {
            "" => None,
            name => Some(wanted(&caller, &view.state, &scope, (name, after))?),
        };
        let watch = Watch::new(Wanted { scope, havip }, ledger, view, after);
        let answers = stream::try_unfold((watch, begun), async |(mut watch, begun)| {
            let answer = watch.next().await.map_err(from_unserved)?;
            Ok(Some((answer, (watch, begun))))
        });
        let stopping = stream::once(async { Err(from_unserved(Unserved::Closed)) });
        Ok(Response::new(answers.take_until(self.stop.clone().stopped()).chain(stopping).boxed()))
    }
}

/// The holder as it is after a write, or would be.
fn holder_after(
    outcome: &Outcome,
    ledger: &Ledger<HolderCore>,
    havip: &Name<id::Havip>,
) -> Result<Response<Holder>, Status> {
    let state = outcome.state_after(ledger);
    Ok(outcome.answer(answer::holder(state.named(havip).map_err(Refused::from)?)))
}

/// The HAVIP that is watched. Whoever goes on may ask for one that has been deleted since.
fn wanted(
    caller: &Caller,
    state: &State,
    scope: &Scope,
    (name, after): (&str, Position),
) -> Result<HavipId, Status> {
    let name = caller.name::<id::Havip>("havip", name)?;
    if name.scope != *scope {
        return Err(bad_field("havip", format!("must be in {scope}, is {name}")));
    }
    if after == Position::default() {
        state.named(&name).map_err(Refused::from)?;
    }
    Ok(name.id)
}
