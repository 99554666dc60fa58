//! What is bound is held: it can be neither released nor deleted until it is unbound, and then can be bound anew.

use tonic::Code;

use crate::{
    given::*,
    refused::{not_found, refused},
};

#[tokio::test]
async fn a_bound_eip_and_a_bound_havip_stay_until_they_are_unbound() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let before = world.tail().await;
    let held = refused(world.release_eip(&stock.eip.name).await);
    assert_eq!(held.brief(), (Code::FailedPrecondition, "EIP_HELD", "name"));
    assert_eq!(held.in_the_way.as_ref(), Some(&bound.name));
    let held = refused(world.delete_havip(&stock.havip.name).await);
    assert_eq!(held.brief(), (Code::FailedPrecondition, "HAVIP_HELD", "name"));
    assert_eq!(held.in_the_way.as_ref(), Some(&bound.name));
    assert_eq!(world.tail().await, before);

    ok(world.unbind(&stock.eip.name).await);
    assert_eq!(refused(world.binding(&bound.name).await).brief(), not_found("name"), "it is gone");
    ok(world.release_eip(&stock.eip.name).await);
    ok(world.delete_havip(&stock.havip.name).await);
}

#[tokio::test]
async fn the_same_pair_can_be_bound_unbound_and_bound_again() {
    let (world, stock) = World::stocked().await;
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(ok(world.bind(&stock.eip.name, &stock.havip.name).await).name);
        ok(world.unbind(&stock.eip.name).await);
    }
    names.dedup();
    assert_eq!(names.len(), 3, "each a binding of its own: {names:?}");
    assert_eq!(ok(world.get_eip(&stock.eip.name).await), stock.eip);
}

#[tokio::test]
async fn an_unbind_of_what_is_not_bound_is_success_and_writes_nothing() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    assert_eq!(ok(world.unbind(&stock.eip.name).await).position, before);
    let nobodys = format!("{P1}/eips/{NOBODY}");
    assert_eq!(refused(world.unbind(&nobodys).await).brief(), not_found("eip"));
    let moved = world.bindings().r#move(shift(&nobodys, &stock.havip.name)).await;
    assert_eq!(refused(moved).brief(), not_found("eip"));
    let moved = refused(world.bindings().r#move(shift(&stock.eip.name, &stock.havip.name)).await);
    assert_eq!(moved.reason, "EIP_NOT_BOUND");
    assert_eq!(world.tail().await, before);
}

/// It answers at once, as for an EIP that does not exist, and says nothing of the owner's binding.
#[tokio::test]
async fn an_unbind_under_another_projects_name_changes_nothing_and_shows_nothing() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let before = world.tail().await;
    let theirs = stock.eip.name.replace(P1, P2);
    assert_eq!(refused(world.unbind(&theirs).await).brief(), not_found("eip"));
    assert_eq!(world.tail().await, before);
    assert_eq!(ok(world.binding(&bound.name).await).position, bound.position);
}
