//! Two that claim a HAVIP in turn, and who may claim one at all: what its owner chose when it was made.

use mooring_proto::{
    event::v1::event::Kind,
    health::v1::{self as api, holder::State},
    resource::v1::{CreateHavipRequest, Damping, Havip, Vnic, havip::ClaimPolicy},
};

use crate::{
    claims::*,
    given::*,
    refused::{invalid, refused},
};

/// A HAVIP that stays contested for longer than any story takes.
const SLOW: Damping = Damping { step_ms: 300_000, cap_ms: 600_000 };
const QUICK: Damping = Damping { step_ms: 500, cap_ms: 1000 };

/// Both vNICs are members.
async fn havip_with(world: &World, stock: &Stock, name: &str, change: impl FnOnce(&mut Havip)) -> Havip {
    let mut request = create_havip(&stock.subnet, name, "", &[&stock.a, &stock.b]);
    request.havip.iter_mut().for_each(|havip| havip.damping = None);
    change(request.havip.as_mut().unwrap());
    ok(world.resource().create_havip(request).await)
}

async fn slow(world: &World, stock: &Stock) -> Havip {
    havip_with(world, stock, "slow", |havip| havip.damping = Some(SLOW)).await
}

#[tokio::test]
async fn unless_it_is_said_otherwise_members_alone_claim_it_and_it_is_damped() {
    let (world, stock) = World::stocked().await;
    let havip = havip_with(&world, &stock, "plain", |_| {}).await;
    assert_eq!(havip.claim_policy(), ClaimPolicy::Members);
    assert_eq!(havip.damping, Some(Damping { step_ms: 1000, cap_ms: 10_000 }));
    assert_eq!(ok(world.get_havip(&havip.name).await), havip);
}

#[tokio::test]
async fn who_claims_it_in_the_holders_back_off_makes_it_contested_and_not_its_own() {
    let (mut world, stock) = World::stocked().await;
    let havip = slow(&world, &stock).await;
    let moved = ago(20);
    claims(&world, &havip, &stock.a, moved).await;
    claims(&world, &havip, &stock.b, ago(10)).await;
    let contested = holder(&world, &havip).await;
    assert_eq!(contested.state(), State::Contested);
    assert_eq!((&*contested.instance, &*contested.rival_instance), ("vm-a", "vm-b"));
    assert_eq!((&contested.vnic, &contested.rival), (&stock.a.name, &stock.b.name));
    assert_eq!(contested.backoff_ends_at, moved + SLOW.step_ms * 1_000_000);

    let before = world.tail().await;
    claims(&world, &havip, &stock.b, ago(9)).await;
    assert_eq!(world.tail().await, before, "it is told once");
    let listed = ok(world.health().list_holders(list()).await).holders;
    assert!(listed.contains(&contested), "{listed:?}");

    world.crash().await;
    assert_eq!(holder(&world, &havip).await, contested);
    claims(&world, &havip, &stock.b, ago(8)).await;
    assert_eq!(holder(&world, &havip).await, contested, "the back-off is kept across a restart");
    let vpc = stock.vpc.display_name;
    wait_until("the gateway to count it", async || {
        let text = world.server.metrics().unwrap();
        let of_vpc = |line: &&str| line.starts_with("mooring_vpc_contested_havips{") && line.contains(&vpc);
        match text.lines().find(of_vpc) {
            Some(line) if line.ends_with(" 1") => Ok(()),
            other => Err(other.map(str::to_owned)),
        }
    })
    .await;
}

pub fn list() -> api::ListHoldersRequest {
    api::ListHoldersRequest { parent: P1.into(), ..Default::default() }
}

