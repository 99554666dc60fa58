//! A write that is only validated: the answer and the events that would have been, or the refusal that would have been, and
//! nothing is stored, nor is the request id remembered.

use std::{collections::HashMap, fmt::Debug, mem::Discriminant};

use mooring_proto::{
    binding::v1 as binding,
    event::v1::{Event, event::Kind},
    health::v1 as health,
    preview,
    resource::v1 as resource,
    write::Write,
};
use prost::Message;
use tonic::{Response, Status};

use crate::{
    given::*,
    refused::{not_found, refused},
};

/// The events in an answer's metadata.
fn events<T>(answer: &Response<T>) -> Vec<Kind> {
    assert_eq!(preview::left_off(answer.metadata()), 0);
    let events = preview::events_in(answer.metadata()).into_iter();
    events.map(|event| Event::decode(event).unwrap().kind.unwrap()).collect()
}

/// A request with an id of its own.
fn with_id<R: Write>(mut request: R) -> R {
    *request.request_id() = uuid::Uuid::now_v7().to_string();
    request
}

/// Validates a request, then means it: the same request id is still free, and what was said would be stored is what is, as far
/// as it does not draw ids of its own. Answers what both answered.
async fn assert_foretold<R: Write + Clone, T: Debug>(
    world: &World,
    request: R,
    send: impl AsyncFn(R) -> Result<Response<T>, Status>,
) -> (T, T) {
    let request = with_id(request);
    let before = world.tail().await;
    let mut only = request.clone();
    *only.validate_only() = true;
    let foretold = send(only.clone()).await.unwrap();
    assert_eq!(world.tail().await, before, "something was stored");
    let answer = send(request).await.unwrap();
    let stored = world.events(before).await;
    assert_eq!(kinds(&events(&foretold)), kinds(&stored));
    // The request was answered: what would be now is what was, and nothing more.
    let again = send(only).await.unwrap();
    assert_eq!(events(&again), [], "a retry writes nothing");
    (foretold.into_inner(), answer.into_inner())
}

/// How many there are of each kind: which service stores first is not decided.
fn kinds(events: &[Kind]) -> HashMap<Discriminant<Kind>, usize> {
    let mut kinds = HashMap::new();
    for event in events {
        *kinds.entry(std::mem::discriminant(event)).or_default() += 1;
    }
    kinds
}

#[tokio::test]
async fn what_would_be_created_is_answered_with_its_event() {
    let (world, stock) = World::stocked().await;
    let vpc = resource::Vpc { display_name: "red".into(), ..Default::default() };
    let request = resource::CreateVpcRequest {
        parent: P1.into(),
        vpc: Some(vpc),
        validate_only: true,
        ..Default::default()
    };
    let before = world.tail().await;
    let answer = world.resource().create_vpc(request).await.unwrap();
    assert!(matches!(&events(&answer)[..], [Kind::VpcCreated(vpc)] if vpc.display_name == "red"));
    assert_eq!((answer.get_ref().display_name.as_str(), answer.get_ref().position), ("red", 0));
    let there = world.resource().get_vpc(resource::GetVpcRequest { name: answer.into_inner().name }).await;
    assert_eq!(refused(there).brief(), not_found("name"));
    assert_eq!(world.tail().await, before);

    let (foretold, eip) = assert_foretold(&world, allocate_eip(P1, ""), async |request| {
        world.resource().allocate_eip(request).await
    })
    .await;
    assert_eq!(foretold.address, eip.address);
    let havip = create_havip(&stock.subnet, "second", "", &[&stock.a]);
    let (foretold, havip) =
        assert_foretold(&world, havip, async |request| world.resource().create_havip(request).await).await;
    assert_eq!((foretold.address, foretold.members), (havip.address, havip.members));
    let release = resource::ReleaseEipRequest { name: eip.name, ..Default::default() };
    let (foretold, _) =
        assert_foretold(&world, release, async |request| world.resource().release_eip(request).await).await;
    assert_eq!(foretold.position, 0);
}

