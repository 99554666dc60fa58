//! The health API: claims in, holders out.

use std::net::IpAddr;

use mooring_domain::{
    Rejection, Timestamp,
    event::ClaimFacts,
    holder::HolderCore,
    id::{self, VpcId},
    name::{GatewayName, Name, Scope, parse_regional},
};
use mooring_ledger::{Caller, Refused, Regions, now};
use mooring_proto::{
    answer::health as answer,
    health::v1::{
        Claim, GetHolderRequest, Holder, ListHoldersRequest, ListHoldersResponse, ReportClaimsRequest,
        ReportClaimsResponse, health_service_server::HealthService,
    },
    page,
    status::{bad_field, bad_name},
};
use tonic::{Request, Response, Status};

use crate::heard::Heard;

const MOST: usize = 1000;

pub(crate) struct Health {
    pub(crate) regions: Regions<HolderCore>,
    pub(crate) heard: Heard,
}

fn parsed(gateway: &GatewayName, claim: &Claim) -> Result<(VpcId, IpAddr, ClaimFacts), Status> {
    let address = claim.address.parse().map_err(|error| bad_field("claims.address", error))?;
    let vpc = claim.vpc.parse().map_err(|error| bad_field("claims.vpc", error))?;
    let mac = claim.mac.parse().map_err(|error| bad_field("claims.mac", error))?;
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
        let claims = request.claims.iter().map(|claim| parsed(&gateway, claim));
        let claims = claims.collect::<Result<Vec<_>, _>>()?;
        let heard = self.heard.get(&region).cloned().unwrap_or_default();
        let commands = heard.lock().commands(&ledger.view().state, claims, now());
        ledger.submit_all(&caller, commands).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        // Looked at after the answers: they were decided on what is at or before it.
        Ok(Response::new(ReportClaimsResponse { position: ledger.view().position.0 }))
    }

    async fn get_holder(&self, request: Request<GetHolderRequest>) -> Result<Response<Holder>, Status> {
        let name: Name<id::Havip> = request.get_ref().havip.parse().map_err(bad_name("havip"))?;
        let state = self.regions.get("havip", &name.scope.region)?.current().await?.state;
        let havip = state.get(name.id).filter(|havip| {
            havip.facts.project == name.scope.project && havip.facts.region == name.scope.region
        });
        let missing = || Refused::from(Rejection::not_found("havip", &name));
        Ok(Response::new(answer::holder(havip.ok_or_else(missing)?)))
    }

    async fn list_holders(
        &self,
        request: Request<ListHoldersRequest>,
    ) -> Result<Response<ListHoldersResponse>, Status> {
        let request = request.get_ref();
        let scope: Scope = request.parent.parse().map_err(bad_name("parent"))?;
        let page = page::parse(request.page_size, &request.page_token)?;
        let state = self.regions.get("parent", &scope.region)?.current().await?.state;
        let (havips, next_page_token) = page.take(state.list(&scope, page.after), |havip| havip.facts.id);
        let holders = havips.into_iter().map(answer::holder).collect();
        Ok(Response::new(ListHoldersResponse { holders, next_page_token }))
    }
}
