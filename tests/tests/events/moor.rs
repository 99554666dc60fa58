//! `moor log` with filters: from a server and from a log where it lies, for people and for programs, and following.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use mooring_tests::{
    Mooringd, lab,
    server::{Answer, Options, moor_with, program},
};
use serde_json::Value;

use crate::given::*;

const PATIENT: Duration = Duration::from_secs(60);
const FILTERS: [&str; 12] = [
    "",
    "--eip web",
    "--eip 203.0.113.70",
    "--havip front",
    "--havip front --kind holder-changed",
    "--of-project p2",
    "--kind bound,unbound",
    "--kind vpc_created --of-project p1",
    "--eip web --havip front",
    "--from 5",
    "--from 5 --to 9",
    "--eip web --from 3.0 --to 12.0",
];

/// Runs `moor` without a server.
fn offline(line: &str) -> Answer {
    moor_with(&[("MOORING_SERVER", "http://127.0.0.1:1".to_owned())], line).unwrap()
}

#[test]
fn a_log_where_it_lies_tells_what_the_server_tells() {
    let mut server = lived();
    let mut lines: Vec<String> = FILTERS.iter().map(ToString::to_string).collect();
    for kind in ["eip", "havip"] {
        let name = name(&server, &format!("{kind} get {}", if kind == "eip" { "web" } else { "front" }));
        lines.push(format!("--{kind} {name}"));
    }
    let all = commits(&server);
    let time = |n: usize| all[n]["recorded_at"].as_str().unwrap();
    lines.push(format!("--from {} --to {}", time(2), time(8)));
    lines.push(format!("--actor {}", all[3]["actor"].as_str().unwrap()));
    let told: Vec<_> =
        lines.iter().map(|line| server.moor(&format!("log {line} -o json")).unwrap()).collect();
    assert!(server.stop().unwrap().success());
    for (line, told) in lines.iter().zip(told) {
        let read = offline(&format!("log {} {line} -o json", server.data().display()));
        assert_eq!((read.exit, told.exit), (0, 0), "{line}: {} {}", read.error, told.error);
        assert!(told.out.lines().count() > 0, "{line} finds nothing");
        assert_eq!(read.out, told.out, "{line}");
    }
    let between =
        offline(&format!("log {} --from {} --to {} -o json", server.data().display(), time(2), time(8)));
    assert_eq!(between.out.lines().count(), 6, "behind the one, up to the other");
}

