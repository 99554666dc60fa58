//! A gateway that the test plays: what it says it saw, and what health says of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mooring_proto::{
    event::v1::{ClaimRejected, event::Kind},
    health::v1::{self as api, Claim, Holder},
    resource::v1::{Havip, Vnic},
};
use tonic::{Response, Status};

use crate::given::*;

/// The gateway that the test plays.
pub const GATEWAY: &str = "regions/r1/gateways/gw-9";

/// Nanoseconds since the Unix epoch, some seconds ago.
pub fn ago(seconds: u64) -> u64 {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    u64::try_from(then.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

pub fn claim(havip: &Havip, mac: &str, observed_at: u64) -> Claim {
    Claim {
        vpc: id(&havip.vpc).into(),
        address: havip.address.clone(),
        mac: mac.into(),
        number: 1,
        observed_at,
    }
}

pub async fn report(
    world: &World,
    claims: Vec<Claim>,
) -> Result<Response<api::ReportClaimsResponse>, Status> {
    world.health().report_claims(api::ReportClaimsRequest { gateway: GATEWAY.into(), claims }).await
}

pub async fn claims(world: &World, havip: &Havip, vnic: &Vnic, observed_at: u64) {
    ok(report(world, vec![claim(havip, &vnic.mac, observed_at)]).await);
}

pub async fn holder(world: &World, havip: &Havip) -> Holder {
    ok(world.health().get_holder(api::GetHolderRequest { havip: havip.name.clone() }).await)
}

pub async fn rejections(world: &World) -> Vec<ClaimRejected> {
    let rejected = |event| if let Kind::ClaimRejected(rejected) = event { Some(rejected) } else { None };
    world.events(0).await.into_iter().filter_map(rejected).collect()
}
