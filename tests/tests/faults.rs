//! `mooringd` dies before and after each step of a bind, of a bind that fails and of an unbind. Whatever the step, the
//! next start takes it up, each event is there once, and nothing stays held.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use mooring_proto::resource::v1::hold_response::{Outcome, outcome};
use mooring_proto::resource::v1::hold_service_client::HoldServiceClient;
use mooring_proto::resource::v1::{HoldRequest, ReleaseRequest, hold_request};
use mooring_tests::server::Options;
use mooring_tests::{Mooringd, wait_for};
use serde_json::Value;

const PATIENT: Duration = Duration::from_secs(20);

/// A server with the HAVIP `front` and the EIP `web`.
fn stocked() -> Mooringd {
    stocked_with(Options::default())
}

fn stocked_with(options: Options) -> Mooringd {
    let server = Mooringd::alone(options).unwrap();
    server.stock().unwrap();
    server
}

/// Runs a command during which the server must die at `point`, and starts the server again.
fn die_at(server: &mut Mooringd, point: &str, line: &str) {
    server.restart(Some(point)).unwrap();
    die(server, point, line);
}

/// The same, of a server that waits for that point.
fn die(server: &mut Mooringd, point: &str, line: &str) {
    let answer = server.moor(&format!("{line} --timeout 5 -o json")).unwrap();
    // No answer; or, where the point is after the last step, the outcome: bound, unbound, or an EIP that does not exist.
    assert!([0, 3, 4].contains(&answer.exit), "{answer:?}");
    let ended = server.wait_ended().unwrap();
    assert!(!ended.success(), "{ended}");
    assert!(server.log().contains(point), "it died of something else: {}", server.log());
    server.restart(None).unwrap();
}

fn wait_state(server: &Mooringd, eip: &str, state: &str) {
    wait_for(&format!("EIP {eip} to be {state}"), PATIENT, || {
        let eip = server.ask(&format!("eip get {eip}")).map_err(|error| format!("{error:#}"))?;
        if eip["state"] == state { Ok(()) } else { Err(eip.to_string()) }
    })
    .unwrap();
}

fn count(server: &Mooringd, kind: &str) -> usize {
    server.events().unwrap().iter().filter(|(its, _)| its == kind).count()
}

/// The EIP and the HAVIP are free: they can be bound, unbound, and given back.
fn assert_free(server: &Mooringd) {
    server.ask("bind web front").unwrap();
    server.ask("unbind web").unwrap();
    server.ask("eip release web").unwrap();
    server.ask("havip delete front").unwrap();
}

fn bind_survives(point: &str) {
    bind_survives_in(stocked(), point);
}

fn bind_survives_in(mut server: Mooringd, point: &str) {
    die_at(&mut server, point, "bind web front");
    wait_state(&server, "web", "IN_USE");
    let refusal = server.refuse("eip release web").unwrap();
    assert_eq!(refusal.exit, 1, "a bound EIP is held: {refusal:?}");
    for once in ["bind_requested", "hold_placed", "bound"] {
        assert_eq!(count(&server, once), 1, "{once}");
    }
    server.ask("unbind web").unwrap();
    assert_eq!(count(&server, "hold_released"), 1);
    assert_free(&server);
}

#[test]
fn a_bind_survives_a_crash_before_its_hold() {
    // No hold is asked for before the request is stored, as when resource did not answer then.
    let plant = Some("bind.holds-late".to_owned());
    bind_survives_in(stocked_with(Options { plant, ..Options::default() }), "bind.before-hold");
}

#[test]
fn a_bind_survives_a_crash_after_its_hold() {
    bind_survives("bind.after-hold");
}

#[test]
fn a_bind_survives_a_crash_after_it_was_stored() {
    bind_survives("bind.after-bound");
}

