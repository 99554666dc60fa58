//! An unbind is over when every registered gateway has taken the binding out, or carries nothing of it. The second
//! gateway of these stories is played by the test.

use std::time::Instant;

use mooring_proto::{
    binding::v1::{
        self as api, BindRequest, Binding, Gateway, Stuck, UnbindRequest, UnbindResponse, binding::State,
    },
    event::v1::event::Kind,
    resource::v1::{Vpc, eip},
};
use tokio::task::JoinHandle;
use tonic::{Code, Response, Status};

use crate::{
    given::*,
    refused::{invalid, not_found, refused},
};

/// The gateway that the test plays.
pub const GW_2: &str = "regions/r1/gateways/gw-2";

pub async fn register(world: &World) -> Gateway {
    ok(register_at(world, world.tail().await).await)
}

async fn register_at(world: &World, equal_to: u64) -> Result<Response<Gateway>, Status> {
    let request = api::RegisterGatewayRequest { name: GW_2.into(), equal_to, ..Default::default() };
    world.gateways().register_gateway(request).await
}

pub async fn report(
    world: &World,
    name: &str,
    position: u64,
    stuck: Vec<Stuck>,
) -> Result<Response<api::ReportAppliedResponse>, Status> {
    let request = api::ReportAppliedRequest { name: name.into(), position, stuck, attestations: Vec::new() };
    world.gateways().report_applied(request).await
}

pub async fn decommission(world: &World, name: &str) -> Result<Response<Gateway>, Status> {
    let request = api::DecommissionGatewayRequest { name: name.into(), ..Default::default() };
    world.gateways().decommission_gateway(request).await
}

async fn gateway(world: &World, name: &str) -> Gateway {
    let request = api::ListGatewaysRequest { parent: R1.into() };
    let gateways = ok(world.gateways().list_gateways(request).await).gateways;
    gateways.into_iter().find(|gateway| gateway.name == name).unwrap()
}

pub fn stuck(vpc: &Vpc, position: u64, carries_nothing: bool) -> Stuck {
    Stuck { vpc: id(&vpc.name).into(), position, cause: "a table of somebody else".into(), carries_nothing }
}

/// An unbind that has been asked for, and where that is stored.
struct Pending {
    answer: JoinHandle<Result<Response<UnbindResponse>, Status>>,
    binding: Binding,
    position: u64,
}

/// Binds, registers the second gateway, and asks to unbind.
async fn pending(world: &World, stock: &Stock) -> Pending {
    register(world).await;
    let binding = ok(world.bind(&stock.eip.name, &stock.havip.name).await);
    let (mut bindings, request) = (world.bindings(), unbind(&stock.eip.name));
    let answer = tokio::spawn(async move { bindings.unbind(request).await });
    let position = wait_until("the unbind to be stored", async || {
        let binding = ok(world.binding(&binding.name).await);
        if binding.state() == State::Unassociating { Ok(binding.position) } else { Err(binding) }
    })
    .await;
    Pending { answer, binding, position }
}

impl Pending {
    /// Sees that it still waits. The process manager has looked at everything reported so far: a round of its own lies
    /// between two binds.
    async fn assert_pending(&self, world: &World, stock: &Stock) {
        for _ in 0..2 {
            let (eip, havip) = (world.eip(P1, "").await, fresh_havip(world, stock).await);
            ok(world.bind(&eip.name, &havip).await);
        }
        assert_eq!(ok(world.binding(&self.binding.name).await).state(), State::Unassociating);
        assert_eq!(ok(world.get_eip(&stock.eip.name).await).state(), eip::State::Unassociating);
        assert!(!self.answer.is_finished());
    }

    /// Sees that it comes to its end, and that both are free.
    async fn assert_done(self, world: &World, stock: &Stock) {
        assert_eq!(ok(self.answer.await.unwrap()).position, self.position);
        assert_eq!(ok(world.get_eip(&stock.eip.name).await), stock.eip);
        ok(world.release_eip(&stock.eip.name).await);
        ok(world.delete_havip(&stock.havip.name).await);
    }
}

