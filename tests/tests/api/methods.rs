//! Standard methods: what was created is read back the same by id, by display name and in its list, by its project only.

use std::fmt::Debug;

use mooring_proto::{binding::v1 as binding, health::v1 as health, resource::v1 as resource};

use crate::{
    given::*,
    refused::{not_found, refused},
};

/// Reads one thing by each of `lasts`, and its list, as its owner and as somebody else.
macro_rules! assert_reads {
    ($world:expr, $thing:expr, $lasts:expr, $get:ident($get_request:ident), $list:ident($list_request:ident) => $items:ident) => {{
        let (thing, parent) = ($thing.clone(), parent(&$thing.name));
        let collection = thing.name.split('/').nth_back(1).unwrap().to_owned();
        let get = async |name: String| $world.resource().$get(resource::$get_request { name }).await;
        let list = async |parent: &str| {
            let request = resource::$list_request { parent: parent.into(), ..Default::default() };
            ok($world.resource().$list(request).await).$items
        };
        for last in $lasts {
            assert_eq!(ok(get(format!("{parent}/{collection}/{last}")).await), thing, "by {last}");
            let other = refused(get(format!("{P2}/{collection}/{last}")).await);
            assert_eq!(other.brief(), not_found("name"), "{other:?}");
        }
        assert!(list(&parent).await.contains(&thing));
        assert_eq!(list(P2).await, [], "somebody else's");
    }};
}

#[tokio::test]
async fn every_kind_is_read_by_id_and_by_display_name_and_in_its_list_by_its_project_only() {
    let (world, stock) = World::stocked().await;
    let Stock { vpc, subnet, a, havip, eip, .. } = &stock;
    assert_reads!(world, vpc, [id(&vpc.name), "blue"], get_vpc(GetVpcRequest), list_vpcs(ListVpcsRequest) => vpcs);
    assert_reads!(world, subnet, [id(&subnet.name), "web"], get_subnet(GetSubnetRequest), list_subnets(ListSubnetsRequest) => subnets);
    assert_reads!(world, a, [id(&a.name), "vm-a"], get_vnic(GetVnicRequest), list_vnics(ListVnicsRequest) => vnics);
    assert_reads!(world, havip, [id(&havip.name), "front"], get_havip(GetHavipRequest), list_havips(ListHavipsRequest) => havips);
    assert_reads!(world, eip, [id(&eip.name), "web", &eip.address], get_eip(GetEipRequest), list_eips(ListEipsRequest) => eips);
}

#[tokio::test]
async fn what_the_server_chooses_is_in_the_answer() {
    let (world, stock) = World::stocked().await;
    assert_eq!(stock.subnet.gateway_address, "10.0.1.1");
    assert_eq!(
        (stock.eip.address.as_str(), stock.eip.state()),
        ("203.0.113.0", resource::eip::State::Available)
    );
    assert_eq!(world.eip(P1, "").await.display_name, "203.0.113.1", "the address is its name");
    assert_eq!(
        world.havip(&stock.subnet, "top", "", &[]).await.address,
        "10.0.1.254",
        "the highest free one"
    );
    assert_eq!(stock.havip.members, [stock.a.name.clone(), stock.b.name.clone()]);
    assert_eq!(stock.havip.vpc, stock.vpc.name);
    let positions = [stock.vpc.position, stock.subnet.position, stock.a.position, stock.eip.position];
    assert!(positions.is_sorted_by(|one, next| one < next), "positions grow: {positions:?}");
}

#[tokio::test]
async fn a_pool_belongs_to_the_region_and_counts_what_is_allocated() {
    let world = World::new().await;
    let pool = world.pool_that_cools(R1, "public", "203.0.113.0/30", Some(0)).await;
    let get = async |last: &str| {
        let request = resource::GetPoolRequest { name: format!("{R1}/pools/{last}") };
        world.resource().get_pool(request).await
    };
    assert_eq!(ok(get("public").await), pool);
    assert_eq!(ok(get(id(&pool.name)).await), pool);
    let eip = world.eip(P1, "web").await;
    assert_eq!(ok(get("public").await).allocated, 1);
    ok(world.release_eip(&eip.name).await);
    let request = resource::ListPoolsRequest { parent: R1.into(), ..Default::default() };
    assert_eq!(ok(world.resource().list_pools(request).await).pools, [pool], "as before");
    assert_eq!(refused(get("private").await).brief(), not_found("name"));
}

#[tokio::test]
async fn a_binding_and_a_holder_are_read_by_their_project_only() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    assert_eq!(bound.state(), binding::binding::State::InUse);
    assert_eq!((&*bound.eip_address, &*bound.havip_address), (&*stock.eip.address, "10.0.1.100"));
    assert_eq!(ok(world.binding(&bound.name).await).position, bound.position);
    let foreign = format!("{P2}/bindings/{}", id(&bound.name));
    assert_eq!(refused(world.binding(&foreign).await).brief(), not_found("name"));
    let foreign = format!("{P2}/havips/{}", id(&stock.havip.name));
    let holder = world.health().get_holder(health::GetHolderRequest { havip: foreign }).await;
    assert_eq!(refused(holder).brief(), not_found("havip"));
    let request = health::GetHolderRequest { havip: stock.havip.name.clone() };
    let holder = ok(world.health().get_holder(request).await);
    assert_eq!((holder.state(), holder.position), (health::holder::State::None, 0));
    let bindings = binding::ListBindingsRequest { parent: P2.into(), ..Default::default() };
    assert_eq!(ok(world.bindings().list_bindings(bindings).await).bindings, []);
    let holders = health::ListHoldersRequest { parent: P2.into(), ..Default::default() };
    assert_eq!(ok(world.health().list_holders(holders).await).holders, []);
}

