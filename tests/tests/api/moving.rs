//! Move: an EIP fronts another HAVIP by one command. What can't be moved stays as it was.

use mooring_proto::{binding::v1 as binding, dataplane::v1::Commit, event::v1::event::Kind};
use tonic::{Code, Response, Status};

use crate::{
    given::*,
    refused::{not_found, refused},
};

impl World {
    async fn shift(&self, eip: &str, havip: &str) -> Result<Response<binding::Binding>, Status> {
        self.bindings().r#move(shift(eip, havip)).await
    }
}

/// What a move writes: resource's and binding's own.
fn step(kind: &Kind) -> &'static str {
    match kind {
        Kind::BindRequested(_) => "requested",
        Kind::HoldPlaced(_) => "held",
        Kind::UnbindRequested(_) => "leaves",
        Kind::Bound(_) => "bound",
        Kind::HoldReleased(_) => "released",
        Kind::Unbound(_) => "gone",
        Kind::BindFailed(_) => "failed",
        _ => "another",
    }
}

/// Until the binding that was left is over.
async fn gone(world: &World, binding: &str) {
    wait_until("the binding that was left to be over", async || match world.binding(binding).await {
        Err(status) if status.code() == Code::NotFound => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

#[tokio::test]
async fn an_eip_moves_in_order_the_new_havip_is_held_first_and_the_old_one_released_last() {
    let (world, stock) = World::stocked().await;
    let back = world.havip(&stock.subnet, "back", "", &[&stock.b]).await;
    let old = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let before = world.tail().await;
    let moved = ok(world.shift(&stock.eip.name, &back.name).await);
    assert_eq!(moved.state(), binding::binding::State::InUse);
    assert_eq!((&moved.havip, &moved.moved_from), (&back.name, &old.name));
    gone(&world, &old.name).await;
    let steps: Vec<_> = world.events(before).await.iter().map(step).collect();
    assert_eq!(steps, ["requested", "held", "leaves", "bound", "released", "gone"]);
    let eip = ok(world.get_eip(&stock.eip.name).await);
    assert_eq!(eip.binding, moved.name);
    ok(world.delete_havip(&stock.havip.name).await);
    let held = refused(world.release_eip(&stock.eip.name).await);
    assert_eq!(held.in_the_way.as_ref(), Some(&moved.name), "the EIP is held by the new binding");
    ok(world.unbind(&stock.eip.name).await);
    ok(world.release_eip(&stock.eip.name).await);
}

#[tokio::test]
async fn the_same_move_again_and_a_retry_of_it_write_nothing() {
    let (world, stock) = World::stocked().await;
    let back = world.havip(&stock.subnet, "back", "", &[]).await;
    let old = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let request = binding::MoveRequest {
        request_id: uuid::Uuid::now_v7().to_string(),
        ..shift(&stock.eip.name, &back.name)
    };
    let moved = ok(world.bindings().r#move(request.clone()).await);
    gone(&world, &old.name).await;
    let before = world.tail().await;
    assert_eq!(ok(world.bindings().r#move(request).await).name, moved.name);
    assert_eq!(ok(world.shift(&stock.eip.name, &back.name).await).name, moved.name);
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn a_move_to_a_havip_that_is_not_there_comes_to_nothing_and_the_old_binding_stays() {
    let (world, stock) = World::stocked().await;
    let old = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let nowhere = format!("{P1}/havips/{NOBODY}");
    let failed = refused(world.shift(&stock.eip.name, &nowhere).await);
    assert_eq!((failed.code, failed.reason.as_str()), (Code::NotFound, "NOT_FOUND"));
    let still = ok(world.binding(&old.name).await);
    assert_eq!((still.state(), still.position), (old.state(), old.position), "nobody has touched it");
    assert_eq!(ok(world.get_eip(&stock.eip.name).await).binding, old.name);
    let back = world.havip(&stock.subnet, "back", "", &[]).await;
    ok(world.shift(&stock.eip.name, &back.name).await);
}

#[tokio::test]
async fn a_move_to_a_havip_of_the_other_family_stores_nothing() {
    let (world, stock) = World::stocked().await;
    ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let subnet = world.subnet(P1, "six", &stock.vpc, "fd00:1::/64").await;
    let six = world.havip(&subnet, "six", "", &[]).await;
    let before = world.tail().await;
    let refusal = refused(world.shift(&stock.eip.name, &six.name).await);
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "FAMILY_DIFFERS", "havip"));
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn what_is_in_the_way_of_a_move_is_named() {
    let (world, stock) = World::stocked().await;
    let back = world.havip(&stock.subnet, "back", "", &[]).await;
    let before = world.tail().await;
    let free = refused(world.shift(&stock.eip.name, &back.name).await);
    assert_eq!(free.brief(), (Code::FailedPrecondition, "EIP_NOT_BOUND", "eip"));
    assert_eq!(world.tail().await, before);
    let other = world.eip(P1, "other").await;
    let fronting = ok(world.bind(&other.name, &back.name).await);
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let before = world.tail().await;
    let taken = refused(world.shift(&stock.eip.name, &back.name).await);
    assert_eq!(taken.brief(), (Code::FailedPrecondition, "HAVIP_TAKEN", "havip"));
    assert_eq!(taken.in_the_way.as_ref(), Some(&fronting.name));
    let stale = binding::MoveRequest {
        expected_revision: bound.position + 1,
        ..shift(&stock.eip.name, &format!("{P1}/havips/{NOBODY}"))
    };
    assert_eq!(refused(world.bindings().r#move(stale).await).reason, "STALE_REVISION");
    let theirs = shift(&stock.eip.name.replace(P1, P2), &back.name.replace(P1, P2));
    let nothing = refused(world.bindings().r#move(theirs).await);
    assert_eq!(nothing.brief(), not_found("eip"), "as one that nobody has");
    assert_eq!(nothing.in_the_way, None);
    assert_eq!(world.tail().await, before);
}

/// The log of several clients that move the same EIPs between the same HAVIPs: no overlap, ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn movers_that_fight_never_make_an_eip_front_two_havips() {
    let (world, stock) = World::stocked().await;
    let mut havips = vec![stock.havip.name.clone()];
    for name in ["second", "third", "fourth"] {
        havips.push(world.havip(&stock.subnet, name, "", &[]).await.name);
    }
    let eips = [stock.eip.name.clone(), world.eip(P1, "two").await.name];
    for (eip, havip) in eips.iter().zip(&havips) {
        ok(world.bind(eip, havip).await);
    }
    let movers = (0..8).map(|mover: usize| {
        let (client, eips, havips) = (world.bindings(), eips.clone(), havips.clone());
        tokio::spawn(async move {
            for turn in 0..15 {
                let (eip, havip) = (&eips[(mover + turn) % 2], &havips[(mover * 7 + turn * 3) % 4]);
                let outcome = client.clone().r#move(shift(eip, havip)).await;
                let refusal = outcome.err().map(|status| status.code());
                let expected = [None, Some(Code::Aborted), Some(Code::FailedPrecondition)];
                assert!(expected.contains(&refusal), "{refusal:?}");
            }
        })
    });
    for mover in movers.collect::<Vec<_>>() {
        mover.await.unwrap();
    }
    let mut fronts = std::collections::HashMap::new();
    let commits: Vec<Commit> = world.commits_of(R1, 0).await;
    let kinds = commits.into_iter().flat_map(|commit| commit.events).filter_map(|event| event.kind);
    for kind in kinds {
        match kind {
            Kind::Bound(bound) => {
                let (eip, havip) = (bound.eip.unwrap().eip_id, bound.havip.unwrap().havip_id);
                assert!(!fronts.values().any(|other| *other == havip), "a HAVIP has two EIPs");
                assert_eq!(fronts.insert(eip, havip), None, "an EIP fronts two HAVIPs");
            }
            // From here on gateways take it out; what it moves to is bound when all of them have.
            Kind::UnbindRequested(unbind) => {
                let eip = unbind.eip.unwrap().eip_id;
                assert_eq!(fronts.remove(&eip), Some(unbind.havip.unwrap().havip_id));
            }
            _ => {}
        }
    }
    assert_eq!(fronts.len(), 2);
}
