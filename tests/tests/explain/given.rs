//! What the stories begin with: a real `mooringd`, whose log says who holds what.

use mooring_tests::{Mooringd, lab, server::Options};
use serde_json::Value;

/// The EIP that fronts the HAVIP.
pub const EIP: &str = "203.0.113.70";

/// A server with the usual stock that writes nothing by itself any more.
pub fn stocked() -> Mooringd {
    let server = Mooringd::alone(Options::default()).unwrap();
    server.stock().unwrap();
    server
}

/// vm-a holds the HAVIP, and the EIP fronts it.
pub fn bound() -> Mooringd {
    let server = stocked();
    server.claim(lab::MAC_A).unwrap();
    server.ask("bind web front").unwrap();
    server
}

/// The commit of the running server's log with an event of this kind: the last one.
#[track_caller]
pub fn commit(server: &Mooringd, kind: &str) -> Value {
    let log = server.moor("log -o json").unwrap();
    let commits: Vec<Value> = log.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let has = |commit: &&Value| commit["events"].as_array().unwrap().iter().any(|of| of.get(kind).is_some());
    commits.iter().rfind(has).unwrap_or_else(|| panic!("no {kind} in {commits:?}")).clone()
}

/// Asked of the server and of its log, the answer is the same.
#[track_caller]
pub fn both(server: &Mooringd, line: &str) -> Value {
    let there = server.ask(line).unwrap();
    let here = server.ask(&format!("{line} --log {}", server.data().display())).unwrap();
    assert_eq!(there, here, "{line}: the server and its log disagree");
    there
}

/// Asked of the server and of its log, it is refused alike: exit code, reason and field; and what it says has these words.
#[track_caller]
pub fn refused(server: &Mooringd, line: &str, expected: (i32, &str, &str), words: &[&str]) {
    for line in [line.to_owned(), format!("{line} --log {}", server.data().display())] {
        let refusal = server.refuse(&line).unwrap();
        let found = (refusal.exit, &*refusal.reason, &*refusal.field);
        assert_eq!(found, expected, "{line}: {}", refusal.message);
        for word in words {
            assert!(refusal.message.contains(word), "{line}: {word:?} is not in: {}", refusal.message);
        }
    }
}