async fn fresh_havip(world: &World, stock: &Stock) -> String {
    let name = uuid::Uuid::now_v7().to_string();
    world.havip(&stock.subnet, &format!("x{name}"), "", &[]).await.name
}

#[tokio::test]
async fn an_unbind_waits_for_a_gateway_and_no_longer() {
    let (world, stock) = World::stocked().await;
    let pending = pending(&world, &stock).await;
    pending.assert_pending(&world, &stock).await;
    ok(report(&world, GW_2, pending.position - 1, vec![]).await);
    pending.assert_pending(&world, &stock).await;
    let refusal = refused(world.release_eip(&stock.eip.name).await);
    assert_eq!(refusal.in_the_way.as_ref(), Some(&pending.binding.name), "held until then");
    let again = refused(world.bind(&stock.eip.name, &stock.havip.name).await);
    assert_eq!((again.code, again.retryable), (Code::Aborted, true), "{again:?}");
    ok(report(&world, GW_2, pending.position, vec![]).await);
    pending.assert_done(&world, &stock).await;
}

#[tokio::test]
async fn a_gateway_whose_vpc_is_stuck_has_taken_nothing_out_and_another_vpc_is_no_matter() {
    let (world, stock) = World::stocked().await;
    let other = world.vpc(P1, "green").await;
    let pending = pending(&world, &stock).await;
    let position = pending.position;
    ok(report(&world, GW_2, position, vec![stuck(&stock.vpc, position - 1, false)]).await);
    pending.assert_pending(&world, &stock).await;
    let seen = gateway(&world, GW_2).await;
    assert_eq!((seen.applied_position, seen.stuck), (position, vec![stuck(&stock.vpc, position - 1, false)]));
    ok(report(&world, GW_2, position, vec![stuck(&other, position - 1, false)]).await);
    pending.assert_done(&world, &stock).await;
}

#[tokio::test]
async fn a_gateway_that_carries_nothing_of_the_vpc_is_not_waited_for_once_it_knows_of_the_unbind() {
    let (world, stock) = World::stocked().await;
    let pending = pending(&world, &stock).await;
    let position = pending.position;
    ok(report(&world, GW_2, position - 1, vec![stuck(&stock.vpc, 0, true)]).await);
    pending.assert_pending(&world, &stock).await;
    ok(report(&world, GW_2, position, vec![stuck(&stock.vpc, 0, true)]).await);
    pending.assert_done(&world, &stock).await;
}

#[tokio::test]
async fn what_is_being_unbound_is_refused_for_the_moment_only() {
    let (world, stock) = World::stocked().await;
    register(&world).await;
    let request = BindRequest {
        request_id: uuid::Uuid::now_v7().to_string(),
        ..bind(&stock.eip.name, &stock.havip.name)
    };
    ok(world.bindings().bind(request.clone()).await);
    let pending = pending(&world, &stock).await;
    let tail = world.tail().await;
    for (refusal, reason) in [
        (refused(world.release_eip(&stock.eip.name).await), "EIP_IN_TRANSITION"),
        (refused(world.delete_havip(&stock.havip.name).await), "HAVIP_IN_TRANSITION"),
    ] {
        assert_eq!(refusal.brief(), (Code::Aborted, reason, "name"), "{refusal:?}");
        assert_eq!(refusal.in_the_way.as_ref(), Some(&pending.binding.name));
        assert!(refusal.retryable, "{refusal:?}");
    }
    // A retry of the bind is not told that it stands.
    assert_eq!(refused(world.bindings().bind(request).await).reason, "UNBOUND_SINCE");
    // What is only validated waits for nobody.
    let validated = UnbindRequest { validate_only: true, ..unbind(&stock.eip.name) };
    ok(world.bindings().unbind(validated).await);
    assert!(!pending.answer.is_finished());
    assert_eq!(world.tail().await, tail);
    ok(report(&world, GW_2, pending.position, vec![]).await);
    pending.assert_done(&world, &stock).await;
}

