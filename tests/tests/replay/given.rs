//! What the stories begin with: a life lived with a real `mooringd`, and what it said of itself along the way.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mooring_tests::{
    Mooringd, lab,
    server::{Answer, Options, Refusal, moor_with},
};
use serde_json::Value;

/// A list of `moor`, and its key in `moor replay -o json`.
pub const LISTS: [(&str, &str); 8] = [
    ("pools", "pool list"),
    ("vpcs", "vpc list"),
    ("subnets", "subnet list"),
    ("vnics", "vnic list"),
    ("havips", "havip list"),
    ("eips", "eip list"),
    ("bindings", "binding list"),
    ("holders", "holders"),
];

/// The live answers of one moment.
pub struct Photo {
    pub position: u64,
    /// One for each of [`LISTS`].
    pub lists: Vec<Value>,
}

/// A life that has ended, and photos of it: before it, and after each of its steps.
pub struct Life {
    pub server: Mooringd,
    pub photos: Vec<Photo>,
}

/// What happens after a stock of things was made; each step is photographed.
pub const STEPS: [&[&str]; 6] = [
    &["eip allocate second", "vpc create other --project p2"],
    &["claim vm-a"],
    &["bind web front"],
    &["claim vm-b"],
    &["unbind web"],
    &["eip release second", "havip delete front"],
];

/// A server that writes nothing by itself any more: its gateway has registered.
pub fn server() -> Mooringd {
    Mooringd::alone(Options::default()).unwrap()
}

/// Lives it, and stops the server.
pub fn lived() -> Life {
    let mut server = server();
    server.stock().unwrap();
    let mut photos = vec![photo(&server)];
    for step in STEPS {
        for line in step {
            match line.strip_prefix("claim ") {
                Some("vm-a") => server.claim(lab::MAC_A).unwrap(),
                Some(_) => server.claim(lab::MAC_B).unwrap(),
                None => drop(server.ask(line).unwrap()),
            }
        }
        photos.push(photo(&server));
    }
    assert!(server.stop().unwrap().success());
    Life { server, photos }
}

/// What the server says now. Nothing happens meanwhile.
pub fn photo(server: &Mooringd) -> Photo {
    let before = tail(server);
    let lists = LISTS.map(|(_, line)| server.ask(line).unwrap()).into();
    assert_eq!(tail(server), before, "something was written while nobody asked for it");
    Photo { position: before, lists }
}

/// The last position of the running server's log.
pub fn tail(server: &Mooringd) -> u64 {
    commits(server).last().unwrap()["position"].as_u64().unwrap()
}

/// Every commit of the running server's log.
pub fn commits(server: &Mooringd) -> Vec<Value> {
    let log = server.moor("log -o json").unwrap();
    assert_eq!(log.exit, 0, "{}", log.error);
    log.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs `moor` without a server, for project `p1` in region `r1`.
pub fn offline(line: &str) -> Answer {
    let nobody = "http://127.0.0.1:1".to_owned();
    moor_with(&[("MOORING_SERVER", nobody)], line).unwrap()
}

/// What it prints as JSON; it must succeed.
#[track_caller]
pub fn told(line: &str) -> Value {
    offline(&format!("{line} -o json")).json().unwrap()
}

/// Why it was refused.
#[track_caller]
pub fn refused(line: &str) -> Refusal {
    offline(&format!("{line} -o json")).refusal().unwrap()
}

/// The log's only segment.
pub fn segment(data: &Path) -> PathBuf {
    let segments = data.join("log/r1/segments");
    let mut files: Vec<_> = fs::read_dir(segments).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}
