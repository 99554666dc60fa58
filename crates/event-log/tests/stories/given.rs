//! What the stories start from: logs in folders, commits, and children that are this very test run once more.
#![allow(dead_code, reason = "no story needs all of it")]
#![allow(clippy::print_stderr, reason = "a child says why it ends")]

use std::{
    env,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::Arc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use mooring_event_log::{
    Commit, EventLog, Filter, LogError, Opened, Options, Position, Record, Segments, StreamName, Witness,
};
use tempfile::TempDir;
use uuid::Uuid;

/// The streams of the three services that write.
pub const STREAMS: [&str; 3] = ["binding", "health", "resource"];

/// A folder on a file system in memory, where thousands of syncs take no time. For stories in which nothing is
/// about the disk.
pub fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

pub fn stream(name: &str) -> StreamName {
    StreamName::new(name)
}

pub fn commit(text: &str) -> Commit {
    Commit {
        id: Uuid::now_v7(),
        request_id: None,
        request_hash: Bytes::new(),
        actor: "ann".into(),
        recorded_at: 1,
        observed_at: None,
        trace_parent: "".into(),
        events: vec![Bytes::copy_from_slice(text.as_bytes())],
    }
}

pub fn open(folder: &Path) -> Opened {
    open_with(folder, Options::default(), &[]).unwrap()
}

pub fn open_with(folder: &Path, options: Options, witnesses: &[Witness]) -> Result<Opened, LogError> {
    Segments::open(folder, options, witnesses)
}

/// Segments of a few frames, and nothing read from memory.
pub fn small() -> Options {
    Options { segment_bytes: 450, cache_bytes: 0, ..Options::default() }
}

/// Appends one commit where its stream ends.
pub async fn write(log: &dyn EventLog, name: &str, text: &str) -> Result<Position, LogError> {
    let last = log.tail().await?.streams.get(&stream(name)).copied().unwrap_or_default().0;
    log.append(&stream(name), last, vec![commit(text)]).await
}

pub async fn all(log: &dyn EventLog) -> Vec<Arc<Record>> {
    log.read(&Filter::All, Position(0), usize::MAX).await.unwrap()
}

/// What a witness that saw this record says.
pub fn witness(record: &Record) -> Witness {
    Witness { position: record.position, record: Some((record.stream.clone(), record.hash)) }
}

/// Why the log is damaged.
#[track_caller]
pub fn damage<T>(answer: Result<T, LogError>) -> String {
    match answer {
        Err(LogError::Damaged(why)) => why.to_string(),
        Err(other) => panic!("not damaged, but: {other}"),
        Ok(_) => panic!("not damaged"),
    }
}

/// The folder a child of this test works in; `None` in the test itself. A child that hangs ends after a minute.
pub fn child_folder() -> Option<PathBuf> {
    let folder = env::var_os("MOORING_LOG_CHILD")?;
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(60));
        eprintln!("the child hangs");
        process::exit(1);
    });
    Some(folder.into())
}

/// This test once more, in another process that works in `folder`; `before` is put in front of its command line.
pub fn child(test: &str, folder: &Path, before: &[&str]) -> Command {
    let me = env::current_exe().unwrap();
    let mut words = before.iter().map(std::ffi::OsStr::new).chain([me.as_os_str()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env("MOORING_LOG_CHILD", folder);
    command
}
