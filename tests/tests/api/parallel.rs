//! Many callers at once: one wins where only one can, all win where all can, and every binding's events come in an order
//! that is legal.

use std::collections::BTreeMap;

use futures::future::join_all;
use mooring_proto::{
    binding::v1::{self as binding, binding::State},
    event::v1::event::Kind,
};
use tonic::Code;

use crate::{given::*, refused::refused};

/// A step in a binding's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    BindRequested,
    HoldPlaced,
    Bound,
    UnbindRequested,
    HoldReleased,
    Unbound,
    BindFailed,
}

fn step(event: Kind) -> Option<(Vec<u8>, Step)> {
    let (id, step) = match event {
        Kind::BindRequested(event) => (event.binding_id, Step::BindRequested),
        Kind::HoldPlaced(event) => (event.binding_id, Step::HoldPlaced),
        Kind::Bound(event) => (event.binding_id, Step::Bound),
        Kind::UnbindRequested(event) => (event.binding_id, Step::UnbindRequested),
        Kind::HoldReleased(event) => (event.binding_id, Step::HoldReleased),
        Kind::Unbound(event) => (event.binding_id, Step::Unbound),
        Kind::BindFailed(event) => (event.binding_id, Step::BindFailed),
        _ => return None,
    };
    Some((id.to_vec(), step))
}

/// The life of every binding, from the log. A hold may stand before its request, and, for one that was refused, without.
async fn lives(world: &World) -> Vec<Vec<Step>> {
    let mut lives: BTreeMap<Vec<u8>, Vec<Step>> = BTreeMap::new();
    for (id, step) in world.events(0).await.into_iter().filter_map(step) {
        lives.entry(id).or_default().push(step);
    }
    let refused =
        |life: &Vec<Step>| *life == [Step::HoldPlaced] || *life == [Step::HoldPlaced, Step::HoldReleased];
    let mut lives: Vec<_> = lives.into_values().filter(|life| !refused(life)).collect();
    for life in &mut lives {
        if life.starts_with(&[Step::HoldPlaced, Step::BindRequested]) {
            life.swap(0, 1);
        }
    }
    lives
}

const IN_USE: [Step; 3] = [Step::BindRequested, Step::HoldPlaced, Step::Bound];
const OVER: [Step; 6] = [
    Step::BindRequested,
    Step::HoldPlaced,
    Step::Bound,
    Step::UnbindRequested,
    Step::HoldReleased,
    Step::Unbound,
];
const FAILED: [Step; 3] = [Step::BindRequested, Step::HoldReleased, Step::BindFailed];

#[tokio::test]
async fn of_32_who_bind_one_eip_one_wins_and_the_others_are_told_who() {
    let (world, stock) = World::stocked().await;
    world.raise_quotas(P1).await;
    let names: Vec<String> = (0..32).map(|n| format!("h{n}")).collect();
    let havips = join_all(names.iter().map(|name| world.havip(&stock.subnet, name, "", &[]))).await;
    let binds = join_all(havips.iter().map(|havip| world.bind(&stock.eip.name, &havip.name))).await;
    let (won, lost): (Vec<_>, Vec<_>) = binds.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let winner = won.into_iter().map(ok).next().unwrap();
    assert_eq!(winner.state(), State::InUse);
    for lost in lost {
        let lost = refused(lost);
        assert_eq!(lost.in_the_way.as_ref(), Some(&winner.name), "{lost:?}");
        match lost.code {
            Code::Aborted => assert!(lost.retryable && lost.reason == "EIP_IN_TRANSITION", "{lost:?}"),
            _ => assert_eq!(lost.brief(), (Code::FailedPrecondition, "EIP_TAKEN", "eip")),
        }
    }
    assert_eq!(lives(&world).await, [IN_USE]);
}

#[tokio::test]
async fn of_16_eips_bound_to_one_havip_one_wins() {
    let (world, stock) = World::stocked().await;
    let eips = join_all((1..16).map(|_| world.eip(P1, ""))).await;
    let binds = join_all(eips.iter().map(|eip| world.bind(&eip.name, &stock.havip.name))).await;
    let won = binds.into_iter().filter(Result::is_ok).map(ok).collect::<Vec<_>>();
    assert_eq!(won.len(), 1);
    assert_eq!(ok(world.get_havip(&stock.havip.name).await).binding, won[0].name);
    assert_eq!(lives(&world).await, [IN_USE]);
}

#[tokio::test]
async fn two_hundred_binds_and_unbinds_at_once_all_land() {
    let world = World::new().await;
    world.pool(R1, "public", "203.0.113.0/24").await;
    let vpc = world.vpc(P1, "blue").await;
    let subnet = world.subnet(P1, "web", &vpc, "10.0.0.0/16").await;
    world.raise_quotas(P1).await;
    let names: Vec<String> = (0..200).map(|n| format!("n{n}")).collect();
    let havips = join_all(names.iter().map(|name| world.havip(&subnet, name, "", &[]))).await;
    let eips = join_all(names.iter().map(|name| world.eip(P1, name))).await;

    let pairs = eips.iter().zip(&havips);
    let bound = join_all(pairs.map(|(eip, havip)| world.bind(&eip.name, &havip.name))).await;
    for (bound, (eip, havip)) in bound.into_iter().map(ok).zip(eips.iter().zip(&havips)) {
        assert_eq!((bound.state(), &bound.eip, &bound.havip), (State::InUse, &eip.name, &havip.name));
    }
    // One that can come to nothing, among those that go on, and leaves nothing.
    refused(world.bind(&format!("{P1}/eips/{NOBODY}"), &format!("{P1}/havips/{NOBODY}")).await);

    join_all(eips.iter().map(|eip| world.unbind(&eip.name))).await.into_iter().for_each(|answer| {
        ok(answer);
    });
    let lives = lives(&world).await;
    assert_eq!(lives.len(), 200);
    let illegal: Vec<_> = lives.iter().filter(|life| **life != OVER && **life != FAILED).collect();
    assert!(illegal.is_empty(), "{illegal:?}");
    let request = binding::ListBindingsRequest { parent: P1.into(), ..Default::default() };
    let left = ok(world.bindings().list_bindings(request).await).bindings;
    assert_eq!(left, []);
    let releases = join_all(eips.iter().map(|eip| world.release_eip(&eip.name))).await;
    releases.into_iter().for_each(|answer| {
        ok(answer);
    });
}

/// Binds and unbinds of few EIPs and HAVIPs by many who know nothing of each other.
#[tokio::test]
async fn whatever_many_do_to_few_the_log_stays_legal_and_all_is_free_in_the_end() {
    let (world, stock) = World::stocked().await;
    let eips = [world.eip(P1, "").await.name, world.eip(P1, "").await.name, stock.eip.name];
    let other = world.havip(&stock.subnet, "second", "", &[]).await.name;
    let havips = [stock.havip.name, other];
    join_all((0..60).map(async |n| {
        let (eip, havip) = (&eips[n % 3], &havips[n % 2]);
        let answer = if n % 5 < 3 {
            world.bind(eip, havip).await.map(drop)
        } else {
            world.unbind(eip).await.map(drop)
        };
        if let Err(status) = answer {
            let refusal = refused::<()>(Err(status));
            assert!(matches!(refusal.code, Code::Aborted | Code::FailedPrecondition), "{refusal:?}");
        }
    }))
    .await;
    for eip in &eips {
        wait_until("the EIP to be free", async || world.unbind(eip).await).await;
        ok(world.release_eip(eip).await);
    }
    for life in lives(&world).await {
        assert_eq!(life, OVER);
    }
}
