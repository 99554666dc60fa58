//! `expected_revision`: a write that was decided on an older state of a thing is refused, and says what is current.

use mooring_proto::{binding::v1 as binding, resource::v1 as resource};
use tonic::Code;
use tonic_types::StatusExt;

use crate::{given::*, refused::refused};

/// Refused as stale, naming the current revision.
#[track_caller]
fn assert_stale<T: std::fmt::Debug>(answer: Result<tonic::Response<T>, tonic::Status>, current: u64) {
    let status = answer.expect_err("this must be refused");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["current_revision"], current.to_string(), "{status:?}");
    let refusal = refused::<T>(Err(status));
    assert_eq!(refusal.brief(), (Code::Aborted, "STALE_REVISION", "expected_revision"));
    assert!(!refusal.retryable, "the same request is refused again: {refusal:?}");
}

#[tokio::test]
async fn what_has_changed_since_is_not_ended() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let before = world.tail().await;
    let unbind = |expected_revision| binding::UnbindRequest { expected_revision, ..unbind(&stock.eip.name) };
    assert_stale(world.bindings().unbind(unbind(bound.position - 1)).await, bound.position);
    assert_stale(world.bindings().unbind(unbind(bound.position + 1)).await, bound.position);
    assert_eq!(world.tail().await, before);
    ok(world.bindings().unbind(unbind(bound.position)).await);
    ok(world.bindings().unbind(unbind(bound.position)).await);

    let release = |expected_revision| resource::ReleaseEipRequest {
        name: stock.eip.name.clone(),
        expected_revision,
        ..Default::default()
    };
    let eip = ok(world.get_eip(&stock.eip.name).await);
    assert_stale(world.resource().release_eip(release(eip.position + 7)).await, eip.position);
    ok(world.resource().release_eip(release(eip.position)).await);
    let delete = |expected_revision| resource::DeleteHavipRequest {
        name: stock.havip.name.clone(),
        expected_revision,
        ..Default::default()
    };
    assert_stale(world.resource().delete_havip(delete(1)).await, stock.havip.position);
    ok(world.resource().delete_havip(delete(stock.havip.position)).await);
}

/// Between a look and a decommission the gateway may have come back.
#[tokio::test]
async fn a_gateway_that_registered_anew_is_not_decommissioned_by_an_old_word() {
    let world = World::new().await;
    let name = format!("{R1}/gateways/gw-9");
    let register = async || {
        let equal_to = world.tail().await;
        let request = binding::RegisterGatewayRequest { name: name.clone(), equal_to, ..Default::default() };
        ok(world.gateways().register_gateway(request).await)
    };
    let decommission = async |expected_revision| {
        let name = name.clone();
        let request = binding::DecommissionGatewayRequest { name, expected_revision, ..Default::default() };
        world.gateways().decommission_gateway(request).await
    };
    let seen = register().await;
    ok(decommission(seen.position).await);
    let now = register().await;
    assert!(now.position > seen.position);
    assert_stale(decommission(seen.position).await, now.position);
    ok(decommission(now.position).await);
}

/// Of many who saw the same, one is first.
#[tokio::test]
async fn of_many_who_saw_the_same_one_is_first() {
    let (world, stock) = World::stocked().await;
    let bound = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..16 {
        let mut bindings = world.bindings();
        let expected_revision = bound.position - u64::from(n % 2 == 0);
        let request = binding::UnbindRequest { expected_revision, ..unbind(&stock.eip.name) };
        asking.spawn(async move { (n, bindings.unbind(request).await) });
    }
    for (n, answer) in asking.join_all().await {
        match answer {
            // Who came when it was going already writes nothing.
            Ok(_) => {}
            Err(status) => {
                assert_eq!(n % 2, 0, "{status:?}");
                assert_stale::<binding::UnbindResponse>(Err(status), bound.position);
            }
        }
    }
}
