//! `moor trace`.

use mooring_tests::lab;
use serde_json::Value;

use crate::given::{EIP, both, bound, commit, refused, stocked};

const CLIENT: &str = "198.51.100.10";

/// Every detail of a walk: what it says, and the position that it rests on.
fn details(walk: &Value) -> Vec<(String, u64)> {
    let steps = walk["steps"].as_array().unwrap().iter();
    let details = steps.flat_map(|step| step["details"].as_array().cloned().unwrap_or_default());
    let position = |of: &Value| of["origin"]["position"].as_str().map_or(0, |text| text.parse().unwrap());
    details
        .map(|of| {
            (
                of["text"].as_str().unwrap().to_owned(),
                of["origin"]["position"].as_u64().unwrap_or_else(|| position(&of)),
            )
        })
        .collect()
}

#[track_caller]
fn has(walk: &Value, text: &str, position: u64) {
    let all = details(walk);
    let found = all.iter().any(|(said, at)| said.contains(text) && *at == position);
    assert!(found, "{text:?} by {position} is not in {all:#?}");
}

#[track_caller]
fn ends(walk: &Value, fate: &str, reason: &str) {
    assert_eq!(
        (walk["fate"].as_str().unwrap(), walk["reason"].as_str().unwrap()),
        (fate, reason),
        "{walk:#}"
    );
}

#[test]
fn to_a_bound_eip_each_element_names_the_commit_that_put_it_there() {
    let server = bound();
    let (held, bound) = (commit(&server, "holder_changed"), commit(&server, "bound"));
    let (held, bound_at) = (held["position"].as_u64().unwrap(), bound["position"].as_u64().unwrap());
    let walk = &both(&server, &format!("trace {CLIENT} {EIP}"))["walk"];
    ends(walk, "SENT", "sent");
    has(walk, "the EIP 203.0.113.70 fronts the HAVIP 10.0.1.50", bound_at);
    has(walk, "destination 203.0.113.70 becomes 10.0.1.50", 0);
    has(walk, &format!("permanent neighbour 10.0.1.50 at {} (vm-a)", lab::MAC_A), held);
    assert_eq!(walk["left"]["mac"], lab::MAC_A);
    let text = server.moor(&format!("trace {CLIENT} {EIP}")).unwrap().out;
    let (actor, position) = (bound["actor"].as_str().unwrap(), format!("by commit {bound_at}.0, recorded "));
    assert!(text.contains(&position) && text.contains(actor), "{text}");
}

#[test]
fn from_the_holder_it_leaves_as_the_eip_and_from_another_it_does_not() {
    let server = bound();
    let out = format!("trace {} {CLIENT} --protocol udp --port 53", lab::HAVIP);
    let walk = &both(&server, &out)["walk"];
    ends(walk, "SENT", "sent");
    assert_eq!(
        (walk["left"]["source"].as_str(), walk["came"]["mac"].as_str()),
        (Some(EIP), Some(lab::MAC_A))
    );
    let other = &both(&server, &format!("{out} --mac {}", lab::MAC_B))["walk"];
    ends(other, "DROPPED", "not_holder");
    let own = &both(&server, &format!("trace {} {CLIENT}", lab::VM_A))["walk"];
    ends(own, "DROPPED", "private_source");
}

#[test]
fn what_is_dropped_says_why_as_the_counters_do() {
    let server = stocked();
    let reason = |line: &str, expected: &str| {
        let walk = &both(&server, line)["walk"];
        ends(walk, "DROPPED", expected);
    };
    reason(&format!("trace {CLIENT} {EIP}"), "unbound_eip");
    reason(&format!("trace {CLIENT} {}", lab::VM_A), "private_destination");
    reason(&format!("trace {} {EIP} --side outside", lab::VM_A), "spoofed_source");
    reason(&format!("trace {} {}", lab::VM_A, lab::HAVIP), "no_holder");
    server.ask("bind web front").unwrap();
    reason(&format!("trace {CLIENT} {EIP}"), "no_holder");
    server.claim(lab::MAC_A).unwrap();
    reason(&format!("trace {} {EIP}", lab::VM_B), "hairpin");
    let tracked = &both(&server, &format!("trace {} {EIP} --hairpin", lab::VM_B))["walk"];
    ends(tracked, "SENT", "sent");
    assert_eq!(tracked["left"]["source"], lab::GATEWAY_INSIDE.to_string());
}