#[tokio::test]
async fn nobody_waits_for_a_gateway_that_was_decommissioned() {
    let (world, stock) = World::stocked().await;
    let pending = pending(&world, &stock).await;
    assert!(!ok(decommission(&world, GW_2).await).registered);
    pending.assert_done(&world, &stock).await;
}

#[tokio::test]
async fn reports_are_not_remembered_over_a_crash_and_the_unbind_goes_on_after_it() {
    let (mut world, stock) = World::stocked().await;
    let pending = pending(&world, &stock).await;
    ok(report(&world, GW_2, pending.position - 1, vec![]).await);
    world.crash().await;
    let known = gateway(&world, GW_2).await;
    let position = known.position;
    assert!(position > 0);
    assert_eq!(known, Gateway { name: GW_2.into(), registered: true, position, ..Default::default() });
    assert_eq!(ok(world.binding(&pending.binding.name).await).state(), State::Unassociating);
    ok(report(&world, GW_2, pending.position, vec![]).await);
    ok(world.unbind(&stock.eip.name).await);
    assert_eq!(ok(world.get_eip(&stock.eip.name).await), stock.eip);
}

#[tokio::test]
async fn a_caller_is_kept_for_twenty_seconds_and_told_whom_the_unbind_waits_for() {
    let (world, stock) = World::stocked().await;
    let begin = Instant::now();
    let pending = pending(&world, &stock).await;
    let refusal = refused(pending.answer.await.unwrap());
    assert!((20..30).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert_eq!(refusal.brief(), (Code::DeadlineExceeded, "STILL_UNDER_WAY", ""));
    assert!(refusal.retryable && refusal.message.contains("gw-2"), "{refusal:?}");
    assert!(!refusal.message.contains("gw-1"), "gw-1 carries nothing: {refusal:?}");
    let before = world.tail().await;
    // Asked before the gateway reports: after that the binding may be gone at any moment.
    let (again, reported) =
        tokio::join!(world.unbind(&stock.eip.name), report(&world, GW_2, pending.position, vec![]));
    ok(reported);
    assert_eq!(ok(again).position, pending.position);
    let since = world.events(before).await;
    assert!(matches!(since[..], [Kind::HoldReleased(_), Kind::Unbound(_)]), "no second request: {since:?}");
}

#[tokio::test]
async fn a_bind_shows_who_has_applied_it_and_waits_for_them_when_asked_to() {
    let (world, stock) = World::stocked().await;
    register(&world).await;
    let mut request = bind(&stock.eip.name, &stock.havip.name);
    request.wait_applied = true;
    let mut bindings = world.bindings();
    let answer = tokio::spawn(async move { bindings.bind(request).await });
    let bound = wait_until("the binding to be in use", async || {
        let eip = ok(world.get_eip(&stock.eip.name).await);
        if eip.state() == eip::State::InUse { Ok(ok(world.binding(&eip.binding).await)) } else { Err(eip) }
    })
    .await;
    assert_eq!(bound.gateways[1], api::binding::Gateway { gateway: "gw-2".into(), applied: false });
    assert!(!answer.is_finished());
    // gw-1 may have no such VPC and say so once a second: the test speaks for both until both were heard.
    wait_until("the bind to answer", async || {
        for name in ["regions/r1/gateways/gw-1", GW_2] {
            ok(report(&world, name, bound.position, vec![]).await);
        }
        if answer.is_finished() { Ok(()) } else { Err(ok(world.binding(&bound.name).await)) }
    })
    .await;
    assert_eq!(ok(answer.await.unwrap()).name, bound.name);
    let gateways = ok(world.binding(&bound.name).await).gateways;
    assert_eq!(gateways[1], api::binding::Gateway { gateway: "gw-2".into(), applied: true });
}

#[tokio::test]
async fn only_a_registered_gateway_may_report() {
    let world = World::new().await;
    let unknown = refused(report(&world, GW_2, 1, vec![]).await);
    assert_eq!(unknown.brief(), (Code::FailedPrecondition, "NOT_REGISTERED", "name"));
    assert_eq!(unknown.in_the_way.as_deref(), Some(GW_2));
    assert_eq!(refused(decommission(&world, GW_2).await).brief(), not_found("name"));

    register(&world).await;
    ok(report(&world, GW_2, 1, vec![]).await);
    let before = world.tail().await;
    assert!(register(&world).await.registered);
    assert_eq!(world.tail().await, before, "it was registered already");

    ok(decommission(&world, GW_2).await);
    let before = world.tail().await;
    ok(decommission(&world, GW_2).await);
    assert_eq!(world.tail().await, before, "it was decommissioned already");
    assert_eq!(refused(report(&world, GW_2, 1, vec![]).await).reason, "NOT_REGISTERED");
    // Its kernels may still have what was given to somebody else since.
    let early = refused(register_at(&world, before - 1).await);
    assert_eq!(early.brief(), (Code::FailedPrecondition, "DECOMMISSIONED", "equal_to"));
    assert_eq!(early.in_the_way.as_deref(), Some(GW_2));
    assert_eq!(refused(register_at(&world, before + 1).await).brief(), invalid("equal_to"));
    assert!(!gateway(&world, GW_2).await.registered);
    register(&world).await;
    ok(report(&world, GW_2, 1, vec![]).await);
}

#[tokio::test]
async fn a_gateway_that_is_stuck_with_thirty_thousand_vpcs_is_heard_all_the_same() {
    let (world, stock) = World::stocked().await;
    let pending = pending(&world, &stock).await;
    let other = |n| Stuck { vpc: uuid::Uuid::from_u128(n).to_string(), position: 1, ..Default::default() };
    let others = || (0..30_000).map(other);
    let (position, this) = (pending.position, stuck(&stock.vpc, pending.position - 1, false));
    ok(report(&world, GW_2, position, others().chain([this]).collect()).await);
    pending.assert_pending(&world, &stock).await;
    ok(report(&world, GW_2, position, others().collect()).await);
    pending.assert_done(&world, &stock).await;
}

#[tokio::test]
async fn malformed_reports_and_names_are_refused() {
    let world = World::new().await;
    register(&world).await;
    let before = world.tail().await;
    for bad in ["", "gw-2", "regions/r1/gateways/GW", "regions/r1/gateways/-", "projects/p1/gateways/gw-2"] {
        assert_eq!(refused(report(&world, bad, 1, vec![]).await).brief(), invalid("name"), "{bad}");
        assert_eq!(refused(decommission(&world, bad).await).brief(), invalid("name"), "{bad}");
        let request = api::RegisterGatewayRequest { name: bad.into(), ..Default::default() };
        let registered = world.gateways().register_gateway(request).await;
        assert_eq!(refused(registered).brief(), invalid("name"), "{bad}");
    }
    let nonsense = Stuck { vpc: "blue".into(), ..Default::default() };
    assert_eq!(refused(report(&world, GW_2, 1, vec![nonsense]).await).brief(), invalid("stuck.vpc"));
    // Taken, it would end every wait for this gateway from now on.
    assert_eq!(refused(report(&world, GW_2, before + 1, vec![]).await).brief(), invalid("position"));
    assert_eq!(refused(report(&world, GW_2, u64::MAX, vec![]).await).brief(), invalid("position"));
    assert_eq!(gateway(&world, GW_2).await.report_age_ms, None, "nothing of it was taken");
    assert_eq!(world.tail().await, before);
}
