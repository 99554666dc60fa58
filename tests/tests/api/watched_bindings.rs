//! A watch of bindings begins with what there is, goes on with every change and with what gateways have applied of it, and
//! from any position without a gap; and whoever only wants to know when kernels have it can wait for that.

use mooring_proto::{
    binding::v1::{Binding, WaitAppliedRequest, WatchBindingsRequest, WatchBindingsResponse, binding::State},
    resource::v1::Vpc,
};
use tonic::{Code, Response, Status};

use crate::{
    gateways::{GW_2, decommission, register, report, stuck},
    given::*,
    refused::{invalid, not_found, refused},
    watched::Watched,
};

fn of_project(after: u64) -> WatchBindingsRequest {
    WatchBindingsRequest { parent: P1.into(), after, ..Default::default() }
}

async fn watch(world: &World, request: WatchBindingsRequest) -> Watched<WatchBindingsResponse> {
    Watched::begin(world.bindings().watch_bindings(request).await)
}

/// Reads on until it is told that a binding is in this state, with everything that gateways have to do for it done or not.
async fn until(watched: &mut Watched<WatchBindingsResponse>, state: State, applied: bool) -> Binding {
    loop {
        for binding in watched.next().await.bindings {
            let all = binding.gateways.iter().all(|gateway| gateway.applied);
            if binding.state() == state && all == applied {
                return binding;
            }
        }
    }
}

async fn until_gone(watched: &mut Watched<WatchBindingsResponse>) -> (Vec<String>, u64) {
    loop {
        let answer = watched.next().await;
        if !answer.gone.is_empty() {
            return (answer.gone, answer.position);
        }
    }
}

#[tokio::test]
async fn each_change_is_told_as_it_is_stored_and_again_when_a_gateway_has_applied_it() {
    let (world, stock) = World::stocked().await;
    register(&world).await;
    let mut watched = watch(&world, of_project(0)).await;
    let first = watched.next().await;
    assert_eq!((first.bindings, first.gone, first.position), (vec![], vec![], world.tail().await));

    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let told = until(&mut watched, State::InUse, false).await;
    assert_eq!((&told.name, told.position), (&bound.name, bound.position));
    ok(report(&world, GW_2, bound.position, vec![]).await);
    let told = until(&mut watched, State::InUse, true).await;
    assert_eq!(told, ok(world.binding(&bound.name).await));

    let (mut bindings, request) = (world.bindings(), unbind(&stock.eip.name));
    let answer = tokio::spawn(async move { bindings.unbind(request).await });
    let leaving = until(&mut watched, State::Unassociating, false).await;
    ok(report(&world, GW_2, leaving.position, vec![]).await);
    assert_eq!(until_gone(&mut watched).await.0, [&*bound.name]);
    ok(answer.await.unwrap());
    assert_eq!(refused(world.binding(&bound.name).await).brief(), not_found("name"));
}

#[tokio::test]
async fn who_goes_on_is_told_what_changed_since_and_what_is_gone_also_after_a_crash() {
    let (mut world, stock) = World::stocked().await;
    let (eip, havip) = (world.eip(P1, "").await, world.havip(&stock.subnet, "back", "", &[]).await);
    let kept = ok(world.bind(&eip.name, &havip.name).await);
    let gone = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let mut watched = watch(&world, of_project(0)).await;
    let all = watched.next().await;
    assert_eq!(all.bindings.iter().map(|of| &of.name).collect::<Vec<_>>(), [&kept.name, &gone.name]);
    drop(watched);

    ok(world.unbind(&stock.eip.name).await);
    world.crash().await;
    let mut watched = watch(&world, of_project(all.position)).await;
    let since = watched.next().await;
    assert_eq!((since.bindings, since.gone, since.position), (vec![], vec![gone.name], world.tail().await));
    let again = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let told = watched.next().await;
    assert_eq!(told.bindings[0].name, again.name);

    let alone = WatchBindingsRequest { binding: kept.name.clone(), ..of_project(0) };
    let mut alone = watch(&world, alone).await;
    assert_eq!(alone.next().await.bindings[0].name, kept.name);
    ok(world.unbind(&stock.eip.name).await);
    ok(world.unbind(&eip.name).await);
    assert_eq!(until_gone(&mut alone).await.0, [&*kept.name], "and of no other");
}

