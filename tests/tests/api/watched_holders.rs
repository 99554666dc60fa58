//! A watch of holders begins with what there is, goes on with every change, and from any position of it without a gap.

use mooring_proto::health::v1::{Holder, WatchHoldersRequest, WatchHoldersResponse, holder::State};
use tonic::Code;

use crate::{
    claims::*,
    given::*,
    refused::{invalid, not_found, refused},
    watched::Watched,
};

fn of_project(after: u64) -> WatchHoldersRequest {
    WatchHoldersRequest { parent: P1.into(), after, ..Default::default() }
}

async fn watch(world: &World, request: WatchHoldersRequest) -> Watched<WatchHoldersResponse> {
    Watched::begin(world.health().watch_holders(request).await)
}

/// The holder in an answer about one HAVIP.
async fn one(watched: &mut Watched<WatchHoldersResponse>) -> (Holder, u64) {
    let answer = watched.next().await;
    assert_eq!((answer.holders.len(), &answer.deleted[..]), (1, &[][..]), "{answer:?}");
    (answer.holders[0].clone(), answer.position)
}

#[tokio::test]
async fn a_watch_begins_with_what_there_is_and_tells_each_change_as_it_is_stored() {
    let (world, stock) = World::stocked().await;
    let mut watched = watch(&world, of_project(0)).await;
    let (first, position) = one(&mut watched).await;
    assert_eq!((first.state(), position), (State::None, world.tail().await));
    for (vnic, seconds) in [(&stock.a, 9), (&stock.b, 8)] {
        claims(&world, &stock.havip, vnic, ago(seconds)).await;
        let (told, position) = one(&mut watched).await;
        assert_eq!((&told, position), (&holder(&world, &stock.havip).await, world.tail().await));
        assert_eq!(told.instance, vnic.instance);
    }
    // What others do, and what changes nothing of a holder, is not told.
    let red = world.vpc(P2, "red").await;
    let red = world.subnet(P2, "red", &red, "10.0.1.0/24").await;
    world.havip(&red, "red", "", &[]).await;
    claims(&world, &stock.havip, &stock.b, ago(7)).await;
    let back = world.havip(&stock.subnet, "back", "", &[]).await;
    let (made, _) = one(&mut watched).await;
    assert_eq!((made.state(), made.havip), (State::None, back.name.clone()));
    ok(world.delete_havip(&back.name).await);
    let answer = watched.next().await;
    assert_eq!((answer.holders, answer.deleted), (vec![], vec![back.name]));
}

#[tokio::test]
async fn who_goes_on_is_told_what_changed_since_as_it_is_now() {
    let (mut world, stock) = World::stocked().await;
    let quiet = world.havip(&stock.subnet, "quiet", "", &[]).await;
    let gone = world.havip(&stock.subnet, "gone", "", &[]).await;
    let mut watched = watch(&world, of_project(0)).await;
    let all = watched.next().await;
    assert_eq!(all.holders.len(), 3);
    claims(&world, &stock.havip, &stock.a, ago(9)).await;
    let (_, position) = one(&mut watched).await;
    drop(watched);

    claims(&world, &stock.havip, &stock.b, ago(8)).await;
    ok(world.delete_havip(&gone.name).await);
    world.crash().await;
    for (after, seconds) in [(all.position, 7), (position, 5)] {
        let mut watched = watch(&world, of_project(after)).await;
        let answer = watched.next().await;
        assert_eq!(answer.holders, [holder(&world, &stock.havip).await], "nothing of {}", quiet.name);
        assert_eq!((answer.deleted, answer.position), (vec![gone.name.clone()], world.tail().await));
        claims(&world, &stock.havip, &stock.a, ago(seconds)).await;
        assert_eq!(one(&mut watched).await.0.instance, "vm-a");
        claims(&world, &stock.havip, &stock.b, ago(seconds - 1)).await;
        assert_eq!(one(&mut watched).await.0.instance, "vm-b");
    }
    // Whoever has missed nothing is told so, and waits for what comes.
    let tail = world.tail().await;
    let mut watched = watch(&world, of_project(tail)).await;
    let nothing = watched.next().await;
    assert_eq!((nothing.holders, nothing.deleted, nothing.position), (vec![], vec![], tail));
    claims(&world, &stock.havip, &stock.a, ago(3)).await;
    assert_eq!(one(&mut watched).await.0.instance, "vm-a");
}

#[tokio::test]
async fn one_havip_can_be_watched_alone() {
    let (world, stock) = World::stocked().await;
    let back = world.havip(&stock.subnet, "back", "", &[&stock.a, &stock.b]).await;
    let request = WatchHoldersRequest { havip: back.name.clone(), ..of_project(0) };
    let mut watched = watch(&world, request.clone()).await;
    assert_eq!(one(&mut watched).await.0.havip, back.name);
    claims(&world, &stock.havip, &stock.a, ago(9)).await;
    claims(&world, &back, &stock.b, ago(9)).await;
    let (told, position) = one(&mut watched).await;
    assert_eq!((&*told.havip, &*told.instance), (&*back.name, "vm-b"));
    ok(world.delete_havip(&back.name).await);
    assert_eq!(watched.next().await.deleted, [&*back.name]);
    let mut later = watch(&world, WatchHoldersRequest { after: position, ..request.clone() }).await;
    assert_eq!(later.next().await.deleted, [&*back.name], "also to whoever comes later");
    assert_eq!(refused(world.health().watch_holders(request).await).brief(), not_found("havip"));
}

#[tokio::test]
async fn a_watch_of_what_is_not_there_is_refused() {
    let (world, stock) = World::stocked().await;
    let refuse = async |request| refused(world.health().watch_holders(request).await);
    let outside = refuse(of_project(world.tail().await + 1000)).await;
    assert_eq!(outside.brief(), (Code::NotFound, "OUTSIDE_THE_LOG", "after"));
    let of_p2 = WatchHoldersRequest { parent: P2.into(), havip: stock.havip.name.clone(), after: 0 };
    assert_eq!(refuse(of_p2).await.brief(), invalid("havip"));
    let malformed = WatchHoldersRequest { havip: "front".into(), ..of_project(0) };
    assert_eq!(refuse(malformed).await.brief(), invalid("havip"));
    let nowhere = WatchHoldersRequest { parent: "nowhere".into(), ..Default::default() };
    assert_eq!(refuse(nowhere).await.brief(), invalid("parent"));
}