#[tokio::test]
async fn a_bind_and_an_unbind_are_foretold_to_their_ends() {
    let (world, stock) = World::stocked().await;
    let request = bind(&stock.eip.name, &stock.havip.name);
    let (foretold, bound) =
        assert_foretold(&world, request, async |request| world.bindings().bind(request).await).await;
    assert_eq!((foretold.state(), &foretold.eip_address), (bound.state(), &bound.eip_address));
    assert_eq!((foretold.position, bound.state()), (0, binding::binding::State::InUse));
    assert_eq!(refused(world.binding(&foretold.name).await).brief(), not_found("name"));
    let (foretold, _) = assert_foretold(&world, unbind(&stock.eip.name), async |request| {
        world.bindings().unbind(request).await
    })
    .await;
    assert_eq!(foretold.position, 0);
    assert_eq!(ok(world.get_eip(&stock.eip.name).await), stock.eip);
}

#[tokio::test]
async fn a_move_is_foretold_to_its_end() {
    let (world, stock) = World::stocked().await;
    let back = world.havip(&stock.subnet, "back", "", &[]).await;
    let old = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let before = world.tail().await;
    let only = binding::MoveRequest { validate_only: true, ..shift(&stock.eip.name, &back.name) };
    let foretold = world.bindings().r#move(only.clone()).await.unwrap();
    let events = events(&foretold);
    let foretold = foretold.into_inner();
    assert_eq!((foretold.state(), &foretold.moved_from), (binding::binding::State::InUse, &old.name));
    assert_eq!(world.tail().await, before);
    ok(world.bindings().r#move(shift(&stock.eip.name, &back.name)).await);
    wait_until("the binding that was left to be over", async || {
        let stored = world.events(before).await;
        if kinds(&stored) == kinds(&events) { Ok(()) } else { Err(stored) }
    })
    .await;
    let again = world.bindings().r#move(only).await.unwrap();
    assert_eq!(preview::events_in(again.metadata()).len(), 0);
}

#[tokio::test]
async fn what_would_be_refused_is_refused_in_the_same_words() {
    let (world, stock) = World::stocked().await;
    let spare = world.havip(&stock.subnet, "spare", "", &[]).await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let only = |request| binding::BindRequest { validate_only: true, ..request };
    let before = world.tail().await;
    let taken = bind(&stock.eip.name, &spare.name);
    let foretold = refused(world.bindings().bind(only(taken.clone())).await);
    assert_eq!(foretold.reason, "EIP_TAKEN");
    assert_eq!(world.tail().await, before);
    assert_eq!(refused(world.bindings().bind(taken).await), foretold);
    // resource refuses this one, and says so after the first step would have been stored.
    let nowhere = bind(&format!("{P1}/eips/{NOBODY}"), &spare.name);
    let before = world.tail().await;
    let foretold = refused(world.bindings().bind(only(nowhere.clone())).await);
    assert_eq!(world.tail().await, before);
    let meant = refused(world.bindings().bind(nowhere).await);
    assert_eq!((foretold.code, &foretold.reason), (meant.code, &meant.reason));
    let held = resource::ReleaseEipRequest {
        name: stock.eip.name.clone(),
        validate_only: true,
        ..Default::default()
    };
    assert_eq!(refused(world.resource().release_eip(held).await).reason, "EIP_HELD");
}

#[tokio::test]
async fn what_holds_already_would_write_nothing() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let again = binding::BindRequest { validate_only: true, ..bind(&stock.eip.name, &stock.havip.name) };
    let answer = world.bindings().bind(again).await.unwrap();
    assert_eq!(events(&answer), []);
    assert_eq!(answer.into_inner().name, bound.name);
    let free = world.eip(P1, "").await;
    let nothing = binding::UnbindRequest { validate_only: true, ..unbind(&free.name) };
    assert_eq!(events(&world.bindings().unbind(nothing).await.unwrap()), []);
}

