//! One log, one process: whoever comes second is told so, and can have the log once it is free.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "stories/given.rs"]
mod given;

use std::{
    io::{BufRead, BufReader, Write, stdin, stdout},
    process::Stdio,
};

use given::{all, child, child_folder, open, open_with, write};
use mooring_event_log::{EventLog, LogError, Options, Position};

#[tokio::test]
async fn two_processes_cannot_open_the_same_log() {
    if let Some(folder) = child_folder() {
        let log = open(&folder).log;
        write(log.as_ref(), "binding", "from the first").await.unwrap();
        stdout().write_all(b"\nopen\n").unwrap();
        stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut first = child("two_processes_cannot_open_the_same_log", folder.path(), &[]);
    let mut first = first.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "open"), "the first process did not open the log");
    let refused = open_with(folder.path(), Options::default(), &[]).map(|_| ());
    let Err(LogError::Unavailable(why)) = refused else { panic!("the second came in: {refused:?}") };
    assert!(why.contains("open in another process"), "{why}");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(all(open(folder.path()).log.as_ref()).await.len(), 1, "the lock goes with its process");
}

#[tokio::test]
async fn one_process_cannot_open_the_same_log_twice() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let second = open_with(folder.path(), Options::default(), &[]).map(|_| ());
    assert!(matches!(second, Err(LogError::Unavailable(_))), "{second:?}");
    drop(first);
    open(folder.path());
}

#[tokio::test]
async fn a_closed_log_refuses_appends_lets_followers_end_and_frees_its_folder() {
    use futures::StreamExt;
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    write(log.as_ref(), "binding", "last").await.unwrap();
    let follow = log.follow(mooring_event_log::Filter::All, Position(0));
    log.close();
    assert_eq!(write(log.as_ref(), "binding", "late").await, Err(LogError::Closed));
    assert_eq!(follow.collect::<Vec<_>>().await.len(), 1);
    let again = open(folder.path()).log;
    assert_eq!(all(again.as_ref()).await, all(log.as_ref()).await);
    assert_ne!(again.id(), open(tempfile::tempdir().unwrap().path()).log.id());
    assert_eq!(again.id(), log.id());
}
