//! What is given up again: VPCs, subnets, vNICs. Refused while something is in the way, which is named.

use mooring_proto::{
    event::v1::event::Kind,
    health::v1::holder::State,
    resource::v1::{
        DeleteSubnetRequest, DeleteVnicRequest, DeleteVpcRequest, GetSubnetRequest, GetVnicRequest,
        GetVpcRequest, Havip, Subnet, UpdateHavipRequest, Vnic, Vpc, havip::ClaimPolicy,
    },
};
use tonic::{Code, Response, Status};

use crate::{
    claims::*,
    gateways,
    given::*,
    refused::{invalid, not_found, refused},
};

async fn delete_vpc(world: &World, name: &str) -> Result<Response<u64>, Status> {
    let request = DeleteVpcRequest { name: name.into(), ..Default::default() };
    world.resource().delete_vpc(request).await.map(|answer| answer.map(|deleted| deleted.position))
}

async fn delete_subnet(world: &World, name: &str) -> Result<Response<u64>, Status> {
    let request = DeleteSubnetRequest { name: name.into(), ..Default::default() };
    world.resource().delete_subnet(request).await.map(|answer| answer.map(|deleted| deleted.position))
}

async fn delete_vnic(world: &World, name: &str) -> Result<Response<u64>, Status> {
    let request = DeleteVnicRequest { name: name.into(), ..Default::default() };
    world.resource().delete_vnic(request).await.map(|answer| answer.map(|deleted| deleted.position))
}

#[tokio::test]
async fn a_vpc_goes_last_of_all_that_is_in_it_and_a_new_one_can_have_its_name() {
    let (mut world, stock) = World::stocked().await;
    let Vpc { name: vpc, .. } = &stock.vpc;
    let Subnet { name: subnet, .. } = &stock.subnet;
    for (refusal, reason, in_the_way) in [
        (refused(delete_vpc(&world, vpc).await), "VPC_NOT_EMPTY", subnet),
        (refused(delete_subnet(&world, subnet).await), "SUBNET_NOT_EMPTY", &stock.a.name),
        (refused(delete_vnic(&world, &stock.a.name).await), "VNIC_IS_A_MEMBER", &stock.havip.name),
    ] {
        assert_eq!(refusal.brief(), (Code::FailedPrecondition, reason, "name"));
        assert_eq!(refusal.in_the_way.as_ref(), Some(in_the_way), "{refusal:?}");
        assert!(!refusal.retryable);
    }
    ok(world.delete_havip(&stock.havip.name).await);
    for vnic in [&stock.a, &stock.b, &stock.c] {
        ok(delete_vnic(&world, &vnic.name).await);
    }
    ok(delete_subnet(&world, subnet).await);
    let position = ok(delete_vpc(&world, vpc).await);
    assert_eq!(position, world.tail().await);
    world.crash().await;
    let mut resource = world.resource();
    assert_eq!(
        refused(resource.get_vpc(GetVpcRequest { name: vpc.clone() }).await).brief(),
        not_found("name")
    );
    let name = subnet.clone();
    assert_eq!(refused(resource.get_subnet(GetSubnetRequest { name }).await).brief(), not_found("name"));
    let name = stock.a.name.clone();
    assert_eq!(refused(resource.get_vnic(GetVnicRequest { name }).await).brief(), not_found("name"));
    // All of it again, under the same names and addresses.
    let again = world.vpc(P1, "blue").await;
    let subnet = world.subnet(P1, "web", &again, "10.0.1.0/24").await;
    let vnic = world.vnic(&subnet, "vm-a", &stock.a.mac, &stock.a.address).await;
    let havip = world.havip(&subnet, "front", &stock.havip.address, &[&vnic]).await;
    ok(world.bind(&stock.eip.name, &havip.name).await);
}

#[tokio::test]
async fn a_holder_that_is_no_member_loses_the_havip_with_its_vnic() {
    let (world, stock) = World::stocked().await;
    let open = Havip {
        claim_policy: ClaimPolicy::Subnet.into(),
        name: stock.havip.name.clone(),
        ..Default::default()
    };
    let request = UpdateHavipRequest { havip: Some(open), ..Default::default() };
    ok(world.resource().update_havip(request).await);
    claims(&world, &stock.havip, &stock.c, ago(9)).await;
    assert_eq!(holder(&world, &stock.havip).await.instance, "vm-c");
    let position = ok(delete_vnic(&world, &stock.c.name).await);
    assert_eq!(holder(&world, &stock.havip).await.state(), State::None);
    let told = wait_until("health to say so", async || {
        let told = world.events(position).await;
        if told.is_empty() { Err(told) } else { Ok(told) }
    })
    .await;
    let [Kind::HolderWithdrawn(gone)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&*gone.reason, &*gone.holder.as_ref().unwrap().instance), ("EXCLUDED", "vm-c"));
    claims(&world, &stock.havip, &stock.b, ago(0)).await;
    assert_eq!(holder(&world, &stock.havip).await.instance, "vm-b");
}

