//! What is under way in one project is for another as what nobody has: not even for a moment is it told that it is there.

use mooring_proto::binding::v1::{self as binding, binding::State};

use crate::{
    gateways,
    given::*,
    refused::{not_found, refused},
};

#[tokio::test]
async fn a_havip_that_is_being_moved_to_is_not_there_for_another_project() {
    let (world, stock) = World::stocked().await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let to = world.havip(&stock.subnet, "to", "", &[]).await;
    // A gateway that takes nothing out: the new binding stays ASSOCIATING.
    gateways::register(&world).await;
    let (mut asked, request) = (world.bindings(), shift(&stock.eip.name, &to.name));
    let moving = tokio::spawn(async move { asked.r#move(request).await });
    wait_until("the move to be under way, and its old binding to leave", async || {
        let request = binding::ListBindingsRequest { parent: P1.into(), ..Default::default() };
        let bindings = ok(world.bindings().list_bindings(request).await).bindings;
        let mut states: Vec<_> = bindings.iter().map(binding::Binding::state).collect();
        states.sort_unstable();
        if states == [State::Associating, State::Unassociating] { Ok(()) } else { Err(bindings) }
    })
    .await;
    let own = world.vpc(P2, "own").await;
    let ours = world.subnet(P2, "own", &own, "10.0.1.0/24").await;
    let (own, eip, other) = (
        world.havip(&ours, "own", "10.0.1.7", &[]).await,
        world.eip(P2, "own").await,
        world.eip(P2, "other").await,
    );
    ok(world.bind(&other.name, &own.name).await);
    let free = world.havip(&ours, "free", "10.0.1.8", &[]).await;
    let before = world.tail().await;
    let (theirs, wrong) = (to.name.replace(P1, P2), format!("{P2}/havips/{NOBODY}"));
    let bound = refused(world.bind(&eip.name, &theirs).await);
    assert_eq!(bound.brief(), not_found("havip"));
    assert_eq!(bound.message.replace(&theirs, &wrong), refused(world.bind(&eip.name, &wrong).await).message);
    let moved = refused(world.bindings().r#move(shift(&other.name, &theirs)).await);
    assert_eq!(moved.brief(), not_found("havip"));
    let validated = binding::BindRequest { validate_only: true, ..bind(&eip.name, &theirs) };
    assert_eq!(refused(world.bindings().bind(validated).await).brief(), not_found("havip"));
    let theirs = stock.eip.name.replace(P1, P2);
    for havip in [&own, &free] {
        let bound = refused(world.bind(&theirs, &havip.name).await);
        let wrong = format!("{P2}/eips/{NOBODY}");
        let not_there = refused(world.bind(&wrong, &havip.name).await);
        assert_eq!(bound.brief(), not_there.brief());
        assert_eq!(bound.message.replace(&theirs, &wrong), not_there.message);
    }
    assert_eq!(refused(world.bind(&theirs, &free.name).await).brief(), not_found("eip"));
    let events = format!("{:?}", world.events(before).await);
    assert!(!events.contains("HoldPlaced"), "{events}");
    // Its own project is told that it is taken, and by whom.
    let another = world.eip(P1, "another").await;
    let taken = refused(world.bind(&another.name, &to.name).await);
    assert_eq!(taken.reason, "HAVIP_IN_TRANSITION");
    ok(gateways::decommission(&world, gateways::GW_2).await);
    ok(moving.await.unwrap());
}
