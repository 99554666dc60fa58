//! A released address cools: for a while only the project that had it gets it again, by asking for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mooring_proto::resource::v1::{self as resource, eip::State};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

use crate::{
    given::*,
    quotas::limit,
    refused::{invalid, not_found, refused},
};

const DAY: Duration = Duration::from_hours(24);

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

async fn allocate(world: &World, scope: &str, address: &str) -> Result<Response<resource::Eip>, Status> {
    let mut request = allocate_eip(scope, "");
    request.eip.as_mut().unwrap().address = address.into();
    world.resource().allocate_eip(request).await
}

async fn pool(world: &World) -> resource::Pool {
    let name = format!("{R1}/pools/public");
    ok(world.resource().get_pool(resource::GetPoolRequest { name }).await)
}

#[tokio::test]
async fn for_a_day_a_released_address_is_for_the_project_that_had_it() {
    let (mut world, stock) = World::stocked().await;
    let before = now();
    let released = ok(world.release_eip(&stock.eip.name).await);
    let day = u64::try_from(DAY.as_nanos()).unwrap();
    assert!((before + day..=now() + day).contains(&released.cooling_ends_at), "{released:?}");
    let cooling = resource::Eip {
        state: State::Cooling.into(),
        cooling_ends_at: released.cooling_ends_at,
        position: released.position,
        ..stock.eip.clone()
    };
    world.crash().await;
    for last in [id(&stock.eip.name), "web", "203.0.113.0"] {
        assert_eq!(ok(world.get_eip(&format!("{P1}/eips/{last}")).await), cooling, "{last}");
        let others = refused(world.get_eip(&format!("{P2}/eips/{last}")).await);
        assert_eq!(others.brief(), not_found("name"), "{last}");
    }
    let pool = pool(&world).await;
    assert_eq!((pool.allocated, pool.cooling, pool.free), (0, Some(1), Some(15)));
    assert_eq!(Duration::from_millis(pool.cooling_ms.unwrap()), DAY);

    let tail = world.tail().await;
    let status = allocate(&world, P2, "203.0.113.0").await.unwrap_err();
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["cooling_ends_at"], released.cooling_ends_at.to_string());
    let refusal = refused::<resource::Eip>(Err(status));
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "ADDRESS_COOLING", "eip.address"));
    assert_eq!(refusal.in_the_way, None);
    assert!(!refusal.message.contains("p1"), "not whose it was: {refusal:?}");
    assert_eq!(world.tail().await, tail);
    assert_eq!(world.eip(P2, "next").await.address, "203.0.113.1", "nobody else gets it by chance");

    let again = ok(allocate(&world, P1, "203.0.113.0").await);
    assert_ne!(again.name, stock.eip.name);
    assert_eq!(ok(world.get_eip(&format!("{P1}/eips/203.0.113.0")).await), again);
    assert_eq!(refused(world.get_eip(&stock.eip.name).await).brief(), not_found("name"), "its time is over");
}

#[tokio::test]
async fn who_releases_and_allocates_in_turn_takes_no_other_address_away() {
    let (world, stock) = World::stocked().await;
    ok(world.release_eip(&stock.eip.name).await);
    for _ in 0..3 {
        let again = world.eip(P1, "").await;
        assert_eq!(again.address, stock.eip.address, "what is kept for it comes first");
        ok(world.release_eip(&again.name).await);
    }
    // Nor by asking for one after the other: what is kept for a project counts for its quota.
    let quotas = resource::Quotas { name: format!("{P1}/quotas"), eips: limit(3), ..Default::default() };
    let request = resource::UpdateQuotasRequest { quotas: Some(quotas), ..Default::default() };
    ok(world.resource().update_quotas(request).await);
    for address in ["203.0.113.7", "203.0.113.8"] {
        let other = ok(allocate(&world, P1, address).await);
        ok(world.release_eip(&other.name).await);
    }
    let refusal = refused(allocate(&world, P1, "203.0.113.9").await);
    assert_eq!((refusal.code, &*refusal.reason), (Code::ResourceExhausted, "QUOTA_EXCEEDED"));
    assert!(refusal.message.contains("3 addresses more are kept for it"), "{refusal:?}");
    for address in ["203.0.113.0", "203.0.113.7", "203.0.113.8"] {
        assert_eq!(world.eip(P1, "").await.address, address);
    }
    assert_eq!(refused(allocate(&world, P1, "203.0.113.9").await).reason, "QUOTA_EXCEEDED");
    assert_eq!(pool(&world).await.cooling, Some(0));
}

