//! A request that is tried again with its id answers as the first did and writes nothing, also after a crash (AIP-155).

use std::fmt::Debug;

use mooring_proto::{
    binding::v1 as binding,
    resource::v1::{self as resource, resource_service_client::ResourceServiceClient},
};
use mooring_tests::channel::Channel;
use tonic::{Response, Status};

use crate::{
    given::*,
    refused::{invalid, not_found, refused},
};

/// A new request id.
fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Sends a request twice, before and after a crash; the answers must agree and the log stay where it is.
async fn assert_retried<T: Debug + PartialEq>(
    world: &mut World,
    send: impl AsyncFn(&World) -> Result<Response<T>, Status>,
) -> T {
    let first = ok(send(world).await);
    let before = world.tail().await;
    assert_eq!(ok(send(world).await), first);
    assert_eq!(world.tail().await, before, "a retry wrote something");
    world.crash().await;
    let before = world.tail().await;
    assert_eq!(ok(send(world).await), first, "after a crash");
    assert_eq!(world.tail().await, before, "a retry wrote something");
    first
}

#[tokio::test]
async fn an_eip_and_a_havip_are_made_once() {
    let (mut world, stock) = World::stocked().await;
    let eip = resource::AllocateEipRequest { request_id: request_id(), ..allocate_eip(P1, "") };
    let first =
        assert_retried(&mut world, async |world| world.resource().allocate_eip(eip.clone()).await).await;
    let new = world.eip(P1, "").await;
    assert_ne!(first.address, new.address, "without the id it is another request");

    let havip = create_havip(&stock.subnet, "second", "", &[&stock.a]);
    let havip = resource::CreateHavipRequest { request_id: request_id(), ..havip };
    let first =
        assert_retried(&mut world, async |world| world.resource().create_havip(havip.clone()).await).await;
    // Bound or not: the answer is that to the request, not a reading.
    ok(world.bind(&new.name, &first.name).await);
    assert_eq!(ok(world.resource().create_havip(havip).await), first);
}