/// The hold is asked for while the request is being stored: which of them is in the log then is chance.
fn bind_survives_early(point: &str) {
    let mut server = stocked();
    die_at(&mut server, point, "bind web front");
    server.ask("bind web front").unwrap();
    wait_state(&server, "web", "IN_USE");
    for once in ["bind_requested", "bound"] {
        assert_eq!(count(&server, once), 1, "{once}");
    }
    assert_eq!(count(&server, "bind_failed"), 0);
    server.ask("unbind web").unwrap();
    assert_eq!(count(&server, "hold_placed"), count(&server, "hold_released"), "nothing stays held");
    assert_free(&server);
}

#[test]
fn a_bind_survives_a_crash_before_its_early_hold() {
    bind_survives_early("early.before-hold");
}

#[test]
fn a_bind_survives_a_crash_after_its_early_hold() {
    bind_survives_early("early.after-hold");
}

/// The EIP has moved, the HAVIP that it left is free, and each step was taken once.
fn move_survives(point: &str) {
    let mut server = stocked();
    server.ask("havip create back --subnet web").unwrap();
    server.ask("bind web front").unwrap();
    die_at(&mut server, point, "move web back");
    wait_for("the EIP to front the other HAVIP, and the first to be free", PATIENT, || {
        let (eip, unbound) = (server.ask("eip get web"), count(&server, "unbound"));
        match eip {
            Ok(eip) if eip["state"] == "IN_USE" && unbound == 1 => Ok(()),
            other => Err(format!("{other:?}, unbound {unbound}")),
        }
    })
    .unwrap();
    for (kind, times) in [
        ("bind_requested", 2),
        ("hold_placed", 2),
        ("bound", 2),
        ("unbind_requested", 1),
        ("hold_released", 1),
    ] {
        assert_eq!(count(&server, kind), times, "{kind}");
    }
    server.ask("havip delete front").unwrap();
    server.ask("unbind web").unwrap();
    server.ask("eip release web").unwrap();
    server.ask("havip delete back").unwrap();
}

#[test]
fn a_move_survives_a_crash_before_its_hold() {
    move_survives("bind.before-hold");
}

#[test]
fn a_move_survives_a_crash_after_its_hold() {
    move_survives("bind.after-hold");
}

#[test]
fn a_move_survives_a_crash_after_the_eip_was_told_to_leave() {
    move_survives("bind.after-bound");
}

#[test]
fn a_move_survives_a_crash_before_what_it_left_is_released() {
    move_survives("unbind.before-release");
}

#[test]
fn a_move_survives_a_crash_after_what_it_left_is_released() {
    move_survives("unbind.after-release");
}

#[test]
fn a_move_survives_a_crash_after_what_it_left_was_over() {
    move_survives("unbind.after-unbound");
}

/// The bind asks for a HAVIP that was bound before and is deleted since, so it is stored and must come to nothing.
fn failing_bind_survives(point: &str, reason: &str) {
    let mut server = stocked();
    server.restart(Some(point)).unwrap();
    let gone = server.ask("havip create gone --subnet web").unwrap();
    for line in ["bind web gone", "unbind web", "havip delete gone"] {
        server.ask(line).unwrap();
    }
    die(&mut server, point, &format!("bind web {}", gone["name"].as_str().unwrap()));
    let failed = wait_for("the binding to be FAILED", PATIENT, || {
        let bindings = server.ask("binding list").map_err(|error| format!("{error:#}"))?;
        if bindings[0]["state"] == "FAILED" { Ok(bindings[0].clone()) } else { Err(bindings.to_string()) }
    })
    .unwrap();
    assert!(failed["failure"].as_str().unwrap().contains(reason), "{failed}");
    for (kind, times) in [("bind_requested", 2), ("hold_released", 2), ("bind_failed", 1), ("hold_placed", 1)]
    {
        assert_eq!(count(&server, kind), times, "{kind}");
    }
    assert_free(&server);
}

#[test]
fn a_failing_bind_survives_a_crash_before_its_release() {
    failing_bind_survives("fail.before-release", "NOT_FOUND");
}