#[tokio::test]
async fn what_cools_is_neither_bound_nor_changed_nor_listed() {
    let (world, stock) = World::stocked().await;
    ok(world.release_eip(&stock.eip.name).await);
    let name = &stock.eip.name;
    let update = |name: String| {
        let eip = resource::Eip { name, description: "x".into(), ..Default::default() };
        resource::UpdateEipRequest { eip: Some(eip), ..Default::default() }
    };
    let (bindings, havip) = (world.bindings(), &stock.havip.name);
    let tail = world.tail().await;
    let cooling = |field| (Code::FailedPrecondition, "EIP_COOLING", field);
    for (refusal, field) in [
        (refused(world.bind(name, havip).await), "eip"),
        (refused(bindings.clone().r#move(shift(name, havip)).await), "eip"),
        (refused(world.unbind(name).await), "eip"),
        (refused(world.release_eip(name).await), "name"),
        (refused(world.resource().update_eip(update(name.clone())).await), "eip.name"),
    ] {
        assert_eq!(refusal.brief(), cooling(field), "{refusal:?}");
        assert!(refusal.message.contains(&stock.eip.address) && refusal.message.contains("Z"), "{refusal:?}");
    }
    // To anybody else it is not there.
    let (theirs, their_havip) = (name.replace(P1, P2), havip.replace(P1, P2));
    assert_eq!(refused(world.bind(&theirs, &their_havip).await).brief(), not_found("eip"));
    assert_eq!(refused(world.unbind(&theirs).await).brief(), not_found("eip"));
    assert_eq!(refused(world.release_eip(&theirs).await).brief(), not_found("name"));
    assert_eq!(refused(world.resource().update_eip(update(theirs)).await).brief(), not_found("eip.name"));
    assert_eq!(world.tail().await, tail);
    let list = resource::ListEipsRequest { parent: P1.into(), ..Default::default() };
    assert_eq!(ok(world.resource().list_eips(list).await).eips, []);
    assert_eq!(world.eip(P1, "web").await.display_name, "web", "its name is free");
}

#[tokio::test]
async fn an_address_that_has_cooled_is_anybodys_and_one_of_a_pool_without_cooling_at_once() {
    let world = World::new().await;
    world.pool_that_cools(R1, "short", "203.0.113.0/32", Some(50)).await;
    let eip = world.eip(P1, "").await;
    ok(world.release_eip(&eip.name).await);
    let mut request = allocate_eip(P2, "");
    request.eip.as_mut().unwrap().pool = format!("{R1}/pools/short");
    let next = wait_until("the address to have cooled", async || {
        world.resource().allocate_eip(request.clone()).await.map(Response::into_inner)
    })
    .await;
    assert_eq!(next.address, eip.address);
    assert_eq!(refused(world.get_eip(&eip.name).await).brief(), not_found("name"));

    world.pool_that_cools(R1, "none", "198.51.100.0/32", Some(0)).await;
    let eip = world.eip(P1, "").await;
    assert_eq!(ok(world.release_eip(&eip.name).await).cooling_ends_at, 0);
    assert_eq!(refused(world.get_eip(&eip.name).await).brief(), not_found("name"));
    assert_eq!(world.eip(P2, "").await.address, "198.51.100.0");
}

#[tokio::test]
async fn nothing_cools_for_more_than_a_year() {
    let world = World::new().await;
    let pool = resource::Pool {
        display_name: "public".into(),
        cidrs: vec!["203.0.113.0/28".into()],
        cooling_ms: Some(u64::MAX),
        ..Default::default()
    };
    let request = resource::CreatePoolRequest { parent: R1.into(), pool: Some(pool), ..Default::default() };
    assert_eq!(refused(world.resource().create_pool(request).await).brief(), invalid("pool.cooling_ms"));
}
