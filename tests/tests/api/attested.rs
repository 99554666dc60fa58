//! What gateways say of their kernels: hashes of what they put there, and what they found changed. The gateway of these
//! stories is played by the test.

use mooring_proto::{
    binding::v1 as api,
    event::v1::{Address, Difference, Element, GatewayDriftFound, event::Kind},
};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::{
    given::*,
    refused::{invalid, refused},
};

const GW_2: &str = "regions/r1/gateways/gw-2";

async fn register(world: &World) {
    let request =
        api::RegisterGatewayRequest { name: GW_2.into(), equal_to: world.tail().await, ..Default::default() };
    ok(world.gateways().register_gateway(request).await);
}

fn said(vpc: &str, position: u64, hash: u8) -> api::Attestation {
    api::Attestation { vpc: id(vpc).into(), position, hash: vec![hash; 16].into(), ..Default::default() }
}

async fn report(
    world: &World,
    position: u64,
    attestations: Vec<api::Attestation>,
) -> Result<Response<api::ReportAppliedResponse>, Status> {
    let request = api::ReportAppliedRequest { name: GW_2.into(), position, stuck: Vec::new(), attestations };
    world.gateways().report_applied(request).await
}

/// What binding has of the second gateway: positions and first bytes of hashes.
async fn known(world: &World) -> Vec<(u64, u8)> {
    let request = api::ListAttestationsRequest { parent: R1.into() };
    let all = ok(world.gateways().list_attestations(request).await).attestations.into_iter();
    all.filter(|one| one.gateway == GW_2).map(|one| (one.position, one.hash[0])).collect()
}

#[tokio::test]
async fn the_last_eight_hashes_of_a_vpc_are_known_the_newest_first() {
    let (world, stock) = World::stocked().await;
    register(&world).await;
    let (vpc, tail) = (&stock.vpc.name, world.tail().await);
    assert!(tail > 9, "the stock is larger");
    ok(report(&world, tail, (1..=9).map(|at| said(vpc, at, 10)).collect()).await);
    assert_eq!(known(&world).await, (2..=9).rev().map(|at| (at, 10)).collect::<Vec<_>>());
    // Said again of a position, it is what was said last: a kernel that was mended.
    ok(report(&world, tail, vec![said(vpc, 9, 11)]).await);
    assert_eq!(known(&world).await[..2], [(9, 11), (8, 10)]);
    let short = api::Attestation { hash: vec![1; 15].into(), ..said(vpc, 9, 1) };
    assert_eq!(refused(report(&world, tail, vec![short]).await).brief(), invalid("attestations.hash"));
    let beyond = refused(report(&world, tail, vec![said(vpc, tail + 1, 1)]).await);
    assert_eq!(beyond.brief(), invalid("attestations.position"));
    let nobodys = api::Attestation { vpc: "blue".into(), ..said(vpc, 9, 1) };
    assert_eq!(refused(report(&world, tail, vec![nobodys]).await).brief(), invalid("attestations.vpc"));
    let many = refused(report(&world, tail, vec![said(vpc, 9, 1); 1001]).await);
    assert_eq!(many.brief(), invalid("attestations"));
    assert_eq!(known(&world).await[0], (9, 11), "nothing of those was taken");
    ok(world
        .gateways()
        .decommission_gateway(api::DecommissionGatewayRequest { name: GW_2.into(), ..Default::default() })
        .await);
    assert_eq!(known(&world).await, [], "one that carries nothing is nobody to compare with");
}

fn drift(vpc: &str, gateway: &str) -> GatewayDriftFound {
    let address = |octets: [u8; 4]| Some(Address { octets: octets.to_vec().into() });
    let element = Element {
        set: "eip_to_havip".into(),
        address: address([203, 0, 113, 0]),
        to: address([10, 0, 1, 50]),
        ..Default::default()
    };
    GatewayDriftFound {
        gateway: gateway.into(),
        region: "r1".into(),
        project: "p1".into(),
        vpc_id: id(vpc).parse::<Uuid>().unwrap().as_bytes().to_vec().into(),
        position: 3,
        found_at: 7,
        mended_at: 8,
        differences: vec![Difference { element: Some(element), what: "MISSING".into(), found: None }],
        differing: 1,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_drift_is_recorded_once_however_often_it_is_sent_and_only_of_a_gateway_that_is_there() {
    let (world, stock) = World::stocked().await;
    let send = async |drift: GatewayDriftFound, request_id: &str| {
        let (name, request_id) = (GW_2.to_owned(), request_id.to_owned());
        let request = api::ReportDriftRequest { name, drift: Some(drift), request_id, ..Default::default() };
        world.gateways().report_drift(request).await
    };
    let (drift, first) = (drift(&stock.vpc.name, "gw-2"), Uuid::now_v7().to_string());
    let early = refused(send(drift.clone(), "").await);
    assert_eq!(early.brief(), (Code::FailedPrecondition, "NOT_REGISTERED", "name"));
    register(&world).await;
    let before = world.tail().await;
    ok(send(drift.clone(), &first).await);
    ok(send(drift.clone(), &first).await);
    assert_eq!(world.events(before).await, [Kind::GatewayDriftFound(drift.clone())], "the same request");
    let commits = world.commits_of(R1, before).await;
    assert_eq!((commits[0].observed_at, commits[0].recorded_at > 7), (7, true), "both clocks");
    ok(send(drift.clone(), &Uuid::now_v7().to_string()).await);
    let gateways = world.gateways().list_gateways(api::ListGatewaysRequest { parent: R1.into() }).await;
    let gateway = ok(gateways).gateways.into_iter().find(|gateway| gateway.name == GW_2).unwrap();
    assert_eq!((gateway.drifts, gateway.last_drift_position), (2, world.tail().await));

    let before = world.tail().await;
    let others = GatewayDriftFound { gateway: "gw-1".into(), ..drift.clone() };
    assert_eq!(refused(send(others, "").await).brief(), invalid("drift.gateway"));
    let unknown = GatewayDriftFound { vpc_id: vec![1].into(), ..drift.clone() };
    assert_eq!(refused(send(unknown, "").await).brief(), invalid("drift"));
    let many = vec![drift.differences[0].clone(); 21];
    let many = GatewayDriftFound { differences: many, differing: 21, ..drift.clone() };
    assert_eq!(refused(send(many, "").await).brief(), invalid("drift.differences"));
    let nothing = GatewayDriftFound { differences: Vec::new(), differing: 0, ..drift };
    assert_eq!(refused(send(nothing, "").await).brief(), invalid("drift"));
    assert_eq!(world.tail().await, before);
}