#[test]
fn people_see_names_though_the_filter_leaves_out_who_said_them() {
    let server = lived();
    let said = server.moor("log --eip web").unwrap();
    assert_eq!(said.exit, 0, "{}", said.error);
    for words in [
        "EIP web (203.0.113.70) allocated to project p1 from pool public",
        "bind of EIP web (203.0.113.70) to HAVIP front (10.0.1.50) requested",
        "held by vm-b",
        "claim of HAVIP front (10.0.1.50) by the stranger",
        "both are free",
    ] {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
    assert_eq!(said.out.lines().count(), 9, "{}", said.out);
    let nothing = server.moor("log --eip web --kind vnic_created").unwrap();
    assert_eq!((nothing.exit, &*nothing.out), (0, "nothing happened after position 0\n"));
}

#[test]
fn what_is_wrong_is_told_by_its_argument_with_and_without_a_server() {
    let mut server = lived();
    let tail = commits(&server).last().unwrap()["position"].as_u64().unwrap();
    let wrong = [
        ("--eip nobody", 3, "NOT_FOUND", "--eip"),
        ("--havip nobody", 3, "NOT_FOUND", "--havip"),
        ("--of-project p9", 3, "NOT_FOUND", "--of-project"),
        ("--actor no@body", 3, "NOT_FOUND", "--actor"),
        ("--kind rebound", 2, "INVALID_FIELD", "--kind"),
        ("--of-project P*", 2, "INVALID_FIELD", "--of-project"),
        ("--eip projects/p1/regions/r1/havips/x", 2, "USAGE", "--eip"),
        ("--from yesterday", 2, "USAGE", "--from"),
        ("--to 2500-01-01T00:00:00Z", 3, "OUTSIDE_THE_LOG", "--to"),
        ("--from 9999", 3, "OUTSIDE_THE_LOG", "--from"),
        ("--to 9999", 3, "OUTSIDE_THE_LOG", "--to"),
        ("--after 9999 --kind bound", 3, "OUTSIDE_THE_LOG", "--after"),
        ("--from 2001-01-01T00:00:00Z --to 2000-01-01T00:00:00Z", 2, "INVALID_FIELD", "--to"),
    ];
    let refused = |answer: Answer| {
        let refusal = answer.refusal().unwrap();
        (refusal.exit, refusal.reason, refusal.field, refusal.message)
    };
    let told: Vec<_> = wrong
        .iter()
        .map(|(line, ..)| refused(server.moor(&format!("log {line} -o json")).unwrap()))
        .collect();
    assert!(server.stop().unwrap().success());
    for ((line, exit, reason, field), told) in wrong.into_iter().zip(told) {
        let expected = (exit, reason, field);
        assert_eq!((told.0, &*told.1, &*told.2), expected, "{line}: {}", told.3);
        let read = refused(offline(&format!("log {} {line} -o json", server.data().display())));
        assert_eq!(read, told, "{line}");
    }
    assert!(tail < 9999);
}

/// `moor log --follow`, and the lines that it prints.
struct Follower {
    process: Child,
    lines: Receiver<Value>,
}

impl Follower {
    fn start(server: &Mooringd, line: &str) -> Self {
        Self::of(server, &format!("log --follow -o json {line}"))
    }

    fn of(server: &Mooringd, line: &str) -> Self {
        let mut process = Command::new(program("moor").unwrap())
            .env("MOORING_SERVER", format!("http://{}", server.address()))
            .env("MOORING_PROJECT", "p1")
            .env("MOORING_REGION", "r1")
            .args(line.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let read = stdout.lines().map_while(Result::ok);
            read.for_each(|line| drop(sender.send(serde_json::from_str(&line).unwrap())));
        });
        Self { process, lines }
    }

    fn next(&self) -> Value {
        self.lines.recv_timeout(PATIENT).expect("no line in time")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// With and without a filter, over three kills of the server, all at one address.
#[test]
fn following_survives_restarts_without_a_gap_and_with_nothing_twice() {
    let listen = free_address();
    let mut server = Mooringd::alone(Options { listen, ..Options::default() }).unwrap();
    server.stock().unwrap();
    let everything = Follower::start(&server, "");
    let filtered = Follower::start(&server, "--havip front --kind holder_changed,bind_requested,bound");
    let (mut all, mut some) = (Vec::new(), Vec::new());
    for round in 0..3 {
        server.claim(if round % 2 == 0 { lab::MAC_A } else { lab::MAC_B }).unwrap();
        some.push(filtered.next());
        server.restart(None).unwrap();
        server.ask(&format!("vpc create vpc-{round}")).unwrap();
    }
    server.ask("bind web front").unwrap();
    let expected = commits(&server);
    all.extend(expected.iter().map(|_| everything.next()));
    assert_eq!(all, expected);
    some.extend((0..2).map(|_| filtered.next()));
    let wanted = server.moor("log --havip front --kind holder_changed,bind_requested,bound -o json").unwrap();
    let wanted: Vec<Value> = wanted.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((some.len(), &some), (5, &wanted));
}

#[test]
fn holders_are_watched_over_a_restart_and_their_history_is_told_also_of_what_was_deleted() {
    let listen = free_address();
    let mut server = Mooringd::alone(Options { listen, ..Options::default() }).unwrap();
    server.stock().unwrap();
    let watched = Follower::of(&server, "holder front --watch -o json");
    let state = |answer: Value| answer["holders"][0]["state"].as_str().unwrap().to_owned();
    let instance = |answer: Value| answer["holders"][0]["instance"].as_str().unwrap().to_owned();
    assert_eq!(state(watched.next()), "NONE");
    server.claim(lab::MAC_A).unwrap();
    assert_eq!(instance(watched.next()), "vm-a");
    server.restart(None).unwrap();
    server.claim(lab::MAC_B).unwrap();
    assert_eq!(instance(watched.next()), "vm-b");
    let all = server.moor("holder").unwrap();
    assert!(all.out.contains("front") && all.out.contains("vm-b"), "{}", all.out);

    server.ask("havip delete front").unwrap();
    let told = server.moor("holder front --history").unwrap();
    let lines: Vec<&str> = told.out.lines().collect();
    assert_eq!((told.exit, lines.len()), (0, 2), "{}{}", told.out, told.error);
    assert!(lines[0].contains("held by vm-a") && lines[1].contains("held by vm-b"), "{}", told.out);
    let refused = server.refuse("holder nothing --history").unwrap();
    assert_eq!((refused.exit, &*refused.field), (3, "HAVIP"), "{}", refused.message);
}

#[test]
fn a_damaged_record_ends_what_is_read_of_a_log_and_is_named() {
    let mut server = lived();
    assert!(server.stop().unwrap().success());
    let segments = server.data().join("log/r1/segments");
    let path = std::fs::read_dir(&segments).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() * 3 / 4;
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let place = server.data().display().to_string();
    for filter in ["", "--eip web", "--actor no@body"] {
        let read = offline(&format!("log {place} {filter} -o json"));
        let refusal = read.refusal().unwrap();
        assert_eq!((refusal.exit, &*refusal.reason), (1, "DAMAGED"), "{filter}: {}", refusal.message);
        assert!(refusal.message.contains(&path.display().to_string()), "{}", refusal.message);
        assert_eq!(
            read.out.lines().count() > 0,
            filter != "--actor no@body",
            "what stands before it is told"
        );
    }
    // What is asked for stands before the damage.
    let before = offline(&format!("log {place} --eip web --to 9 -o json"));
    assert_eq!(before.exit, 0, "{}", before.error);
}
