//! Whoever changes something may name it as people do, by display name or address: what that means is decided once. A retry
//! with its request id answers as the first did, whatever is called so by then.

use mooring_proto::resource::v1 as resource;
use mooring_tests::server::Refusal;
use serde_json::Value;
use tonic::Code;
use uuid::Uuid;

use crate::{
    given::*,
    refused::{not_found, refused},
};

/// Runs the line twice under one request id: the same answer, and nothing is written the second time.
async fn twice(world: &World, line: &str) -> (Uuid, Value) {
    let id = Uuid::now_v7();
    let first = world.server.ask(&format!("{line} --request-id {id}")).unwrap();
    // A move is answered when the new binding is there, a moment before the old one is gone.
    wait_until("what was left to be gone", async || {
        let bindings = world.server.ask("binding list").unwrap();
        if bindings.as_array().unwrap().len() < 2 { Ok(()) } else { Err(bindings) }
    })
    .await;
    let tail = world.tail().await;
    again(world, line, id, &first);
    assert_eq!(world.tail().await, tail, "`{line}`: a retry wrote something");
    (id, first)
}

#[track_caller]
fn again(world: &World, line: &str, id: Uuid, first: &Value) {
    let second = world.server.ask(&format!("{line} --request-id {id}"));
    let without = |value: &Value| {
        let mut value = value.clone();
        // What gateways have applied is a reading.
        value.as_object_mut().unwrap().remove("gateways");
        value
    };
    let second = second.unwrap_or_else(|refused| panic!("`{line}`, again: {refused:?}"));
    assert_eq!(without(&second), without(first), "`{line}`, again");
}

#[tokio::test]
async fn a_command_line_that_is_tried_again_answers_as_it_did() {
    let (world, _) = World::stocked().await;
    for line in [
        "havip create back --subnet web --member vm-c",
        "havip update front --add-member vm-c --remove-member vm-a",
        "havip update front --display-name shown",
        "subnet update web --reserve 10.0.1.128/28 --display-name inner",
        "subnet update inner --unreserve 10.0.1.128/28",
        "pool update public --add-block 198.51.100.0/30 --display-name all",
        "pool update all --remove-block 198.51.100.0/30",
        "pool drain all",
        "pool resume all",
        "eip update web --labels env=test",
        "eip update 203.0.113.0 --name shop",
        "bind shop shown --wait",
        "move shop back",
        "unbind shop",
        "eip release shop",
        "havip delete shown",
        "havip delete back",
        "vnic delete vm-a",
        "vnic delete vm-b",
        "vnic delete vm-c",
        "subnet delete inner",
        "vpc delete blue",
        "pool update all --cooling 0s",
    ] {
        twice(&world, line).await;
    }
}

#[tokio::test]
async fn what_took_the_name_meanwhile_is_left_alone() {
    let (world, stock) = World::stocked().await;
    let released = "eip release web";
    let (release, first) = twice(&world, released).await;
    let other = world.eip(P1, "web").await;
    again(&world, released, release, &first);
    assert_eq!(ok(world.get_eip(&other.name).await), other);

    let (bind, bound) = twice(&world, "bind web front").await;
    world.server.ask("eip update web --name shop").unwrap();
    world.server.ask("havip update front --display-name back").unwrap();
    let (third, new) = (world.eip(P1, "web").await, world.havip(&stock.subnet, "front", "", &[]).await);
    again(&world, "bind web front", bind, &bound);
    assert_eq!(ok(world.get_eip(&third.name).await), third);
    assert_eq!(ok(world.get_havip(&new.name).await), new);

    let (unbind, free) = twice(&world, "unbind shop").await;
    world.server.ask("eip update shop --name first").unwrap();
    world.server.ask("eip update web --name shop").unwrap();
    let since = world.server.ask("bind shop front").unwrap();
    again(&world, "unbind shop", unbind, &free);
    assert_eq!(world.server.ask("binding list").unwrap()[0]["name"], since["name"]);

    let (delete, gone) = twice(&world, "havip delete back").await;
    let new = world.havip(&stock.subnet, "back", "", &[]).await;
    again(&world, "havip delete back", delete, &gone);
    assert_eq!(ok(world.get_havip(&new.name).await), new);

    // The same id does not do something else.
    let Refusal { field, .. } =
        world.server.refuse(&format!("havip delete front --request-id {delete}")).unwrap();
    assert_eq!(field, "request_id");
}

#[tokio::test]
async fn a_name_that_nothing_has_is_not_found_under_its_field() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let nobody = |collection: &str| format!("{P1}/{collection}/nobody");
    let (eip, havip) = (nobody("eips"), nobody("havips"));
    let front = &stock.havip.name;
    assert_eq!(refused(world.bind(&eip, front).await).brief(), not_found("eip"));
    assert_eq!(refused(world.bind(&stock.eip.name, &havip).await).brief(), not_found("havip"));
    assert_eq!(refused(world.unbind(&eip).await).brief(), not_found("eip"));
    assert_eq!(refused(world.release_eip(&eip).await).brief(), not_found("name"));
    assert_eq!(refused(world.delete_havip(&havip).await).brief(), not_found("name"));
    let others = |name: &str| name.replace("projects/p1", "projects/p2");
    assert_eq!(
        refused(world.release_eip(&others(&format!("{P1}/eips/web"))).await).brief(),
        not_found("name")
    );
    let request = resource::UpdateHavipRequest {
        havip: Some(resource::Havip { name: front.clone(), ..Default::default() }),
        remove_members: vec![stock.c.name.clone()],
        ..Default::default()
    };
    let refusal = refused(world.resource().update_havip(request).await);
    assert_eq!(refusal.brief(), not_found("remove_members"), "{refusal:?}");
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn a_released_eip_is_there_to_be_read_and_not_to_be_bound() {
    let (world, stock) = World::stocked().await;
    ok(world.release_eip(&stock.eip.name).await);
    let web = format!("{P1}/eips/web");
    assert_eq!(ok(world.get_eip(&web).await).name, stock.eip.name);
    let cooling = |field| (Code::FailedPrecondition, "EIP_COOLING", field);
    assert_eq!(refused(world.bind(&web, &stock.havip.name).await).brief(), cooling("eip"));
    assert_eq!(refused(world.unbind(&web).await).brief(), cooling("eip"));
    assert_eq!(refused(world.release_eip(&web).await).brief(), cooling("name"));
}