#[tokio::test]
async fn the_state_of_the_binding_shows_on_the_eip_and_the_havip() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let eip = ok(world.get_eip(&stock.eip.name).await);
    assert_eq!((eip.state(), &eip.binding), (resource::eip::State::InUse, &bound.name));
    assert_eq!(ok(world.get_havip(&stock.havip.name).await).binding, bound.name);
    ok(world.unbind(&stock.eip.name).await);
    assert_eq!(ok(world.get_eip(&stock.eip.name).await), stock.eip, "as before");
    assert_eq!(ok(world.get_havip(&stock.havip.name).await), stock.havip, "as before");
}

/// Whatever a read has shown, a later one does not take back, whichever service it asks.
#[tokio::test]
async fn a_binding_is_never_behind_what_its_eip_has_shown() {
    let (world, stock) = World::stocked().await;
    for _ in 0..30 {
        let (mut bindings, request) = (world.bindings(), bind(&stock.eip.name, &stock.havip.name));
        let answer = tokio::spawn(async move { bindings.bind(request).await });
        let shown = wait_until("the EIP to be in use", async || {
            let eip = ok(world.get_eip(&stock.eip.name).await);
            if eip.state() == resource::eip::State::InUse { Ok(eip.binding) } else { Err(eip) }
        })
        .await;
        assert_eq!(ok(world.binding(&shown).await).state(), binding::binding::State::InUse);
        ok(answer.await.unwrap());
        ok(world.unbind(&stock.eip.name).await);
    }
}

/// What somebody else can't see, they can't build on or take away.
#[tokio::test]
async fn another_project_can_use_nothing() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let Stock { vpc, subnet, a, havip, eip, .. } = &stock;
    let mut on_vpc =
        resource::Subnet { display_name: "x".into(), cidr: "10.0.2.0/24".into(), ..Default::default() };
    on_vpc.vpc.clone_from(&vpc.name);
    let request =
        resource::CreateSubnetRequest { parent: P2.into(), subnet: Some(on_vpc), ..Default::default() };
    assert_not_there(world.resource().create_subnet(request).await, "subnet.vpc");
    let mut request = create_havip(subnet, "x", "", &[]);
    request.parent = P2.into();
    assert_not_there(world.resource().create_havip(request).await, "havip.subnet");
    assert_not_there(world.release_eip(&eip.name.replace(P1, P2)).await, "name");
    assert_not_there(world.delete_havip(&havip.name.replace(P1, P2)).await, "name");
    assert_eq!(world.tail().await, before);

    let theirs = world.vpc(P2, "blue").await;
    let theirs = world.subnet(P2, "web", &theirs, "10.0.1.0/24").await;
    assert_not_there(
        world.resource().create_havip(create_havip(&theirs, "x", "", &[a])).await,
        "havip.members",
    );
}

#[track_caller]
fn assert_not_there<T: Debug>(answer: Result<tonic::Response<T>, tonic::Status>, field: &str) {
    let refused = refused(answer);
    assert_eq!(refused.brief(), not_found(field), "{refused:?}");
}

#[tokio::test]
async fn somebody_elses_names_answer_alike_whether_they_exist_or_not() {
    let (world, stock) = World::stocked().await;
    let asked = async |subnet: &str| {
        let mut request = create_havip(&stock.subnet, "x", "", &[]);
        request.parent = P2.into();
        request.havip.as_mut().unwrap().subnet = subnet.into();
        refused(world.resource().create_havip(request).await).message.replace(subnet, "it")
    };
    let unknown = format!("{P1}/subnets/{NOBODY}");
    assert_eq!(asked(&stock.subnet.name).await, asked(&unknown).await);
}

#[tokio::test]
async fn what_was_released_or_deleted_is_gone_and_its_name_is_free() {
    let (world, stock) = World::stocked().await;
    ok(world.delete_havip(&stock.havip.name).await);
    ok(world.release_eip(&stock.eip.name).await);
    assert_eq!(refused(world.get_havip(&stock.havip.name).await).brief(), not_found("name"));
    assert_eq!(ok(world.get_eip(&stock.eip.name).await).state(), resource::eip::State::Cooling);
    assert_eq!(refused(world.delete_havip(&stock.havip.name).await).brief(), not_found("name"));
    assert_eq!(refused(world.release_eip(&stock.eip.name).await).reason, "EIP_COOLING");
    let havip = world.havip(&stock.subnet, "front", "10.0.1.100", &[]).await;
    assert_ne!(havip.name, stock.havip.name);
    assert_ne!(world.eip(P1, "web").await.name, stock.eip.name);
}

#[tokio::test]
async fn an_unknown_region_names_those_that_are_served() {
    let world = World::serving(&["r1", "r2"]).await;
    let (elsewhere, scope) = ("regions/r9", "projects/p1/regions/r9");
    let pools = resource::ListPoolsRequest { parent: elsewhere.into(), ..Default::default() };
    let pools = refused(world.resource().list_pools(pools).await);
    let eips = resource::ListEipsRequest { parent: scope.into(), ..Default::default() };
    let eips = refused(world.resource().list_eips(eips).await);
    let eip = refused(world.resource().allocate_eip(allocate_eip(scope, "web")).await);
    let bindings = binding::ListBindingsRequest { parent: scope.into(), ..Default::default() };
    let bindings = refused(world.bindings().list_bindings(bindings).await);
    let holders = health::ListHoldersRequest { parent: scope.into(), ..Default::default() };
    let holders = refused(world.health().list_holders(holders).await);
    for refused in [pools, eips, eip, bindings, holders] {
        assert_eq!(refused.brief(), not_found("parent"), "{refused:?}");
        assert!(refused.message.contains("r9") && refused.message.contains("r1, r2"), "{refused:?}");
    }
}
