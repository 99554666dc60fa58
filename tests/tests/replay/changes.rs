//! `moor diff` names what was done between two moments, and nothing else.

use serde_json::{Value, json};

use crate::given::*;

/// Of each change: what became of it, its kind, what people call it, and the fields that changed.
fn changes(place: &str, from: u64, to: u64) -> Vec<String> {
    let diff = told(&format!("diff {place} {from} {to}"));
    assert_eq!((&diff["from"]["position"], &diff["to"]["position"]), (&json!(from), &json!(to)));
    diff["changes"].as_array().unwrap().iter().map(said).collect()
}

fn said(change: &Value) -> String {
    let word = |key: &str| change[key].as_str().unwrap().to_owned();
    let fields = change["fields"].as_array().unwrap();
    let fields = fields.iter().map(|field| format!(" {}", field["field"].as_str().unwrap()));
    format!("{} {} {}{}", word("change"), word("kind"), word("label"), fields.collect::<String>())
}

#[test]
fn each_step_of_a_life_is_named_and_nothing_else() {
    let Life { server, photos } = lived();
    let place = server.data().display().to_string();
    let step = |n: usize| changes(&place, photos[n].position, photos[n + 1].position);
    assert_eq!(step(0), ["changed pools public allocated free", "added eips second"]);
    assert_eq!(step(1), ["added holders of front"]);
    assert_eq!(
        step(2),
        [
            "changed havips front binding",
            "changed eips web binding state",
            "added bindings web → front",
            "added nat 203.0.113.70 → 10.0.1.50",
        ]
    );
    // F1: a failover changes the holder alone.
    assert_eq!(step(3), ["changed holders of front instance mac observed_at vnic"]);
    assert_eq!(
        step(4),
        [
            "changed havips front binding",
            "changed eips web binding state",
            "removed bindings web → front",
            "removed nat 203.0.113.70 → 10.0.1.50",
        ]
    );
    assert_eq!(
        step(5),
        [
            "changed pools public allocated cooling",
            "removed havips front",
            "removed eips second",
            "removed holders of front",
        ]
    );
}

#[test]
fn there_and_back_is_the_opposite_and_from_a_moment_to_itself_nothing() {
    let Life { server, photos } = lived();
    let place = server.data().display().to_string();
    let (a, b) = (photos[0].position, photos[3].position);
    let opposite = |said: String| match said.split_once(' ').unwrap() {
        ("added", rest) => format!("removed {rest}"),
        ("removed", rest) => format!("added {rest}"),
        _ => said,
    };
    let (mut there, mut back) = (changes(&place, a, b), changes(&place, b, a));
    back = back.into_iter().map(opposite).collect();
    there.sort();
    back.sort();
    assert_eq!(there, back);
    assert_eq!(changes(&place, b, b), Vec::<String>::new());
    let same = offline(&format!("diff {place} {b} {b}"));
    assert!(same.exit == 0 && same.out.ends_with("\n\nnothing changed\n"), "{}", same.out);
}

#[test]
fn people_read_a_line_for_each_change_with_what_it_was_and_is() {
    let Life { server, photos } = lived();
    let place = server.data().display().to_string();
    let answer = offline(&format!("diff {place} {} {}", photos[2].position, photos[4].position));
    assert_eq!(answer.exit, 0, "{}", answer.error);
    let lines: Vec<_> =
        answer.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let has = |line: &str| lines.iter().any(|found| found.starts_with(line));
    for line in [
        "changed EIP web binding: - → ",
        "added binding web → front IN_USE",
        "changed holder of front instance: vm-a → vm-b, mac: 02:00:00:00:01:0a → 02:00:00:00:01:0b,",
        "added NAT element 203.0.113.70 → 10.0.1.50 in VPC blue",
    ] {
        assert!(has(line), "{line:?} is not in:\n{}", answer.out);
    }
}
