//! The health API: claims in, holders out.

use std::net::IpAddr;

use mooring_domain::{
    Rejection, Timestamp,
    event::ClaimFacts,
    holder::{Command, HolderCore},
    id,
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

const MOST: usize = 1000;

pub(crate) struct Health {
    pub(crate) regions: Regions<HolderCore>,
}

fn command(gateway: &GatewayName, claim: &Claim, now: Timestamp) -> Result<Command, Status> {
    let address: IpAddr = claim.address.parse().map_err(|error| bad_field("claims.address", error))?;
    Ok(Command::Claim {
        vpc: claim.vpc.parse().map_err(|error| bad_field("claims.vpc", error))?,
        address,
        claim: ClaimFacts {
            gateway: gateway.clone(),
            number: claim.number,
            mac: claim.mac.parse().map_err(|error| bad_field("claims.mac", error))?,
            observed_at: Timestamp(claim.observed_at),
        },
        now,
    })
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
        let now = now();
        let commands = request.claims.iter().map(|claim| command(&gateway, claim, now));
        let commands = commands.collect::<Result<Vec<_>, _>>()?;
        ledger.submit_all(&caller, commands).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Response::new(ReportClaimsResponse {}))
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