#[tokio::test]
async fn a_bind_and_an_unbind_are_done_once() {
    let (mut world, stock) = World::stocked().await;
    let bind = binding::BindRequest { request_id: request_id(), ..bind(&stock.eip.name, &stock.havip.name) };
    let bound = assert_retried(&mut world, async |world| {
        let bound = world.bindings().bind(bind.clone()).await;
        // What gateways have applied is a reading.
        bound.map(|bound| bound.map(|bound| binding::Binding { gateways: Vec::new(), ..bound }))
    })
    .await;

    let unbind = binding::UnbindRequest { request_id: request_id(), ..unbind(&stock.eip.name) };
    assert_retried(&mut world, async |world| world.bindings().unbind(unbind.clone()).await).await;

    // The unbind's retry does not touch what was bound since, and the first bind's says what became of it.
    let since = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    assert_ne!(since.name, bound.name);
    let before = world.tail().await;
    ok(world.bindings().unbind(unbind).await);
    let refusal = refused(world.bindings().bind(bind).await);
    assert_eq!(refusal.reason, "UNBOUND_SINCE", "{refusal:?}");
    assert_eq!(ok(world.binding(&since.name).await).position, since.position);
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn what_is_given_back_is_given_back_once() {
    let (mut world, stock) = World::stocked().await;
    let name = stock.eip.name;
    let release = resource::ReleaseEipRequest { name, request_id: request_id(), ..Default::default() };
    assert_retried(&mut world, async |world| world.resource().release_eip(release.clone()).await).await;
    let delete = resource::DeleteHavipRequest {
        name: stock.havip.name,
        request_id: request_id(),
        ..Default::default()
    };
    assert_retried(&mut world, async |world| world.resource().delete_havip(delete.clone()).await).await;
}

#[tokio::test]
async fn a_bind_that_failed_fails_again_with_its_id_and_writes_nothing() {
    let (world, stock) = World::stocked().await;
    let (eip, havip) = (&stock.eip.name, &stock.havip.name);
    // What was bound once is not looked for before the next bind is stored.
    ok(world.bind(eip, havip).await);
    ok(world.unbind(eip).await);
    ok(world.delete_havip(havip).await);
    let request = binding::BindRequest { request_id: request_id(), ..bind(eip, havip) };
    let first = refused(world.bindings().bind(request.clone()).await);
    let request_of = binding::ListBindingsRequest { parent: P1.into(), ..Default::default() };
    assert_eq!(ok(world.bindings().list_bindings(request_of).await).bindings.len(), 1, "it was stored");
    let before = world.tail().await;
    assert_eq!(refused(world.bindings().bind(request).await), first);
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn the_same_id_with_other_content_and_an_id_that_is_none_are_refused() {
    let (world, stock) = World::stocked().await;
    let spare = world.havip(&stock.subnet, "spare", "", &[]).await;
    let used = request_id();
    let (eip, havip) = (&stock.eip.name, &stock.havip.name);
    let allocate = |name: &str, request_id: &str| resource::AllocateEipRequest {
        request_id: request_id.into(),
        ..allocate_eip(P1, name)
    };
    let create = |name: &str, request_id: &str| resource::CreateHavipRequest {
        request_id: request_id.into(),
        ..create_havip(&stock.subnet, name, "", &[])
    };
    let bind = |havip: &str, request_id: &str| binding::BindRequest {
        request_id: request_id.into(),
        ..bind(eip, havip)
    };
    let unbind =
        |eip: &str, request_id: &str| binding::UnbindRequest { request_id: request_id.into(), ..unbind(eip) };
    let other = world.eip(P1, "other").await.name;
    ok(world.resource().allocate_eip(allocate("one", &used)).await);
    ok(world.bindings().bind(bind(havip, &used)).await);
    let before = world.tail().await;
    for id in [used.as_str(), "seven", "00000000-0000"] {
        let refusals = [
            refused(world.resource().allocate_eip(allocate("two", id)).await),
            refused(world.resource().create_havip(create("two", id)).await),
            refused(world.bindings().bind(bind(&spare.name, id)).await),
            refused(world.bindings().unbind(unbind(&other, id)).await),
        ];
        for refusal in refusals {
            assert_eq!(refusal.brief(), invalid("request_id"), "{id}: {refusal:?}");
        }
    }
    assert_eq!(world.tail().await, before);
    // An id belongs to a method as well: the bind's does not make an unbind a retry.
    assert_eq!(refused(world.bindings().unbind(unbind(eip, &used)).await).brief(), invalid("request_id"));
}

#[tokio::test]
async fn a_retry_answers_as_the_first_did_when_what_it_named_is_gone() {
    let world = World::new().await;
    let vpc = world.vpc(P1, "blue").await;
    let subnet = resource::Subnet {
        display_name: "web".into(),
        vpc: format!("{P1}/vpcs/blue"),
        cidr: "10.0.1.0/24".into(),
        ..Default::default()
    };
    let request_id = request_id();
    let create = |request_id: &str| resource::CreateSubnetRequest {
        parent: P1.into(),
        subnet: Some(subnet.clone()),
        request_id: request_id.into(),
        ..Default::default()
    };
    let first = ok(world.resource().create_subnet(create(&request_id)).await);
    let request = resource::DeleteSubnetRequest { name: first.name.clone(), ..Default::default() };
    ok(world.resource().delete_subnet(request).await);
    let request = resource::DeleteVpcRequest { name: vpc.name, ..Default::default() };
    ok(world.resource().delete_vpc(request).await);
    let before = world.tail().await;
    assert_eq!(ok(world.resource().create_subnet(create(&request_id)).await), first);
    assert_eq!(refused(world.resource().create_subnet(create("")).await).brief(), not_found("subnet.vpc"));
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn a_request_id_is_one_among_those_of_its_project_or_of_the_operator() {
    let world = World::new().await;
    world.pool(R1, "public", "203.0.113.0/28").await;
    let request_id = request_id();
    let allocate = async |channel: &Channel, scope: &str, name: &str| {
        let request =
            resource::AllocateEipRequest { request_id: request_id.clone(), ..allocate_eip(scope, name) };
        ResourceServiceClient::new(channel.clone()).allocate_eip(request).await
    };
    let (one, two) = (world.channel.member("p1"), world.channel.member("p2"));
    let first = ok(allocate(&one, P1, "web").await);
    let second = ok(allocate(&two, P2, "web").await);
    let third = ok(allocate(&world.channel, P1, "by-the-operator").await);
    let before = world.tail().await;
    assert_eq!(ok(allocate(&one, P1, "web").await), first);
    assert_eq!(ok(allocate(&two, P2, "web").await), second);
    assert_eq!(ok(allocate(&world.channel, P1, "by-the-operator").await), third);
    for channel in [&one, &world.channel] {
        assert_eq!(refused(allocate(channel, P1, "other").await).brief(), invalid("request_id"));
    }
    assert_eq!(world.tail().await, before);
}