#[test]
fn an_error_is_translated_inside_too_and_the_gateways_own_is_told() {
    let server = bound();
    let error = &both(&server, &format!("trace {} {CLIENT} --error unreachable", lab::HAVIP))["walk"];
    assert_eq!(error["came"]["quoted_destination"], lab::HAVIP.to_string());
    assert_eq!(error["left"]["quoted_destination"], EIP);
    let quoting = format!("trace {} {CLIENT} --error unreachable --about {CLIENT} {}", lab::HAVIP, lab::VM_B);
    ends(&both(&server, &quoting)["walk"], "DROPPED", "private_quoted");
    let gateway = format!("trace {CLIENT} {EIP} --ttl 1 --outside-address 203.0.113.2");
    let walk = &both(&server, &gateway)["walk"];
    ends(walk, "DROPPED", "expired");
    let told = &walk["error"];
    ends(told, "SENT", "sent");
    assert_eq!(
        (&told["came"]["quoted_destination"], &told["left"]["quoted_destination"]),
        (&"10.0.1.50".into(), &EIP.into())
    );
    let large = format!("trace {CLIENT} {EIP} --length 1400 --whole --inside-mtu 1300");
    ends(&both(&server, &large)["walk"], "DROPPED", "too_large");
}

#[test]
fn the_past_is_walked_as_it_was() {
    let server = bound();
    let bound_at = commit(&server, "bound")["position"].as_u64().unwrap();
    let line = |at: u64| format!("trace {CLIENT} {EIP} --at {at}");
    ends(&both(&server, &line(bound_at - 1))["walk"], "DROPPED", "unbound_eip");
    ends(&both(&server, &line(bound_at))["walk"], "SENT", "sent");
}

#[test]
fn what_is_wrong_is_named_and_told_alike_by_server_and_log() {
    let server = bound();
    let usage = |field| (2, "INVALID_FIELD", field);
    let to = |rest: &str| format!("trace {CLIENT} {EIP} {rest}");
    refused(&server, "trace nobody 203.0.113.70", usage("FROM"), &["FROM: \"nobody\" is no IPv4 address"]);
    refused(&server, "trace 2001:db8::1 203.0.113.70", usage("FROM"), &["IPv6 is in no kernel yet"]);
    refused(&server, &to("--mac 7"), usage("--mac"), &["six pairs of hexadecimal digits"]);
    refused(&server, &to("--protocol sctp"), usage("--protocol"), &["icmp, tcp, udp or a number"]);
    refused(&server, &to("--protocol 47 --port 7"), usage("--port"), &["protocol 47 has no ports"]);
    refused(&server, &to("--length 20"), usage("--length"), &["its headers alone have 28 bytes"]);
    refused(&server, &to("--inside-mtu 9"), usage("--inside-mtu"), &["68 to 65535"]);
    let missing = |field| (3, "NOT_FOUND", field);
    refused(&server, "trace 192.0.2.1 192.0.2.2", missing("FROM"), &["no subnet and no pool", "192.0.2.1"]);
    refused(&server, &to("--vpc green"), missing("--vpc"), &["VPC green does not exist"]);
    refused(&server, &to("--at 9999"), (3, "OUTSIDE_THE_LOG", "--at"), &["there is no record 9999"]);
    let first = "is before everything: the first commit was recorded at";
    refused(&server, &to("--at 1999-12-31T23:59:59Z"), (3, "OUTSIDE_THE_LOG", "--at"), &[first]);
}

#[test]
fn an_address_of_two_vpcs_needs_the_vpc_said() {
    let server = bound();
    server.ask("vpc create green").unwrap();
    server.ask("subnet create other --vpc green --cidr 10.0.1.0/24").unwrap();
    let line = format!("trace {} {CLIENT}", lab::HAVIP);
    refused(
        &server,
        &line,
        (1, "AMBIGUOUS", "--vpc"),
        &["which VPC?", "blue (projects/p1/", "green (projects/p1/"],
    );
    ends(&both(&server, &format!("{line} --vpc blue"))["walk"], "SENT", "sent");
    // Nobody there has that address as a HAVIP: it is private, and stays.
    ends(&both(&server, &format!("{line} --vpc green"))["walk"], "DROPPED", "private_source");
    // The EIP is of one of them alone.
    ends(&both(&server, &format!("trace {CLIENT} {EIP}"))["walk"], "SENT", "sent");
}
