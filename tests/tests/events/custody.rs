//! Who held an address: told by a server, by its log where it lies, and lived before.

use mooring_tests::{
    Mooringd, lab,
    server::{Answer, moor_with},
};
use serde_json::Value;

use crate::given::*;

/// Runs `moor` without a server.
fn offline(line: &str) -> Answer {
    moor_with(&[("MOORING_SERVER", "http://127.0.0.1:1".to_owned())], line).unwrap()
}

/// Of each span: what began it, what ended it, the EIP, the HAVIP, who held it, and whether there is a binding.
fn brief(spans: &Value) -> Vec<[String; 6]> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let span = |span: &Value| {
        let bound = if word(&span["binding"]).is_empty() { "" } else { "bound" };
        [
            word(&span["began"]["kind"]),
            word(&span["ended"]["kind"]),
            word(&span["eip_display_name"]),
            word(&span["havip_display_name"]),
            word(&span["instance"]),
            bound.to_owned(),
        ]
    };
    spans.as_array().unwrap().iter().map(span).collect()
}

fn of(spans: &[[&str; 6]]) -> Vec<[String; 6]> {
    spans.iter().map(|span| span.map(str::to_owned)).collect()
}

#[test]
fn a_public_address_is_followed_to_who_held_it_with_both_clocks() {
    let server = lived();
    server.ask("eip release web").unwrap();
    let told = server.ask("custody 203.0.113.70").unwrap();
    let expected = [
        ["eip_allocated", "bound", "web", "", "", ""],
        ["bound", "holder_changed", "web", "front", "vm-a", "bound"],
        ["holder_changed", "unbound", "web", "front", "vm-b", "bound"],
        ["unbound", "eip_released", "web", "", "", ""],
    ];
    assert_eq!(brief(&told), of(&expected));
    let log = commits(&server);
    for span in told.as_array().unwrap() {
        for change in [&span["began"], &span["ended"]] {
            let commit = log.iter().find(|commit| commit["position"] == change["position"]).unwrap();
            for field in ["index", "recorded_at", "actor"] {
                assert_eq!(change[field], commit[field], "{field} of {change}");
            }
            let claim = &commit["events"][0]["holder_changed"]["claim"];
            assert_eq!(change["observed_at"], claim["observed_at"], "{change}");
        }
        assert_eq!(span["project"], "p1");
    }
    assert!(told[2]["began"]["observed_at"].as_str() < told[2]["began"]["recorded_at"].as_str(), "{told}");
}

#[test]
fn a_private_address_is_followed_in_every_vpc_or_in_one() {
    let server = lived();
    server.ask("subnet create inner --vpc red --cidr 10.0.1.0/24 --project p2").unwrap();
    server.ask("havip create rear --subnet inner --address 10.0.1.50 --project p2").unwrap();
    let front = [
        ["havip_created", "holder_changed", "", "front", "", ""],
        ["holder_changed", "bound", "", "front", "vm-a", ""],
        ["bound", "holder_changed", "web", "front", "vm-a", "bound"],
        ["holder_changed", "unbound", "web", "front", "vm-b", "bound"],
        ["unbound", "holder_changed", "", "front", "vm-b", ""],
        ["holder_changed", "", "", "front", "vm-a", ""],
    ];
    let rear = ["havip_created", "", "", "rear", "", ""];
    let (blue, red) = (name(&server, "vpc get blue"), name(&server, "vpc get red --project p2"));
    let both: Vec<_> = front.into_iter().chain([rear]).collect();
    assert_eq!(brief(&server.ask("custody 10.0.1.50").unwrap()), of(&both));
    for vpc in ["blue", &*blue] {
        assert_eq!(brief(&server.ask(&format!("custody 10.0.1.50 --vpc {vpc}")).unwrap()), of(&front));
    }
    for vpc in ["red --project p2", &*red] {
        let told = server.ask(&format!("custody 10.0.1.50 --vpc {vpc}")).unwrap();
        assert_eq!((brief(&told), &told[0]["project"]), (of(&[rear]), &Value::from("p2")), "{vpc}");
    }
    let own = server.ask("custody 10.0.1.11").unwrap();
    assert_eq!(brief(&own), of(&[["vnic_created", "", "", "", "vm-a", ""]]));
    assert_eq!((&own[0]["vpc"], &own[0]["mac"]), (&Value::from(blue), &Value::from(lab::MAC_A)));
}

