//! What was there before a crash or a stop is there after it, whatever became of the snapshots: the log is the truth.
//! Several threads, because a client must go on while its test waits for a server to stop: it is told to leave.

use std::{fs, path::PathBuf};

use mooring_proto::{
    binding::v1::{self as binding},
    dataplane::v1::{Commit, WatchCommitsRequest},
    health::v1::{self as health, Claim},
    resource::v1 as resource,
};

use crate::given::*;

/// Everything that reads show, without what is a reading of the moment.
#[derive(Debug, PartialEq)]
struct Everything {
    pools: Vec<resource::Pool>,
    vpcs: Vec<resource::Vpc>,
    subnets: Vec<resource::Subnet>,
    vnics: Vec<resource::Vnic>,
    havips: Vec<resource::Havip>,
    eips: Vec<resource::Eip>,
    bindings: Vec<binding::Binding>,
    holders: Vec<health::Holder>,
    gateways: Vec<(String, bool)>,
    commits: Vec<Commit>,
}

async fn everything(world: &World) -> Everything {
    let (mut resource, parent) = (world.resource(), P1.to_owned());
    macro_rules! list {
        ($client:expr, $list:ident($request:ident)) => {
            ok($client.$list($request { parent: parent.clone(), ..Default::default() }).await)
        };
    }
    use binding::ListBindingsRequest;
    use health::ListHoldersRequest;
    use resource::{
        ListEipsRequest, ListHavipsRequest, ListSubnetsRequest, ListVnicsRequest, ListVpcsRequest,
    };
    let pools = resource::ListPoolsRequest { parent: R1.into(), ..Default::default() };
    let gateways = binding::ListGatewaysRequest { parent: R1.into() };
    let gateways = ok(world.gateways().list_gateways(gateways).await).gateways;
    let mut bindings = list!(world.bindings(), list_bindings(ListBindingsRequest)).bindings;
    bindings.iter_mut().for_each(|binding| binding.gateways.clear());
    Everything {
        pools: ok(resource.list_pools(pools).await).pools,
        vpcs: list!(resource, list_vpcs(ListVpcsRequest)).vpcs,
        subnets: list!(resource, list_subnets(ListSubnetsRequest)).subnets,
        vnics: list!(resource, list_vnics(ListVnicsRequest)).vnics,
        havips: list!(resource, list_havips(ListHavipsRequest)).havips,
        eips: list!(resource, list_eips(ListEipsRequest)).eips,
        bindings,
        holders: list!(world.health(), list_holders(ListHoldersRequest)).holders,
        gateways: gateways.into_iter().map(|gateway| (gateway.name, gateway.registered)).collect(),
        commits: world.commits_of(R1, 0).await,
    }
}

/// A world with a binding in use, one that failed, and a holder.
async fn lived_in() -> (World, Stock) {
    let (world, stock) = World::stocked().await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let havip = world.havip(&stock.subnet, "second", "", &[]).await;
    let gone = world.eip(P1, "").await.name;
    ok(world.bind(&gone, &havip.name).await);
    ok(world.unbind(&gone).await);
    ok(world.release_eip(&gone).await);
    assert!(world.bind(&gone, &havip.name).await.is_err());
    let claim = Claim {
        vpc: id(&stock.vpc.name).into(),
        address: stock.havip.address.clone(),
        mac: stock.a.mac.clone(),
        number: 1,
        observed_at: 1,
    };
    let request =
        health::ReportClaimsRequest { gateway: "regions/r1/gateways/gw-1".into(), claims: vec![claim] };
    ok(world.health().report_claims(request).await);
    (world, stock)
}

fn snapshots(world: &World) -> PathBuf {
    world.server.data().join("snapshots")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_and_a_stop_change_nothing_with_without_and_with_broken_snapshots() {
    let (mut world, stock) = lived_in().await;
    let before = everything(&world).await;
    assert_eq!((before.bindings.len(), before.holders.len()), (2, 2));

    world.crash().await;
    assert_eq!(everything(&world).await, before, "after a crash, from the log alone");
    assert!(world.server.stop().unwrap().success());
    world.start().await;
    assert_eq!(everything(&world).await, before, "after a stop, from snapshots");

    world.server.kill9().unwrap();
    fs::remove_dir_all(snapshots(&world)).unwrap();
    world.start().await;
    assert_eq!(everything(&world).await, before, "without snapshots");

    assert!(world.server.stop().unwrap().success());
    for file in fs::read_dir(snapshots(&world)).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            fs::write(path, b"garbage".repeat(1000)).unwrap();
        }
    }
    world.start().await;
    assert_eq!(everything(&world).await, before, "with garbage in the snapshots");

    world.server.kill9().unwrap();
    fs::remove_dir_all(snapshots(&world)).unwrap();
    fs::write(snapshots(&world), b"garbage").unwrap();
    world.start().await;
    assert_eq!(everything(&world).await, before, "with garbage for snapshots");

    ok(world.unbind(&stock.eip.name).await);
    assert_eq!(ok(world.get_eip(&stock.eip.name).await), stock.eip, "and it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_snapshots_that_the_next_start_uses() {
    let (mut world, _) = lived_in().await;
    let before = everything(&world).await;
    assert!(world.server.stop().unwrap().success());
    world.start().await;
    assert_eq!(everything(&world).await, before);
    // Without its segment files the log is empty; only snapshots know that it was not, and the start is refused (L8).
    assert!(world.server.stop().unwrap().success());
    let segments = world.server.data().join("log");
    fs::remove_dir_all(&segments).unwrap();
    let refused = world.server.restart(None).unwrap_err();
    assert!(format!("{refused:#}").contains("a witness saw record"), "{refused:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_the_log_does_not_keep_the_server_from_stopping() {
    let (mut world, _) = World::stocked().await;
    let request = WatchCommitsRequest { parent: R1.into(), after: 0 };
    let mut watching = ok(world.dataplane().watch_commits(request).await);
    assert!(watching.message().await.unwrap().is_some());
    assert!(world.server.stop().unwrap().success());
}
