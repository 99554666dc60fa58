//! `moor explain`.

use mooring_tests::{lab, wait_for};
use serde_json::Value;
use std::time::Duration;

use crate::given::{EIP, bound, commit, refused, stocked};

const PATIENCE: Duration = Duration::from_secs(30);

/// Asked of the log where it lies: no kernel is in the answer.
#[track_caller]
fn log(server: &mooring_tests::Mooringd, line: &str) -> Value {
    server.ask(&format!("{line} --log {}", server.data().display())).unwrap()
}

fn problems(answer: &Value) -> Vec<(&str, &str)> {
    let all = answer["problems"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    all.map(|one| (one["reason"].as_str().unwrap(), one["runbook"].as_str().unwrap_or_default())).collect()
}

fn facts(answer: &Value) -> Vec<(String, Value)> {
    let all = answer["facts"].as_array().unwrap().iter();
    all.map(|fact| (fact["text"].as_str().unwrap().to_owned(), fact["origin"].clone())).collect()
}

#[test]
fn a_bound_eip_and_its_havip_are_explained_with_every_commit_behind_them() {
    let server = bound();
    let (held, bound_at) = (commit(&server, "holder_changed"), commit(&server, "bound"));
    for what in [EIP, "web", "front", "10.0.1.50"] {
        let answer = log(&server, &format!("explain {what}"));
        assert_eq!(problems(&answer), [], "{what}");
        let facts = facts(&answer);
        let origin = |text: &str| {
            let found = facts.iter().find(|(said, _)| said.contains(text));
            found.unwrap_or_else(|| panic!("{what}: {text:?} is not in {facts:#?}")).1.clone()
        };
        assert_eq!(origin("was allocated to project p1")["actor"], commit(&server, "eip_allocated")["actor"]);
        assert_eq!(
            origin("vm-a (02:00:00:00:01:0a) holds it")["position"].to_string(),
            held["position"].to_string()
        );
        let binding = origin("has its state");
        assert_eq!(binding["position"].to_string(), bound_at["position"].to_string());
        // The process manager decided; somebody asked for it.
        let asked = commit(&server, "bind_requested");
        assert_eq!(binding["asked"]["actor"], asked["actor"]);
        assert_eq!(binding["asked"]["request_id"], asked["request_id"]);
        assert_eq!((&answer["to"]["fate"], &answer["from"]["fate"]), (&"SENT".into(), &"SENT".into()));
        assert_eq!(answer["from"]["left"]["source"], EIP);
    }
    let text = server.moor("explain web").unwrap().out;
    assert!(
        text.contains("nothing keeps packets from passing") && text.contains(", asked for by "),
        "{text}"
    );
}

#[test]
fn what_keeps_packets_from_passing_is_said_with_what_to_do() {
    let server = stocked();
    let unbound = log(&server, "explain web");
    assert_eq!(problems(&unbound), [("NOT_BOUND", "docs/runbooks/unbound-eip.md")]);
    assert_eq!(unbound["to"]["reason"], "unbound_eip");
    assert!(unbound["problems"][0]["remedy"].as_str().unwrap().contains("moor bind web"), "{unbound:#}");
    let both =
        [("NOT_BOUND", "docs/runbooks/private-source.md"), ("NO_HOLDER", "docs/runbooks/no-holder.md")];
    assert_eq!(problems(&log(&server, "explain front")), both);
    assert_eq!(problems(&log(&server, "explain 203.0.113.64"))[0].0, "NOT_ALLOCATED");
    let own = log(&server, "explain 10.0.1.11");
    assert_eq!((problems(&own)[0].0, &own["from"]["reason"]), ("NO_HAVIP", &"private_source".into()));
    assert_eq!(own["what"], "10.0.1.11 is the own address of instance vm-a in VPC blue");
    server.ask("bind web front").unwrap();
    let silent = log(&server, "explain web");
    assert_eq!(problems(&silent), [("NO_HOLDER", "docs/runbooks/no-holder.md")]);
    assert_eq!(silent["to"]["reason"], "no_holder");
    server.claim(lab::MAC_B).unwrap();
    assert_eq!(problems(&log(&server, "explain web")), []);
}

#[test]
fn the_past_is_explained_as_it_was_and_asks_no_kernel() {
    let server = bound();
    let bound_at = commit(&server, "bound")["position"].as_u64().unwrap();
    let line = |at: u64| format!("explain web --at {at}");
    let then = server.ask(&line(bound_at - 1)).unwrap();
    assert_eq!(then, log(&server, &line(bound_at - 1)), "server and log say the same of the past");
    assert_eq!(problems(&then)[0].0, "BEING_BOUND");
    assert_eq!(problems(&server.ask(&line(bound_at)).unwrap()), []);
}

/// The file of this gateway maps the VPC nowhere.
#[test]
fn the_gateway_that_is_asked_says_where_its_kernel_stands() {
    let server = bound();
    wait_for("the gateway to say where the VPC lives", PATIENCE, || {
        let answer = server.ask("explain web").unwrap();
        let kernel = answer["kernel"].to_string();
        if kernel.contains("does not live here") { Ok(()) } else { Err(kernel) }
    })
    .unwrap();
}

#[test]
fn a_gateway_with_a_kernel_says_that_it_was_read_back_and_what_differs() {
    let lab = mooring_tests::Lab::new().unwrap();
    let server = mooring_tests::Mooringd::start(&lab, mooring_tests::server::Options::default()).unwrap();
    server.stock().unwrap();
    server.claim(lab::MAC_A).unwrap();
    server.ask("bind web front --wait").unwrap();
    wait_for("kernel and log to agree", PATIENCE, || {
        let answer = server.ask("explain web").unwrap();
        let read_back = answer["kernel"].to_string().contains("was read back: as the log says");
        let problems = problems(&answer);
        if read_back && problems.is_empty() { Ok(()) } else { Err(format!("{answer:#}")) }
    })
    .unwrap();
    lab.gateway.ip("link set in0 down\nlink delete out0").unwrap();
    wait_for("what is wrong to be said", PATIENCE, || {
        let answer = server.ask("explain web").unwrap();
        let found =
            problems(&answer).iter().any(|(reason, _)| ["FAULT", "DRIFT", "WARNING"].contains(reason));
        if found { Ok(()) } else { Err(format!("{answer:#}")) }
    })
    .unwrap();
}

#[test]
fn what_is_wrong_is_named_and_told_alike_by_server_and_log() {
    let server = bound();
    let missing = (3, "NOT_FOUND", "WHAT");
    refused(&server, "explain nothing", missing, &["an EIP or HAVIP called \"nothing\" does not exist"]);
    refused(&server, "explain 192.0.2.77", missing, &["192.0.2.77", "any subnet or pool"]);
    refused(&server, "explain 2001:db8::1", (2, "INVALID_FIELD", "WHAT"), &["IPv6 is in no kernel yet"]);
    refused(&server, "explain 10.0.1.50 --vpc green", (3, "NOT_FOUND", "--vpc"), &["VPC green"]);
    let outside = (3, "OUTSIDE_THE_LOG", "--at");
    refused(&server, "explain web --at 9999", outside, &["there is no record 9999"]);
    refused(&server, "explain web --at 1999-12-31T23:59:59Z", outside, &["is before everything"]);
}

#[test]
fn an_address_of_two_vpcs_and_a_name_of_two_things_have_to_be_said_whole() {
    let server = bound();
    server.ask("vpc create green").unwrap();
    server.ask("subnet create other --vpc green --cidr 10.0.1.0/24").unwrap();
    let which = ["which VPC?", "blue (projects/p1/", "green (projects/p1/"];
    refused(&server, "explain 10.0.1.50", (1, "AMBIGUOUS", "--vpc"), &which);
    assert_eq!(
        log(&server, "explain 10.0.1.50 --vpc green")["what"],
        "10.0.1.50 is nobody's address in VPC green"
    );
    assert_eq!(log(&server, "explain front")["what"], "10.0.1.50 is the HAVIP front in VPC blue");
    server.ask("eip allocate front").unwrap();
    refused(&server, "explain front", (1, "AMBIGUOUS", "WHAT"), &["EIP projects/p1/", "HAVIP projects/p1/"]);
}