/// At the time of every commit exactly what had begun and not ended is told, also where it lies.
#[test]
fn at_any_time_and_between_any_two_it_is_the_same_with_and_without_a_server() {
    let mut server = lived();
    let times: Vec<String> =
        commits(&server).iter().map(|commit| commit["recorded_at"].as_str().unwrap().to_owned()).collect();
    let mut lines: Vec<String> = Vec::new();
    for address in ["203.0.113.70", "10.0.1.50", "10.0.1.12"] {
        lines.push(address.to_owned());
        lines.push(format!("{address} --at end"));
        for at in (0..times.len()).step_by(4) {
            lines.push(format!("{address} --at {}", times[at]));
            let to = &times[(at + 3).min(times.len() - 1)];
            lines.push(format!("{address} --from {} --to {to}", times[at]));
        }
    }
    lines.push("10.0.1.50 --vpc blue".to_owned());
    let ask = |server: &Mooringd, line: &str| server.moor(&format!("custody {line} -o json")).unwrap();
    let told: Vec<Answer> = lines.iter().map(|line| ask(&server, line)).collect();
    let all = told[0].json().unwrap();
    for (line, answer) in lines.iter().zip(&told).filter(|(line, _)| line.starts_with("203.0.113.70 --at 2"))
    {
        // Before it was allocated nothing had the address.
        let Ok(spans) = answer.json() else {
            assert!(
                answer.error.contains("nothing in the log up to then had the address"),
                "{}",
                answer.error
            );
            continue;
        };
        let at = line.rsplit(' ').next().unwrap();
        let holds = |span: &&Value| {
            let began = span["began"]["recorded_at"].as_str().unwrap();
            began <= at && span["ended"]["recorded_at"].as_str().is_none_or(|ended| ended > at)
        };
        let expected: Vec<_> =
            all.as_array().unwrap().iter().filter(holds).map(|span| span["began"].clone()).collect();
        let found: Vec<_> = spans.as_array().unwrap().iter().map(|span| span["began"].clone()).collect();
        assert_eq!(found, expected, "{line}");
    }
    assert!(server.stop().unwrap().success());
    for (line, told) in lines.iter().zip(told) {
        let (address, rest) = line.split_once(' ').unwrap_or((line, ""));
        let read = offline(&format!("custody {address} {} {rest} -o json", server.data().display()));
        assert_eq!((read.exit, &read.out, &read.error), (told.exit, &told.out, &told.error), "{line}");
    }
}

#[test]
fn what_is_wrong_is_told_by_its_argument() {
    let mut server = lived();
    let wrong = [
        ("203.0.113.99", 3, "NOT_FOUND", "ADDRESS"),
        ("nowhere", 2, "INVALID_FIELD", "ADDRESS"),
        ("10.0.1.50 --vpc nobody", 3, "NOT_FOUND", "--vpc"),
        ("10.0.1.50 --vpc red --project p2", 3, "NOT_FOUND", "ADDRESS"),
        ("10.0.1.50 --vpc projects/p1/regions/r1/eips/x", 2, "USAGE", "--vpc"),
        ("10.0.1.50 --at yesterday", 2, "USAGE", "--at"),
        ("10.0.1.50 --at 12", 2, "USAGE", "--at"),
        ("10.0.1.50 --to 2500-01-01T00:00:00Z", 3, "OUTSIDE_THE_LOG", "--to"),
        ("10.0.1.50 --from 2001-01-01T00:00:00Z --to 2000-01-01T00:00:00Z", 2, "INVALID_FIELD", "--to"),
    ];
    let refused = |answer: Answer| {
        let refusal = answer.refusal().unwrap();
        (refusal.exit, refusal.reason, refusal.field, refusal.message)
    };
    let ask = |server: &Mooringd, line: &str| server.moor(&format!("custody {line} -o json")).unwrap();
    let told: Vec<_> = wrong.iter().map(|(line, ..)| refused(ask(&server, line))).collect();
    assert!(server.stop().unwrap().success());
    for ((line, exit, reason, field), told) in wrong.into_iter().zip(told) {
        assert_eq!((told.0, &*told.1, &*told.2), (exit, reason, field), "{line}: {}", told.3);
        let (address, rest) = line.split_once(' ').unwrap_or((line, ""));
        let read = offline(&format!("custody {address} {} {rest} -o json", server.data().display()));
        assert_eq!(refused(read), told, "{line}");
    }
}

#[test]
fn people_see_a_table() {
    let server = lived();
    let told = server.moor("custody 203.0.113.70").unwrap();
    assert_eq!(told.exit, 0, "{}", told.error);
    for words in ["HELD BY", "web (203.0.113.70)", "front (10.0.1.50)", "vm-b (10.0.1.12)", "blue"] {
        assert!(told.out.contains(words), "{words:?} is not in:\n{}", told.out);
    }
    let before = server.moor("custody 203.0.113.70 --from end").unwrap();
    assert_eq!(before.out.lines().count(), 2, "{}", before.out);
}
