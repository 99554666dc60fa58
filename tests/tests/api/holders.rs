//! Who holds a HAVIP is what members' claims say. The gateway of these stories is played by the test.

use mooring_proto::{
    binding::v1 as api_binding,
    event::v1::{HolderChanged, event::Kind},
    health::v1::{self as api, Claim, Holder, holder::State},
};

use crate::{
    claims::*,
    given::*,
    refused::{invalid, refused},
};

async fn changes(world: &World, after: u64) -> Vec<HolderChanged> {
    let changed = |event| if let Kind::HolderChanged(changed) = event { Some(changed) } else { None };
    world.events(after).await.into_iter().filter_map(changed).collect()
}

#[tokio::test]
async fn the_first_claim_of_a_member_makes_it_the_holder_and_the_same_again_writes_nothing() {
    let (world, stock) = World::stocked().await;
    let seen = ago(5);
    claims(&world, &stock.havip, &stock.a, seen).await;
    let now = holder(&world, &stock.havip).await;
    assert_eq!(
        now,
        Holder {
            havip: stock.havip.name.clone(),
            address: "10.0.1.100".into(),
            state: State::Held.into(),
            vnic: stock.a.name.clone(),
            instance: "vm-a".into(),
            mac: stock.a.mac.clone(),
            gateway: "gw-9".into(),
            observed_at: seen,
            position: world.tail().await,
            vpc: stock.vpc.name.clone(),
            ..Default::default()
        }
    );
    claims(&world, &stock.havip, &stock.a, ago(4)).await;
    assert_eq!(world.tail().await, now.position);
    assert_eq!(holder(&world, &stock.havip).await, now);
}

#[tokio::test]
async fn another_members_claim_moves_it_and_an_older_one_does_not() {
    let (world, stock) = World::stocked().await;
    claims(&world, &stock.havip, &stock.a, ago(50)).await;
    let before = world.tail().await;
    claims(&world, &stock.havip, &stock.b, ago(60)).await;
    assert_eq!(world.tail().await, before, "seen before the one that the present holder rests on");
    claims(&world, &stock.havip, &stock.b, ago(40)).await;
    assert_eq!(holder(&world, &stock.havip).await.instance, "vm-b");
    let changes = changes(&world, before).await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].holder.as_ref().unwrap().instance, "vm-b");
    assert_eq!(changes[0].previous.as_ref().unwrap().instance, "vm-a");
}

#[tokio::test]
async fn many_claims_of_one_report_count_in_their_order() {
    let (world, stock) = World::stocked().await;
    let seen = ago(5);
    // All seen at one moment: only their order says who came last.
    let turns = (0..999).map(|n| if n % 2 == 0 { &stock.a } else { &stock.b });
    let claims = turns.map(|vnic| claim(&stock.havip, &vnic.mac, seen)).collect();
    ok(report(&world, claims).await);
    let holders = changes(&world, 0).await.into_iter().map(|change| change.holder.unwrap().instance);
    let holders: Vec<String> = holders.collect();
    assert_eq!(holders.len(), 999);
    assert!(holders.iter().step_by(2).all(|instance| instance == "vm-a"), "{holders:?}");
    assert_eq!(holder(&world, &stock.havip).await.instance, "vm-a");
}

#[tokio::test]
async fn a_claim_from_a_clock_far_ahead_shuts_nobody_out() {
    let (world, stock) = World::stocked().await;
    claims(&world, &stock.havip, &stock.a, ago(0) + 3_600_000_000_000).await;
    assert_eq!(holder(&world, &stock.havip).await.instance, "vm-a");
    claims(&world, &stock.havip, &stock.b, ago(0)).await;
    assert_eq!(holder(&world, &stock.havip).await.instance, "vm-b");
}

