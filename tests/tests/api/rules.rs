//! The four rules of a binding: same region, the EIP is free, one EIP per HAVIP, and it points at the HAVIP. Who breaks
//! one is told which, and who is in the way.

use mooring_proto::{
    binding::v1::{self as binding, binding::State},
    resource::v1 as resource,
};
use tonic::Code;

use crate::{
    given::*,
    refused::{not_found, refused},
};

const OTHER_REGION: (Code, &str, &str) = (Code::FailedPrecondition, "OTHER_REGION", "havip");

#[tokio::test]
async fn another_region_is_refused_before_anything_is_looked_up_or_served() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let (eip, havip) = (&stock.eip.name, &stock.havip.name);
    let in_r2 = |name: &str| name.replace("regions/r1", "regions/r2");
    // This server has never heard of r2, nor has anybody of these ids there.
    let refusals = [
        refused(world.bind(&in_r2(eip), havip).await),
        refused(world.bind(eip, &in_r2(havip)).await),
        refused(world.bind(&format!("projects/p1/regions/r2/eips/{NOBODY}"), havip).await),
        refused(world.bind(&in_r2(eip), &format!("{P1}/havips/{NOBODY}")).await),
    ];
    for refusal in refusals {
        assert_eq!(refusal.brief(), OTHER_REGION, "{refusal:?}");
        assert!(refusal.message.contains("r1") && refusal.message.contains("r2"), "{refusal:?}");
        assert!(!refusal.retryable);
    }
    let both = refused(world.bind(&in_r2(eip), &in_r2(havip)).await);
    assert_eq!(both.brief(), not_found("havip"), "the same region, but not one of this server");
    assert!(both.message.contains("this server serves r1, not r2"), "{both:?}");
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn a_taken_eip_and_a_taken_havip_name_the_binding_in_the_way() {
    let (world, stock) = World::stocked().await;
    let (eip, havip) = (world.eip(P1, "second").await, world.havip(&stock.subnet, "second", "", &[]).await);
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let before = world.tail().await;
    let taken = refused(world.bind(&stock.eip.name, &havip.name).await);
    assert_eq!(taken.brief(), (Code::FailedPrecondition, "EIP_TAKEN", "eip"));
    assert_eq!(taken.in_the_way.as_ref(), Some(&bound.name));
    let taken = refused(world.bind(&eip.name, &stock.havip.name).await);
    assert_eq!(taken.brief(), (Code::FailedPrecondition, "HAVIP_TAKEN", "havip"));
    assert_eq!(taken.in_the_way.as_ref(), Some(&bound.name));
    assert_eq!(world.tail().await, before, "a refusal writes nothing");
    ok(world.bind(&eip.name, &havip.name).await);
}

#[tokio::test]
async fn the_same_pair_again_is_success_and_writes_nothing() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let before = world.tail().await;
    let again = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    assert_eq!((again.name, again.position), (bound.name, bound.position));
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn another_projects_havip_is_refused() {
    let (world, stock) = World::stocked().await;
    let vpc = world.vpc(P2, "blue").await;
    let subnet = world.subnet(P2, "web", &vpc, "10.0.1.0/24").await;
    let (havip, eip) = (world.havip(&subnet, "front", "", &[]).await, world.eip(P2, "web").await);
    let before = world.tail().await;
    for (eip, havip) in [(&stock.eip.name, &havip.name), (&eip.name, &stock.havip.name)] {
        let refusal = refused(world.bind(eip, havip).await);
        assert_eq!(refusal.brief(), (Code::FailedPrecondition, "OTHER_PROJECT", "havip"));
    }
    assert_eq!(world.tail().await, before);
    // Whoever writes somebody else's id under a name of their own gets nothing either.
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let stolen = format!("{P2}/eips/{}", id(&stock.eip.name));
    assert_eq!(refused(world.bind(&stolen, &havip.name).await).brief(), not_found("eip"));
    assert_eq!(ok(world.binding(&bound.name).await).position, bound.position);
}

/// Only resource knows what exists: it is asked before anything is stored.
#[tokio::test]
async fn a_bind_of_what_does_not_exist_is_refused_and_leaves_nothing_behind() {
    let (world, stock) = World::stocked().await;
    let (no_eip, no_havip) = (format!("{P1}/eips/{NOBODY}"), format!("{P1}/havips/{NOBODY}"));
    let before = world.tail().await;
    for (eip, havip, missing) in [(&no_eip, &stock.havip.name, "eip"), (&stock.eip.name, &no_havip, "havip")]
    {
        let request =
            binding::BindRequest { request_id: uuid::Uuid::now_v7().to_string(), ..bind(eip, havip) };
        for _ in 0..2 {
            let refusal = refused(world.bindings().bind(request.clone()).await);
            assert_eq!(refusal.brief(), not_found(missing));
            assert!(refusal.message.contains(NOBODY), "{refusal:?}");
        }
    }
    let request = binding::ListBindingsRequest { parent: P1.into(), ..Default::default() };
    assert_eq!(ok(world.bindings().list_bindings(request).await).bindings, []);
    assert_eq!(world.tail().await, before, "nothing was stored");
    assert_eq!(ok(world.get_eip(&stock.eip.name).await), stock.eip, "AVAILABLE and without a binding");
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    assert_eq!(bound.state(), State::InUse);
    let before = world.tail().await;
    assert_eq!(
        refused(world.bindings().r#move(shift(&stock.eip.name, &no_havip)).await).brief(),
        not_found("havip")
    );
    assert_eq!(world.tail().await, before, "nor by a move");
}

/// What was there before is not asked for again: such a bind is stored, fails, and lets go of everything.
#[tokio::test]
async fn a_bind_of_what_is_gone_since_fails_once_and_leaves_the_other_free() {
    let (world, stock) = World::stocked().await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    ok(world.unbind(&stock.eip.name).await);
    ok(world.delete_havip(&stock.havip.name).await);
    for _ in 0..3 {
        let refusal = refused(world.bind(&stock.eip.name, &stock.havip.name).await);
        assert_eq!(refusal.brief(), not_found("havip"));
    }
    let request = binding::ListBindingsRequest { parent: P1.into(), ..Default::default() };
    let failed = ok(world.bindings().list_bindings(request).await).bindings;
    assert_eq!(failed.iter().map(binding::Binding::state).collect::<Vec<_>>(), [State::Failed]);
    assert!(failed[0].failure.starts_with("NOT_FOUND: "), "{failed:?}");
    let eip = ok(world.get_eip(&stock.eip.name).await);
    assert_eq!((eip.state(), eip.binding.as_str()), (resource::eip::State::Available, ""));
}
