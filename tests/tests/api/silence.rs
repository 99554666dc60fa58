//! What gateways say of the holders that they ask, and who of them asks. The gateways of these stories are played by the test.

use mooring_proto::{
    event::v1::event::Kind,
    health::v1::{self as api, HolderReport, ReportHoldersRequest, holder::State},
    resource::v1::{Havip, Vnic},
};
use tonic::{Response, Status};

use crate::{
    claims::*,
    contested::list,
    given::*,
    refused::{invalid, refused},
};

/// Makes a report a wrong one.
type Spoil = fn(&mut HolderReport);

fn of(havip: &Havip, vnic: &Vnic, silent: bool, heard_at: u64) -> HolderReport {
    let (vpc, address) = (id(&havip.vpc).into(), havip.address.clone());
    HolderReport { vpc, address, mac: vnic.mac.clone(), silent, heard_at }
}

async fn say(
    world: &World,
    gateway: &str,
    vpcs: &[&str],
    holders: Vec<HolderReport>,
) -> Result<Response<api::ReportHoldersResponse>, Status> {
    let vpcs = vpcs.iter().map(|vpc| (*vpc).to_owned()).collect();
    world.health().report_holders(ReportHoldersRequest { gateway: gateway.into(), vpcs, holders }).await
}

#[tokio::test]
async fn a_holder_that_answers_no_more_is_stale_until_it_is_heard_and_each_is_told_once() {
    let (mut world, stock) = World::stocked().await;
    claims(&world, &stock.havip, &stock.a, ago(50)).await;
    let seen = ago(9);
    for _ in 0..3 {
        ok(say(&world, GATEWAY, &[], vec![of(&stock.havip, &stock.a, true, seen)]).await);
    }
    let stale = holder(&world, &stock.havip).await;
    assert_eq!(stale.state(), State::Stale);
    assert_eq!((&*stale.instance, stale.last_heard_at, &*stale.unheard_by), ("vm-a", seen, "gw-9"));
    let listed = ok(world.health().list_holders(list()).await).holders;
    assert!(listed.contains(&stale), "{listed:?}");
    world.crash().await;
    assert_eq!(holder(&world, &stock.havip).await, stale);

    for _ in 0..3 {
        ok(say(&world, GATEWAY, &[], vec![of(&stock.havip, &stock.a, false, ago(1))]).await);
    }
    let held = holder(&world, &stock.havip).await;
    assert_eq!((held.state(), held.last_heard_at, &*held.unheard_by), (State::Held, 0, ""));
    assert_eq!(held.position, stale.position, "it has not changed hands");
    let kinds = world.events(0).await.into_iter().filter_map(|event| match event {
        Kind::HolderSilent(silent) => Some((true, silent.heard_at)),
        Kind::HolderHeard(heard) => Some((false, heard.heard_at)),
        _ => None,
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert_eq!(kinds[0], (true, seen));
}

#[tokio::test]
async fn of_one_that_does_not_hold_it_nothing_is_said() {
    let (world, stock) = World::stocked().await;
    ok(say(&world, GATEWAY, &[], vec![of(&stock.havip, &stock.a, true, ago(9))]).await);
    assert_eq!(holder(&world, &stock.havip).await.state(), State::None);
    claims(&world, &stock.havip, &stock.a, ago(8)).await;
    let before = world.tail().await;
    ok(say(&world, GATEWAY, &[], vec![of(&stock.havip, &stock.b, true, ago(7))]).await);
    assert_eq!(world.tail().await, before);
    assert_eq!(holder(&world, &stock.havip).await.state(), State::Held);
}

#[tokio::test]
async fn gateways_are_told_who_shares_their_vpcs() {
    let (world, stock) = World::stocked().await;
    let vpc = id(&stock.havip.vpc);
    let (a, b) = ("regions/r1/gateways/gw-a", "regions/r1/gateways/gw-b");
    let probers = async |gateway: &str, vpcs: &[&str]| {
        let probers = ok(say(&world, gateway, vpcs, Vec::new()).await).probers;
        let shared = probers.into_iter().filter(|prober| prober.vpcs.iter().any(|shared| shared == vpc));
        shared.map(|prober| prober.gateway).collect::<Vec<_>>()
    };
    assert_eq!(probers(a, &[vpc]).await, [a]);
    assert_eq!(probers(b, &[NOBODY]).await, [""; 0]);
    assert_eq!(probers(b, &[vpc, NOBODY]).await, [a, b]);
}

#[tokio::test]
async fn what_is_wrong_in_a_report_is_named_and_nothing_of_it_counts() {
    let (world, stock) = World::stocked().await;
    claims(&world, &stock.havip, &stock.a, ago(8)).await;
    let before = world.tail().await;
    let good = || of(&stock.havip, &stock.a, true, ago(2));
    let bad: [(&str, Spoil); 3] = [
        ("holders.vpc", |said| said.vpc = "blue".into()),
        ("holders.address", |said| said.address = "10.0.1".into()),
        ("holders.mac", |said| said.mac = "02:00".into()),
    ];
    for (field, spoil) in bad {
        let mut spoiled = good();
        spoil(&mut spoiled);
        assert_eq!(refused(say(&world, GATEWAY, &[], vec![good(), spoiled]).await).brief(), invalid(field));
    }
    assert_eq!(refused(say(&world, GATEWAY, &["blue"], vec![good()]).await).brief(), invalid("vpcs"));
    assert_eq!(refused(say(&world, "gw-9", &[], vec![good()]).await).brief(), invalid("gateway"));
    assert_eq!(refused(say(&world, GATEWAY, &[NOBODY; 10_001], vec![good()]).await).brief(), invalid("vpcs"));
    assert_eq!(refused(say(&world, GATEWAY, &[], vec![good(); 1001]).await).brief(), invalid("holders"));
    assert_eq!(world.tail().await, before);
}