#[tokio::test]
async fn a_watch_of_what_is_not_there_is_refused() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let watch = async |request| refused(world.bindings().watch_bindings(request).await);
    let outside = watch(of_project(world.tail().await + 1000)).await;
    assert_eq!(outside.brief(), (Code::NotFound, "OUTSIDE_THE_LOG", "after"));
    let of_p2 = WatchBindingsRequest { parent: P2.into(), binding: bound.name.clone(), after: 0 };
    assert_eq!(watch(of_p2).await.brief(), invalid("binding"));
    let unknown = format!("{P1}/bindings/{NOBODY}");
    let unknown = WatchBindingsRequest { binding: unknown, ..of_project(0) };
    assert_eq!(watch(unknown).await.brief(), not_found("binding"));
    let nowhere = WatchBindingsRequest { parent: "nowhere".into(), ..Default::default() };
    assert_eq!(watch(nowhere).await.brief(), invalid("parent"));
}

type Applied = Result<Response<mooring_proto::binding::v1::WaitAppliedResponse>, Status>;

async fn wait_applied(world: &World, position: u64, gateways: &[&str], vpc: Option<&Vpc>) -> Applied {
    let gateways = gateways.iter().map(|name| (*name).to_owned()).collect();
    let vpc = vpc.map(|vpc| vpc.name.clone()).unwrap_or_default();
    let request = WaitAppliedRequest { parent: R1.into(), position, gateways, vpc };
    world.bindings().wait_applied(request).await
}

#[tokio::test]
async fn a_position_is_waited_for_at_the_gateways_that_were_asked_for_in_the_vpc_that_was() {
    let (world, stock) = World::stocked().await;
    register(&world).await;
    let position = world.tail().await;
    let waiting = {
        let (mut bindings, parent) = (world.bindings(), R1.to_owned());
        tokio::spawn(async move {
            bindings.wait_applied(WaitAppliedRequest { parent, ..Default::default() }).await
        })
    };
    ok(report(&world, GW_2, position - 1, vec![]).await);
    ok(report(&world, GW_2, position, vec![]).await);
    let done = ok(waiting.await.unwrap());
    assert_eq!(done.position, position, "the log's end");
    assert!(done.gateways.iter().any(|name| name == GW_2), "{:?}", done.gateways);

    // Stuck in another VPC, which holds up nobody who asks for this one.
    let red = world.vpc(P2, "red").await;
    let position = world.tail().await;
    ok(report(&world, GW_2, position, vec![stuck(&red, 1, false)]).await);
    ok(wait_applied(&world, position, &[GW_2], Some(&stock.vpc)).await);
    let late = refused(wait_applied(&world, position, &[GW_2], None).await);
    assert_eq!((late.code, &*late.reason), (Code::DeadlineExceeded, "STILL_UNDER_WAY"));
    assert!(late.message.contains("gw-2: a table of somebody else"), "{}", late.message);
}

#[tokio::test]
async fn nobody_waits_for_what_can_not_come() {
    let (world, _) = World::stocked().await;
    register(&world).await;
    let refuse =
        async |position, gateways: &[&str]| refused(wait_applied(&world, position, gateways, None).await);
    let beyond = world.tail().await + 1000;
    assert_eq!(refuse(beyond, &[]).await.brief(), (Code::NotFound, "OUTSIDE_THE_LOG", "position"));
    assert_eq!(refuse(1, &["regions/r1/gateways/gw-9"]).await.brief(), not_found("gateways"));
    assert_eq!(refuse(1, &["gw-2"]).await.brief(), invalid("gateways"));
    assert_eq!(refuse(1, &["regions/r2/gateways/gw-2"]).await.brief(), invalid("gateways"));
    ok(decommission(&world, GW_2).await);
    let expected = (Code::FailedPrecondition, "NOT_REGISTERED", "gateways");
    assert_eq!(refuse(1, &[GW_2]).await.brief(), expected);
}
