//! L4 on a real `mooringd`, seen from the kernel: with one caller, one request after the other, a sync of the log returns
//! between reading a request and writing its answer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::time::Duration;

use mooring_tests::server::{Options, own_folder};
use mooring_tests::{Mooringd, wait_for};

const REQUESTS: usize = 20;

/// What one line of the trace says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Request,
    Stored,
    Synced,
    Answer,
}

/// The line of a call that did not fail. With `-yy` strace says of each descriptor what it is.
fn seen(line: &str, name: &str) -> Option<Seen> {
    // A call that others interrupted in the trace has two lines: what it was asked stands in the first, what it read and
    // how it ended in the second.
    let resumed = line.contains("recvfrom resumed") || line.contains("read resumed");
    let tcp = line.contains("<TCP:");
    let received = resumed || (tcp && (line.contains("recvfrom(") || line.contains(" read(")));
    let log = line.contains("/segments/");
    let synced = line.contains("fdatasync") && line.trim_end().ends_with(" = 0");
    match line.contains(name) {
        _ if line.contains(" = -1 ") => None,
        true if received => Some(Seen::Request),
        true if tcp => Some(Seen::Answer),
        true if log => Some(Seen::Stored),
        // Only the log's writer calls fdatasync.
        false if synced => Some(Seen::Synced),
        _ => None,
    }
}

#[test]
fn a_sync_of_the_log_returns_between_each_request_and_its_answer() {
    let folder = own_folder().unwrap();
    let trace = folder.path().join("trace");
    let calls = "trace=fdatasync,fsync,read,recvfrom,write,writev,pwrite64,pwritev,sendto,sendmsg";
    // -D: the process that we start and stop is mooringd, not strace.
    let wrapper = ["strace", "-D", "-f", "-yy", "-s", "4096", "-e", calls, "-o", trace.to_str().unwrap()];
    let options =
        Options { wrapper: wrapper.iter().map(|word| (*word).to_owned()).collect(), ..Options::default() };
    let mut server = Mooringd::start_in(folder.path(), "", options).unwrap();
    let name = |n: usize| format!("durable-{n:04}");
    for n in 0..REQUESTS {
        server.ask(&format!("vpc create {}", name(n))).unwrap();
    }
    let pid = server.pid().unwrap();
    server.stop().unwrap();

    let trace = wait_for("strace to write the end", Duration::from_secs(10), || {
        let text = fs::read_to_string(&trace).map_err(|error| error.to_string())?;
        let ended =
            text.lines().any(|line| line.starts_with(&pid.to_string()) && line.contains("+++ exited"));
        if ended { Ok(text) } else { Err(text.lines().last().unwrap_or_default().to_owned()) }
    })
    .unwrap();
    for n in 0..REQUESTS {
        let all: Vec<Seen> = trace.lines().filter_map(|line| seen(line, &name(n))).collect();
        let from = all.iter().position(|seen| *seen == Seen::Request).unwrap();
        let to = all.iter().position(|seen| *seen == Seen::Answer).unwrap();
        let between = &all[from..to];
        let stored = between.iter().position(|seen| *seen == Seen::Stored);
        let stored =
            stored.unwrap_or_else(|| panic!("{} was answered before it was written: {all:?}", name(n)));
        assert!(between[stored..].contains(&Seen::Synced), "{} was answered before a sync: {all:?}", name(n));
    }
}
