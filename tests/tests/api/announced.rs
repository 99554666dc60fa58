//! Instances that gateways see nothing of on layer 2 say over gRPC that they hold a HAVIP, for a lease.

use mooring_proto::{
    event::v1::event::Kind,
    health::v1::{AnnounceRequest, Holder, WithdrawRequest, holder::State},
    resource::v1::{Havip, Vnic},
};
use tonic::{Code, Response, Status};

use crate::{
    claims::*,
    given::*,
    refused::{invalid, not_found, refused},
};

async fn announced_havip(world: &World, stock: &Stock) -> Havip {
    let mut request = create_havip(&stock.subnet, "far", "", &[&stock.a, &stock.b]);
    request.havip.iter_mut().for_each(|havip| havip.announce = true);
    let havip = ok(world.resource().create_havip(request).await);
    assert!(havip.announce);
    havip
}

fn announcement(havip: &Havip, vnic: &Vnic, lease_ms: u64) -> AnnounceRequest {
    let (havip, vnic) = (havip.name.clone(), vnic.name.clone());
    AnnounceRequest { havip, vnic, lease_ms, ..Default::default() }
}

async fn announce(world: &World, request: AnnounceRequest) -> Result<Response<Holder>, Status> {
    world.health().announce(request).await
}

fn withdrawal(havip: &Havip, vnic: &Vnic) -> WithdrawRequest {
    WithdrawRequest { havip: havip.name.clone(), vnic: vnic.name.clone(), ..Default::default() }
}

#[tokio::test]
async fn who_announces_itself_holds_it_until_its_lease_ends() {
    let (world, stock) = World::stocked().await;
    let havip = announced_havip(&world, &stock).await;
    let before = world.tail().await;
    let held = ok(announce(&world, announcement(&havip, &stock.a, 1000)).await);
    assert_eq!((held.state(), &*held.instance, &*held.gateway), (State::Held, "vm-a", ""));
    assert_eq!(held.lease_ends_at, held.observed_at + 1_000_000_000);
    wait_until("the lease to end", async || {
        let now = holder(&world, &havip).await;
        if now.state() == State::None { Ok(()) } else { Err(now) }
    })
    .await;
    let told: Vec<_> = world.events(before).await;
    let [Kind::HolderChanged(changed), Kind::HolderWithdrawn(withdrawn)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((changed.lease, &*withdrawn.reason), (1_000_000_000, "EXPIRED"));
    assert_eq!(changed.claim.as_ref().unwrap().gateway, "grpc");
}

#[tokio::test]
async fn an_announcement_is_made_once_for_each_request_id_and_a_lease_outlives_a_restart() {
    let (mut world, stock) = World::stocked().await;
    let havip = announced_havip(&world, &stock).await;
    let request_id = uuid::Uuid::now_v7().to_string();
    let request = AnnounceRequest { request_id, ..announcement(&havip, &stock.a, 600_000) };
    let first = ok(announce(&world, request.clone()).await);
    let tail = world.tail().await;
    assert_eq!(ok(announce(&world, request.clone()).await), first);
    world.crash().await;
    assert_eq!(ok(announce(&world, request.clone()).await), first);
    assert_eq!(holder(&world, &havip).await, first);
    assert_eq!(ok(announce(&world, announcement(&havip, &stock.a, 600_000)).await), first, "it is young");
    let events = world.events(tail).await;
    let about = |event: &&Kind| matches!(event, Kind::HolderChanged(_) | Kind::LeaseRenewed(_));
    assert_eq!(events.iter().filter(about).count(), 0, "{events:?}");
    let other = AnnounceRequest { lease_ms: 700_000, ..request };
    assert_eq!(refused(announce(&world, other).await).brief(), invalid("request_id"));
    let renewed = ok(announce(&world, announcement(&havip, &stock.a, 900_000)).await);
    assert!(renewed.lease_ends_at > first.lease_ends_at, "{renewed:?}");
}

#[tokio::test]
async fn a_claim_on_layer_2_takes_over_and_whoever_lets_go_leaves_it_to_nobody() {
    let (world, stock) = World::stocked().await;
    let havip = announced_havip(&world, &stock).await;
    ok(announce(&world, announcement(&havip, &stock.a, 0)).await);
    claims(&world, &havip, &stock.b, ago(0)).await;
    let seen = holder(&world, &havip).await;
    assert_eq!((&*seen.instance, &*seen.gateway, seen.lease_ends_at), ("vm-b", "gw-9", 0));
    // It holds it no more: nothing to let go of.
    assert_eq!(ok(world.health().withdraw(withdrawal(&havip, &stock.a)).await), seen);
    let refusal = refused(world.health().withdraw(withdrawal(&havip, &stock.b)).await);
    assert_eq!(refusal.brief(), (Code::FailedPrecondition, "NO_LEASE", "vnic"));

    ok(announce(&world, announcement(&havip, &stock.a, 0)).await);
    let nobody = ok(world.health().withdraw(withdrawal(&havip, &stock.a)).await);
    assert_eq!((nobody.state(), &*nobody.instance), (State::None, ""));
    assert_eq!(holder(&world, &havip).await, nobody);
}

#[tokio::test]
async fn only_where_it_is_allowed_and_only_who_may_claim_it() {
    let (world, stock) = World::stocked().await;
    let not_allowed = (Code::FailedPrecondition, "ANNOUNCE_NOT_ALLOWED", "havip");
    let request = announcement(&stock.havip, &stock.a, 0);
    assert_eq!(refused(announce(&world, request).await).brief(), not_allowed);
    let havip = announced_havip(&world, &stock).await;
    let good = announcement(&havip, &stock.a, 0);
    let nobody = format!("{P1}/vnics/{NOBODY}");
    for (bad, expected) in [
        (AnnounceRequest { lease_ms: 999, ..good.clone() }, invalid("lease_ms")),
        (AnnounceRequest { lease_ms: 3_600_001, ..good.clone() }, invalid("lease_ms")),
        (AnnounceRequest { havip: "far".into(), ..good.clone() }, invalid("havip")),
        (AnnounceRequest { vnic: "vm-a".into(), ..good.clone() }, invalid("vnic")),
        (AnnounceRequest { vnic: nobody, ..good.clone() }, not_found("vnic")),
        (
            AnnounceRequest { vnic: stock.c.name.clone(), ..good.clone() },
            (Code::FailedPrecondition, "NOT_A_MEMBER", "vnic"),
        ),
    ] {
        assert_eq!(refused(announce(&world, bad).await).brief(), expected);
    }
    assert_eq!(holder(&world, &havip).await.state(), State::None);
}