#[tokio::test]
async fn what_an_eip_moves_between_stays_until_it_has_arrived() {
    let (world, stock) = World::stocked().await;
    let red = world.vpc(P1, "red").await;
    let subnet = world.subnet(P1, "red", &red, "10.7.0.0/24").await;
    let back = world.havip(&subnet, "back", "", &[]).await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    // A second gateway takes nothing out: the EIP leaves and does not arrive.
    gateways::register(&world).await;
    let (mut asked, request) = (world.bindings(), shift(&stock.eip.name, &back.name));
    let moving = tokio::spawn(async move { asked.r#move(request).await });
    wait_until("the HAVIP that it moves to to be held", async || {
        let held = ok(world.get_havip(&back.name).await);
        if held.binding.is_empty() { Err(held) } else { Ok(()) }
    })
    .await;
    // Both, and the EIP, are on their way: retryable, once the process manager has stored that it leaves.
    for havip in [&stock.havip.name, &back.name] {
        let refusal = wait_until("the EIP to leave", async || {
            let refusal = refused(world.delete_havip(havip).await);
            if refusal.reason == "HAVIP_HELD" { Err(refusal) } else { Ok(refusal) }
        });
        assert_eq!(refusal.await.reason, "HAVIP_IN_TRANSITION");
    }
    assert_eq!(refused(world.release_eip(&stock.eip.name).await).reason, "EIP_IN_TRANSITION");
    let refusal = refused(delete_subnet(&world, &subnet.name).await);
    assert_eq!((&*refusal.reason, refusal.in_the_way.as_ref()), ("SUBNET_NOT_EMPTY", Some(&back.name)));
    ok(gateways::decommission(&world, gateways::GW_2).await);
    let moved = ok(moving.await.unwrap());
    wait_until("the HAVIP that was left to be free", async || world.delete_havip(&stock.havip.name).await)
        .await;
    let refusal = refused(world.delete_havip(&back.name).await);
    assert_eq!((&*refusal.reason, refusal.in_the_way.as_ref()), ("HAVIP_HELD", Some(&moved.name)));
}

#[tokio::test]
async fn a_deletion_is_made_once_for_each_request_id() {
    let (mut world, stock) = World::stocked().await;
    let request_id = uuid::Uuid::now_v7().to_string();
    let request = DeleteVnicRequest { name: stock.c.name.clone(), request_id, ..Default::default() };
    let first = ok(world.resource().delete_vnic(request.clone()).await);
    world.crash().await;
    let tail = world.tail().await;
    assert_eq!(ok(world.resource().delete_vnic(request.clone()).await), first);
    assert_eq!(world.tail().await, tail);
    let again = DeleteVnicRequest { request_id: String::new(), ..request };
    assert_eq!(refused(world.resource().delete_vnic(again).await).brief(), not_found("name"));
}

#[tokio::test]
async fn a_deletion_can_be_foretold_and_one_of_an_older_state_is_refused() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let mut resource = world.resource();
    let at = |expected_revision| DeleteVnicRequest {
        name: stock.c.name.clone(),
        expected_revision,
        ..Default::default()
    };
    let only = DeleteVnicRequest { validate_only: true, ..at(0) };
    assert_eq!(ok(resource.delete_vnic(only).await).position, 0);
    assert_eq!(world.tail().await, before, "nothing was stored");
    let refusal = refused(resource.delete_vnic(at(stock.c.position - 1)).await);
    assert_eq!(refusal.brief(), (Code::Aborted, "STALE_REVISION", "expected_revision"));
    ok(resource.delete_vnic(at(stock.c.position)).await);
}

#[tokio::test]
async fn what_is_anothers_or_nobodys_is_not_found_and_a_name_is_a_full_one() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let of_p2 = |name: &str| name.replace(P1, P2);
    let Vnic { name: vnic, .. } = &stock.c;
    for refusal in [
        refused(delete_vpc(&world, &of_p2(&stock.vpc.name)).await),
        refused(delete_subnet(&world, &of_p2(&stock.subnet.name)).await),
        refused(delete_vnic(&world, &of_p2(vnic)).await),
        refused(delete_vnic(&world, &format!("{P1}/vnics/{NOBODY}")).await),
    ] {
        assert_eq!(refusal.brief(), not_found("name"));
    }
    for refusal in [
        refused(delete_vpc(&world, "blue").await),
        refused(delete_subnet(&world, vnic).await),
        refused(delete_vnic(&world, "vm-c").await),
    ] {
        assert_eq!(refusal.brief(), invalid("name"));
    }
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn moor_deletes_by_the_names_that_people_use() {
    let (world, _) = World::stocked().await;
    let refusal = world.server.refuse("subnet delete web").unwrap();
    assert_eq!((&*refusal.reason, &*refusal.field), ("SUBNET_NOT_EMPTY", "SUBNET"));
    for line in [
        "havip delete front",
        "vnic delete vm-a",
        "vnic delete vm-b",
        "vnic delete vm-c",
        "subnet delete web",
        "vpc delete blue",
    ] {
        let deleted = world.server.ask(line).unwrap();
        assert!(deleted["position"].as_u64().is_some(), "{line}: {deleted}");
    }
    assert_eq!(world.server.refuse("vpc get blue").unwrap().exit, 3);
}