#[tokio::test]
async fn a_strangers_claim_moves_nothing_and_the_log_says_who_tried_once_in_ten_seconds() {
    let (world, stock) = World::stocked().await;
    claims(&world, &stock.havip, &stock.a, ago(5)).await;
    let before = holder(&world, &stock.havip).await;
    let stranger = || vec![claim(&stock.havip, "02:00:00:00:00:99", ago(0))];
    for _ in 0..5 {
        ok(report(&world, stranger()).await);
    }
    let rejected = rejections(&world).await;
    assert_eq!(rejected.len(), 1, "{rejected:?}");
    assert_eq!((&*rejected[0].reason, &rejected[0].vnic), ("UNKNOWN_MAC", &None));
    let claim = rejected[0].claim.as_ref().unwrap();
    assert_eq!((&claim.mac[..], &*claim.gateway), (&[2, 0, 0, 0, 0, 0x99][..], "gw-9"));
    assert_eq!(rejected[0].havip.as_ref().unwrap().display_name, "front");
    assert_eq!(holder(&world, &stock.havip).await, before);

    wait_until("the stranger to be mentioned again", async || {
        ok(report(&world, stranger()).await);
        let rejected = rejections(&world).await.len();
        if rejected == 2 { Ok(()) } else { Err(rejected) }
    })
    .await;
    let commits = world.commits_of(R1, before.position).await;
    let at: Vec<u64> =
        commits.iter().filter(|commit| commit.stream == "health").map(|commit| commit.recorded_at).collect();
    assert!(at[1] - at[0] >= 10_000_000_000, "{at:?}");
}

#[tokio::test]
async fn a_vnic_that_is_no_member_is_named() {
    let (world, stock) = World::stocked().await;
    claims(&world, &stock.havip, &stock.c, ago(1)).await;
    let rejected = rejections(&world).await;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].reason, "NOT_A_MEMBER");
    let vnic = rejected[0].vnic.as_ref().unwrap();
    assert_eq!((&*vnic.vnic_id, &*vnic.instance), (&*id_bytes(&stock.c.name), "vm-c"));
    assert_eq!(holder(&world, &stock.havip).await.state(), State::None);
}

#[tokio::test]
async fn a_claim_of_an_address_that_is_no_havip_is_nothing() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let mut elsewhere = claim(&stock.havip, &stock.a.mac, ago(1));
    elsewhere.vpc = NOBODY.into();
    let mut unknown = claim(&stock.havip, &stock.a.mac, ago(1));
    unknown.address = stock.a.address.clone();
    ok(report(&world, vec![elsewhere, unknown]).await);
    ok(report(&world, vec![]).await);
    assert_eq!(world.tail().await, before);
}

/// F1: whoever holds the HAVIP, the binding and so the NAT rules stay as they are.
#[tokio::test]
async fn a_holder_change_leaves_the_binding_as_it_is() {
    let (world, stock) = World::stocked().await;
    // What gateways have applied is a reading of the moment.
    let reading = |binding| api_binding::Binding { gateways: Vec::new(), ..binding };
    let bound = reading(ok(world.bind(&stock.eip.name, &stock.havip.name).await));
    let (eip, havip) =
        (ok(world.get_eip(&stock.eip.name).await), ok(world.get_havip(&stock.havip.name).await));
    let before = world.tail().await;
    for (vnic, seconds) in [(&stock.a, 9), (&stock.b, 8), (&stock.a, 7)] {
        claims(&world, &stock.havip, vnic, ago(seconds)).await;
    }
    let events = world.events(before).await;
    assert!(matches!(events[..], [Kind::HolderChanged(_), Kind::HolderChanged(_), Kind::HolderChanged(_)]));
    assert_eq!(reading(ok(world.binding(&bound.name).await)), bound);
    assert_eq!(ok(world.get_eip(&stock.eip.name).await), eip);
    assert_eq!(ok(world.get_havip(&stock.havip.name).await), havip);
}

#[tokio::test]
async fn a_havip_made_a_moment_ago_has_a_holder_to_ask_for() {
    let (world, stock) = World::stocked().await;
    world.raise_quotas(P1).await;
    for n in 0..50 {
        let havip = world.havip(&stock.subnet, &format!("h{n}"), "", &[]).await;
        assert_eq!(holder(&world, &havip).await.state(), State::None);
    }
    ok(world.delete_havip(&stock.havip.name).await);
    let request = api::GetHolderRequest { havip: stock.havip.name.clone() };
    assert_eq!(refused(world.health().get_holder(request).await).reason, "NOT_FOUND");
}

#[tokio::test]
async fn malformed_claims_are_refused_whole() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let good = claim(&stock.havip, &stock.a.mac, ago(1));
    let bad = [
        (Claim { vpc: "blue".into(), ..good.clone() }, "claims.vpc"),
        (Claim { address: "front".into(), ..good.clone() }, "claims.address"),
        (Claim { mac: "vm-a".into(), ..good.clone() }, "claims.mac"),
    ];
    for (bad, field) in bad {
        assert_eq!(refused(report(&world, vec![good.clone(), bad]).await).brief(), invalid(field));
    }
    assert_eq!(refused(report(&world, vec![good; 1001]).await).brief(), invalid("claims"));
    assert_eq!(world.tail().await, before, "not even the good one before the bad one");
}