#[tokio::test]
async fn a_contested_one_that_is_quiet_has_settled() {
    let (world, stock) = World::stocked().await;
    let havip = havip_with(&world, &stock, "quick", |havip| havip.damping = Some(QUICK)).await;
    let moved = ago(1);
    let seen = [(&stock.a, 0), (&stock.b, 1), (&stock.b, 600)];
    let seen = seen.map(|(vnic, after)| claim(&havip, &vnic.mac, moved + after * 1_000_000));
    ok(report(&world, seen.to_vec()).await);
    let settled = wait_until("it to have settled", async || {
        let holder = holder(&world, &havip).await;
        if holder.state() == State::Held { Ok(holder) } else { Err(holder) }
    })
    .await;
    assert_eq!((&*settled.instance, &*settled.rival, settled.backoff_ends_at), ("vm-b", "", 0));
    let told = world.events(0).await.into_iter().filter_map(|event| match event {
        Kind::HolderChanged(changed) => Some(("changed", changed.holder, changed.backoff / 1_000_000)),
        Kind::HolderContested(contested) => Some(("contested", contested.rival, 0)),
        Kind::HolderSettled(settled) => Some(("settled", settled.holder, 0)),
        _ => None,
    });
    let told: Vec<_> = told.map(|(what, who, backoff)| (what, who.unwrap().instance, backoff)).collect();
    let expected = [
        ("changed", "vm-a", QUICK.step_ms),
        ("contested", "vm-b", 0),
        ("changed", "vm-b", QUICK.cap_ms),
        ("settled", "vm-b", 0),
    ];
    let expected = expected.map(|(what, who, backoff)| (what, who.to_owned(), backoff));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn one_open_to_its_subnet_is_held_by_any_vnic_of_it_and_by_no_other() {
    let (world, stock) = World::stocked().await;
    let open = |havip: &mut Havip| {
        havip.claim_policy = ClaimPolicy::Subnet.into();
        havip.damping = Some(Damping::default());
    };
    let havip = havip_with(&world, &stock, "open", open).await;
    let holds = async |vnic: &Vnic, seconds| {
        claims(&world, &havip, vnic, ago(seconds)).await;
        holder(&world, &havip).await.instance
    };
    assert_eq!(holds(&stock.c, 9).await, "vm-c", "no member");
    let late = world.vnic(&stock.subnet, "vm-late", "02:00:00:00:00:1a", "10.0.1.26").await;
    assert_eq!(holds(&late, 8).await, "vm-late", "made after the HAVIP");
    let elsewhere = world.subnet(P1, "db", &stock.vpc, "10.0.2.0/24").await;
    let elsewhere = world.vnic(&elsewhere, "vm-db", "02:00:00:00:00:2a", "10.0.2.26").await;
    assert_eq!(holds(&elsewhere, 7).await, "vm-late");
    assert_eq!(rejections(&world).await[0].reason, "NOT_A_MEMBER");
}

#[tokio::test]
async fn rejected_claims_that_are_not_told_are_counted_in_the_next() {
    let (world, stock) = World::stocked().await;
    let macs = ["02:00:00:00:00:99", "02:00:00:00:00:99", "02:00:00:00:00:99", "02:00:00:00:00:9a"];
    ok(report(&world, macs.map(|mac| claim(&stock.havip, mac, ago(0))).to_vec()).await);
    let counts: Vec<_> = rejections(&world).await.iter().map(|rejected| rejected.unrecorded).collect();
    assert_eq!(counts, [0, 2]);
}

#[tokio::test]
async fn what_no_havip_can_have_is_refused_by_the_name_of_its_field() {
    let (world, stock) = World::stocked().await;
    let request = create_havip(&stock.subnet, "bad", "", &[&stock.a]);
    let plain = request.havip.clone().unwrap();
    for (bad, field) in [
        (Havip { claim_policy: 7, ..plain.clone() }, "havip.claim_policy"),
        (Havip { damping: Some(Damping { step_ms: 2, cap_ms: 1 }), ..plain.clone() }, "havip.damping"),
        (Havip { damping: Some(Damping { step_ms: 0, cap_ms: 1 }), ..plain.clone() }, "havip.damping"),
        (Havip { damping: Some(Damping { step_ms: 1, cap_ms: u64::MAX }), ..plain.clone() }, "havip.damping"),
    ] {
        let request = CreateHavipRequest { havip: Some(bad), ..request.clone() };
        assert_eq!(refused(world.resource().create_havip(request).await).brief(), invalid(field));
    }
}