#[test]
fn a_failing_bind_survives_a_crash_after_its_release() {
    // The first reason died with the process; what the release left behind is a reason as well.
    failing_bind_survives("fail.after-release", "HOLD_RELEASED");
}

#[test]
fn a_failing_bind_survives_a_crash_after_it_failed() {
    failing_bind_survives("fail.after-failed", "NOT_FOUND");
}

fn unbind_survives(point: &str) {
    let mut server = stocked();
    server.ask("bind web front").unwrap();
    die_at(&mut server, point, "unbind web");
    wait_state(&server, "web", "AVAILABLE");
    for once in ["unbind_requested", "hold_released", "unbound"] {
        assert_eq!(count(&server, once), 1, "{once}");
    }
    let kinds: Vec<String> = server.events().unwrap().into_iter().map(|(kind, _)| kind).collect();
    let at = |kind: &str| kinds.iter().position(|its| its == kind);
    assert!(at("hold_released") < at("unbound"), "released first, then gone: {kinds:?}");
    assert_free(&server);
}

#[test]
fn an_unbind_survives_a_crash_before_its_release() {
    unbind_survives("unbind.before-release");
}

#[test]
fn an_unbind_survives_a_crash_after_its_release() {
    unbind_survives("unbind.after-release");
}

#[test]
fn an_unbind_survives_a_crash_after_it_was_stored() {
    unbind_survives("unbind.after-unbound");
}

fn id(resource: &Value) -> Vec<u8> {
    let name = resource["name"].as_str().unwrap();
    uuid::Uuid::parse_str(name.rsplit('/').next().unwrap()).unwrap().as_bytes().to_vec()
}

fn hold(server: &Mooringd, binding: &[u8]) -> Outcome {
    let (eip, havip) = (server.ask("eip get web").unwrap(), server.ask("havip get front").unwrap());
    let item = hold_request::Item {
        binding_id: binding.to_vec().into(),
        eip_id: id(&eip).into(),
        havip_id: id(&havip).into(),
        ..Default::default()
    };
    let request = HoldRequest { region: "r1".to_owned(), items: vec![item], ..Default::default() };
    let answer = server.call(async |channel| HoldServiceClient::new(channel).hold(request).await);
    answer.unwrap().unwrap().into_inner().outcomes.remove(0)
}

fn assert_refused(outcome: &Outcome) {
    match &outcome.result {
        Some(outcome::Result::Refusal(refusal)) => assert_eq!(refusal.reason, "HOLD_RELEASED"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hold_that_arrives_after_the_release_of_its_binding_is_refused_also_after_a_restart() {
    let mut server = stocked();
    let binding = id(&server.ask("bind web front").unwrap());
    server.ask("unbind web").unwrap();
    assert_refused(&hold(&server, &binding));
    server.restart(None).unwrap();
    assert_refused(&hold(&server, &binding));
    assert_eq!(count(&server, "hold_placed"), 1);
    assert_free(&server);
}

#[test]
fn a_release_that_arrives_before_the_hold_of_its_binding_wins() {
    let server = stocked();
    let binding = uuid::Uuid::now_v7().as_bytes().to_vec();
    let request = ReleaseRequest {
        region: "r1".to_owned(),
        binding_ids: vec![binding.clone().into()],
        ..Default::default()
    };
    let released = server.call(async |channel| HoldServiceClient::new(channel).release(request).await);
    released.unwrap().unwrap();
    assert_refused(&hold(&server, &binding));
    assert_free(&server);
}

/// Of a binding that there is: what nobody asked for is let go at a start.
#[test]
fn a_hold_that_arrives_again_holds_once() {
    let server = stocked();
    let binding = id(&server.ask("bind web front").unwrap());
    let (second, third) = (hold(&server, &binding), hold(&server, &binding));
    assert!(matches!(second.result, Some(outcome::Result::Facts(_))), "{second:?}");
    assert_eq!(second, third);
    assert_eq!(count(&server, "hold_placed"), 1);
}
