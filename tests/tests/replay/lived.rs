//! The past is told as it was lived: what `moor replay` says of a moment is what the server said then.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::given::*;

/// The live answer, without what no log has: which gateway had applied a binding.
fn storable(mut list: Value) -> Value {
    for thing in list.as_array_mut().unwrap() {
        thing.as_object_mut().unwrap().remove("gateways");
    }
    list
}

#[test]
fn at_every_position_a_stopped_log_tells_what_the_server_said_then() {
    let Life { server, photos } = lived();
    let data = server.data();
    let places = [
        format!("file:{}", data.display()),
        data.display().to_string(),
        data.join("log/r1").display().to_string(),
    ];
    for (n, Photo { position, lists }) in photos.into_iter().enumerate() {
        let place = &places[n % places.len()];
        let past = told(&format!("replay {place} --at {position}"));
        assert_eq!((&past["position"], &past["region"]), (&json!(position), &json!("r1")));
        for ((key, line), live) in LISTS.iter().zip(lists) {
            assert_eq!(past[key], storable(live), "{line} at {position}, step {n}");
        }
        let bound = past["eips"].as_array().unwrap().iter().any(|eip| eip["state"] == "IN_USE");
        let elements = match bound {
            true => {
                json!([{"vpc": past["vpcs"][0]["name"], "eip": "203.0.113.70", "havip": "10.0.1.50"}])
            }
            false => json!([]),
        };
        assert_eq!(past["nat"], elements, "at {position}");
        assert_eq!(bound, (3..=4).contains(&n), "bound after step 3 and 4");
        assert_eq!(past["gateways"][0]["name"], "regions/r1/gateways/gw-1");
    }
}

#[test]
fn every_commit_of_a_log_can_be_asked_for_by_place_and_by_time() {
    let mut server = server();
    server.stock().unwrap();
    server.ask("bind web front").unwrap();
    let commits = commits(&server);
    assert!(server.stop().unwrap().success());
    let place = server.data().display().to_string();
    // Of commits with the same time the last one counts.
    let last_of: BTreeMap<_, _> =
        commits.iter().map(|commit| (commit["recorded_at"].to_string(), commit)).collect();
    for commit in &commits {
        let (position, index) = (&commit["position"], &commit["index"]);
        let past = told(&format!("replay {place} --at {position}.{index}"));
        for field in ["position", "index", "recorded_at", "stream", "actor"] {
            assert_eq!(past[field], commit[field], "{field} of {position}.{index}");
        }
        let time = commit["recorded_at"].as_str().unwrap();
        let then = told(&format!("replay {place} --at {time}"));
        let last = last_of[&commit["recorded_at"].to_string()];
        assert_eq!((&then["position"], &then["index"]), (&last["position"], &last["index"]), "at {time}");
        if last == commit {
            assert_eq!(then, past, "at {time}");
        }
    }
    assert_eq!(told(&format!("replay {place}")), told(&format!("replay {place} --at end")));
}

/// Between the steps of a life nobody can ask the server: a bind and an unbind are several commits each.
#[test]
fn a_binding_is_seen_in_the_middle_of_its_way() {
    let mut server = server();
    server.stock().unwrap();
    server.ask("bind web front").unwrap();
    server.ask("unbind web").unwrap();
    let commits = commits(&server);
    assert!(server.stop().unwrap().success());
    let (mut state, mut seen) = ("AVAILABLE", Vec::new());
    for commit in &commits {
        let position = &commit["position"];
        let kind = commit["events"][0].as_object().unwrap().keys().next().unwrap().as_str();
        state = match kind {
            "bind_requested" => "ASSOCIATING",
            "bound" => "IN_USE",
            "unbind_requested" => "UNASSOCIATING",
            "unbound" => "AVAILABLE",
            _ => state,
        };
        let past = told(&format!("replay {} --at {position}", server.data().display()));
        let (eip, bindings) = (&past["eips"][0], past["bindings"].as_array().unwrap());
        if eip.is_null() {
            continue;
        }
        seen.push(state);
        assert_eq!(eip["state"], state, "EIP after {kind} at {position}");
        let expected: Vec<Value> = (state != "AVAILABLE").then(|| json!(state)).into_iter().collect();
        assert_eq!(bindings.iter().map(|binding| binding["state"].clone()).collect::<Vec<_>>(), expected);
        let elements = past["nat"].as_array().unwrap().len();
        assert_eq!(elements, usize::from(state == "IN_USE"), "NAT after {kind} at {position}");
        let held = !past["havips"][0]["binding"].as_str().unwrap().is_empty();
        assert!(held || state != "IN_USE", "what is in use is held, at {position}");
    }
    seen.dedup();
    assert_eq!(seen, ["AVAILABLE", "ASSOCIATING", "IN_USE", "UNASSOCIATING", "AVAILABLE"]);
}

#[test]
fn people_are_told_where_it_stands_and_see_the_tables_they_know() {
    let Life { server, photos } = lived();
    let place = server.data().display().to_string();
    let answer = offline(&format!("replay {place} --at {}", photos[3].position));
    assert_eq!(answer.exit, 0, "{}", answer.error);
    let lines: Vec<&str> = answer.out.lines().collect();
    assert!(
        lines[0].starts_with(&format!("region r1 at {}.0, recorded 2", photos[3].position)),
        "{}",
        lines[0]
    );
    for heading in ["pools:", "VPCs:", "subnets:", "vNICs:", "HAVIPs:", "EIPs:", "bindings:", "holders:"] {
        assert!(lines.contains(&heading), "{heading} is not in:\n{}", answer.out);
    }
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert!(lines.iter().any(|line| words(line) == ["blue", "203.0.113.70", "10.0.1.50"]), "{}", answer.out);
    let before = offline(&format!("replay {place} --at 0"));
    assert_eq!(
        (before.exit, &*before.out),
        (0, "region r1 at 0, before everything\n\nnothing is there yet\n")
    );
}

#[test]
fn only_the_projects_own_things_are_told() {
    let Life { server, .. } = lived();
    let place = server.data().display().to_string();
    let names = |project: &str| {
        let past = told(&format!("replay {place} --project {project}"));
        let vpcs = past["vpcs"].as_array().unwrap().clone();
        vpcs.into_iter().map(|vpc| vpc["display_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((names("p1"), names("p2")), (vec!["blue".to_owned()], vec!["other".to_owned()]));
}
