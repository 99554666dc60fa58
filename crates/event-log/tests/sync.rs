//! L4 seen from the kernel: with one sequential client, between reading a request and writing its answer a sync of
//! the log returns. And what happens when a sync fails, or a write: strace makes them fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "stories/given.rs"]
mod given;

use std::{
    fs,
    io::{BufRead, BufReader, Write, stdin, stdout},
    path::Path,
    process::{Command, Stdio},
};

use futures::{FutureExt, StreamExt};
use given::{all, child, child_folder, commit, open, stream, write};
use mooring_event_log::{EventLog, Filter, LogError, Position};

const REQUESTS: u64 = 20;

/// One line of a trace.
struct Line<'a> {
    thread: &'a str,
    call: &'a str,
}

#[test]
fn a_sync_returns_between_every_request_and_its_answer() {
    let me = "a_sync_returns_between_every_request_and_its_answer";
    if let Some(folder) = child_folder() {
        return answer_requests(&folder);
    }
    let (folder, trace) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let calls = "trace=read,recvfrom,write,sendto,pwrite64,fdatasync";
    let strace = ["strace", "-f", "-y", "-s", "64", "-e", calls, "-o", trace.path().to_str().unwrap()];
    let mut server = child(me, folder.path(), &strace);
    let mut server = start(server.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut requests = server.stdin.take().unwrap();
    let mut answers = BufReader::new(server.stdout.take().unwrap()).lines();
    for n in 1..=REQUESTS {
        // One write, so that the server reads it at once.
        requests.write_all(format!("request {n}\n").as_bytes()).unwrap();
        let answer = format!("answer {n}");
        assert!(answers.any(|line| line.unwrap() == answer), "no answer to request {n}");
    }
    drop(requests);
    assert!(answers.any(|line| line.unwrap() == "bye") && server.wait().unwrap().success());
    let trace = fs::read_to_string(trace.path()).unwrap();
    let lines: Vec<_> = trace.lines().filter_map(Line::of).collect();
    for n in 1..=REQUESTS {
        assert_synced_between(&lines, &format!("\"request {n}\\n\""), &format!("\"answer {n}\\n\""));
    }
}

fn answer_requests(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let log = open(folder).log;
    for (n, request) in (1..).zip(stdin().lines()) {
        let position = runtime.block_on(write(log.as_ref(), "binding", &request.unwrap()));
        assert_eq!(position, Ok(Position(n)));
        // The line end first: the test's name stands before it.
        stdout().write_all(b"\n").unwrap();
        stdout().write_all(format!("answer {n}\n").as_bytes()).unwrap();
    }
    stdout().write_all(b"bye\n").unwrap();
}

/// After the request came, one thread writes to a segment, syncs it, and the sync returns 0, before the answer goes.
fn assert_synced_between(lines: &[Line<'_>], request: &str, answer: &str) {
    let came = lines.iter().position(|line| line.call.contains(request)).expect(request);
    let went = lines.iter().position(|line| line.call.contains(answer)).expect(answer);
    assert!(came < went, "{answer} went before {request} came");
    let between = &lines[came + 1..went];
    let written =
        between.iter().position(|line| line.call.starts_with("pwrite64(") && line.call.contains(".log>"));
    let written = written.unwrap_or_else(|| panic!("nothing was written between {request} and {answer}"));
    let thread = between[written].thread;
    let mut after = between[written + 1..].iter().filter(|line| line.thread == thread);
    let synced = after.find(|line| line.call.starts_with("fdatasync(") && line.call.contains(".log>"));
    let synced = synced.unwrap_or_else(|| panic!("no sync started between {request} and {answer}"));
    let returned = if synced.call.ends_with("<unfinished ...>") {
        after.find(|line| line.call.starts_with("<... fdatasync resumed>"))
    } else {
        Some(synced)
    };
    let returned = returned.unwrap_or_else(|| panic!("no sync returned between {request} and {answer}"));
    assert!(returned.call.ends_with("= 0"), "the sync failed: {}", returned.call);
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (thread, call) = line.split_once(' ')?;
        Some(Self { thread, call: call.trim_start() })
    }
}

#[test]
fn after_a_sync_that_failed_nothing_is_written_until_the_log_is_opened_again() {
    let me = "after_a_sync_that_failed_nothing_is_written_until_the_log_is_opened_again";
    if let Some(folder) = child_folder() {
        return tell(third_sync_fails(&folder));
    }
    let failing = ["strace", "-f", "-qq", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=3"];
    run(me, &failing);
}

async fn third_sync_fails(folder: &Path) {
    let log = open(folder).log;
    let binding = stream("binding");
    for last in 0..2 {
        assert!(log.append(&binding, Position(last), vec![commit("fine")]).await.is_ok());
    }
    let mut follow = log.follow(Filter::All, Position(2));
    let third = vec![commit("third")];
    for _ in 0..2 {
        let answer = log.append(&binding, Position(2), third.clone()).await;
        assert!(matches!(answer, Err(LogError::Unknown(_))), "{answer:?}");
    }
    let other = write(log.as_ref(), "health", "other").await;
    assert!(matches!(other, Err(LogError::Unavailable(_))), "{other:?}");
    assert_eq!(all(log.as_ref()).await.len(), 2, "what is not known to be durable is not served");
    assert!(follow.next().now_or_never().is_none(), "nor followed");
    drop(log);
    let log = open(folder).log;
    assert_eq!(log.append(&binding, Position(2), third).await, Ok(Position(3)));
    assert_eq!(all(log.as_ref()).await.len(), 3);
    assert_eq!(write(log.as_ref(), "health", "other").await, Ok(Position(4)));
}

#[test]
fn a_write_that_failed_leaves_nothing_and_the_next_one_lands() {
    let me = "a_write_that_failed_leaves_nothing_and_the_next_one_lands";
    if let Some(folder) = child_folder() {
        return tell(second_write_fails(&folder));
    }
    run(me, &["strace", "-f", "-qq", "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=EIO:when=2"]);
}

async fn second_write_fails(folder: &Path) {
    let log = open(folder).log;
    assert_eq!(write(log.as_ref(), "binding", "first").await, Ok(Position(1)));
    let failed = write(log.as_ref(), "binding", "second").await;
    assert!(matches!(failed, Err(LogError::Unavailable(_))), "{failed:?}");
    assert_eq!(write(log.as_ref(), "binding", "second").await, Ok(Position(2)));
    drop(log);
    // In a thread of its own: strace counts the writes of each, and this one's second would fail too.
    let folder = folder.to_owned();
    let opened = tokio::task::spawn_blocking(move || open(&folder)).await.unwrap();
    assert_eq!(opened.repaired, None);
    assert_eq!(all(opened.log.as_ref()).await.len(), 2);
}

/// Runs the child's side of a story to its end.
fn tell(story: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(story);
    println!("told to the end");
}

fn run(test: &str, strace: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let told = start(child(test, folder.path(), strace).stdout(Stdio::piped())).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success() && said.contains("told to the end"), "{said}");
}

fn start(command: &mut Command) -> std::process::Child {
    command.spawn().expect("this test needs strace; on Debian: apt-get install strace")
}