#[tokio::test]
async fn gateways_and_holders_are_foretold_as_well() {
    let (world, stock) = World::stocked().await;
    let name = format!("{R1}/gateways/gw-9");
    let register = binding::RegisterGatewayRequest { name: name.clone(), ..Default::default() };
    let (foretold, registered) =
        assert_foretold(&world, register, async |request| world.gateways().register_gateway(request).await)
            .await;
    assert_eq!((foretold.registered, foretold.name), (true, registered.name));
    let decommission = binding::DecommissionGatewayRequest { name, ..Default::default() };
    let (foretold, _) = assert_foretold(&world, decommission, async |request| {
        world.gateways().decommission_gateway(request).await
    })
    .await;
    assert!(!foretold.registered);

    let mut request = create_havip(&stock.subnet, "announced", "", &[&stock.a]);
    request.havip.as_mut().unwrap().announce = true;
    let havip = ok(world.resource().create_havip(request).await).name;
    let announce =
        health::AnnounceRequest { havip: havip.clone(), vnic: stock.a.name.clone(), ..Default::default() };
    let (foretold, held) =
        assert_foretold(&world, announce, async |request| world.health().announce(request).await).await;
    assert_eq!((&foretold.instance, foretold.state()), (&held.instance, health::holder::State::Held));
    let withdraw = health::WithdrawRequest { havip, vnic: stock.a.name.clone(), ..Default::default() };
    let (foretold, _) =
        assert_foretold(&world, withdraw, async |request| world.health().withdraw(request).await).await;
    assert_eq!(foretold.state(), health::holder::State::None);
}

#[tokio::test]
async fn every_write_says_where_the_log_is() {
    let (world, stock) = World::stocked().await;
    let at = |metadata: &tonic::metadata::MetadataMap| -> u64 {
        metadata.get(preview::POSITION).unwrap().to_str().unwrap().parse().unwrap()
    };
    let bound = world.bind(&stock.eip.name, &stock.havip.name).await.unwrap();
    let written = at(bound.metadata());
    assert!(written > stock.eip.position && written <= bound.get_ref().position);
    let again = world.bind(&stock.eip.name, &stock.havip.name).await.unwrap();
    assert!(at(again.metadata()) >= bound.get_ref().position, "nothing was written, and it held there");
}

/// What does not fit into headers is counted.
#[tokio::test]
async fn a_large_event_is_left_off_and_counted() {
    let world = World::new().await;
    let blocks = (0..4000_u32).map(|n| format!("{}/32", std::net::Ipv4Addr::from(0x0b00_0000 + 2 * n)));
    let pool = resource::Pool { display_name: "x".into(), cidrs: blocks.collect(), ..Default::default() };
    let request = resource::CreatePoolRequest {
        parent: R1.into(),
        pool: Some(pool),
        validate_only: true,
        ..Default::default()
    };
    let answer = world.resource().create_pool(request).await.unwrap();
    assert_eq!(preview::left_off(answer.metadata()), 1);
    assert_eq!(preview::events_in(answer.metadata()).len(), 0);
}

#[tokio::test]
async fn moor_says_what_would_be() {
    let (world, stock) = World::stocked().await;
    let server = &world.server;
    let told = server.ask("bind web front --validate-only").unwrap();
    assert_eq!(told["answer"]["state"], "IN_USE");
    let kinds: Vec<_> =
        told["events"].as_array().unwrap().iter().map(|event| event.as_object().unwrap()).collect();
    let kinds: Vec<_> = kinds.iter().flat_map(|event| event.keys()).collect();
    assert_eq!(kinds, ["bind_requested", "hold_placed", "bound"]);
    server.ask("havip create back --subnet web").unwrap();
    server.ask("bind web front").unwrap();
    let told = server.moor("move web back --dry-run").unwrap();
    assert!(told.exit == 0 && told.out.contains("would be"), "{told:?}");
    assert!(
        told.out.contains("=waiting") && !told.out.contains("=applied"),
        "no kernel has what may be: {told:?}"
    );
    server.ask("unbind web").unwrap();
    let told = server.moor("eip release web --dry-run").unwrap();
    assert!(
        told.exit == 0 && told.out.contains("nothing was written") && told.out.contains("EIP web"),
        "{told:?}"
    );
    assert_eq!(ok(world.get_eip(&stock.eip.name).await), stock.eip);
    let told = server.moor("quota update --eips 3 --dry-run").unwrap();
    assert!(told.exit == 0 && told.out.contains("nothing was written"), "{told:?}");
    let stale =
        server.refuse(&format!("eip release web --expected-revision {}", stock.eip.position + 1)).unwrap();
    assert_eq!((stale.exit, stale.reason.as_str()), (1, "STALE_REVISION"));
    let refused = server.refuse("log --validate-only").unwrap();
    assert_eq!((refused.exit, refused.reason.as_str()), (2, "USAGE"));
}
