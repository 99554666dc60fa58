//! `moor log copy`: everything is the same afterwards, wherever it goes, however often it is interrupted; and nothing
//! is copied onto something else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mooring_event_log::{Commit, EventLog, Filter, Position, Record, Segments, StreamName};
use mooring_tests::server::Answer;
use mooring_tests::{NatsServer, nats::Options, wait_for};
use tempfile::TempDir;

use super::moor::{command, login, moor};
use super::users::commit;

const PATIENCE: Duration = Duration::from_secs(60);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(data: &Path) -> Arc<Segments> {
    Segments::open(&data.join("log/r1"), Default::default(), &[]).unwrap().log
}

/// Appends records of three streams, some of several commits, with times that go back now and then.
async fn write(data: &Path, records: u64) {
    let log = open(data);
    for n in 0..records {
        let tail = log.tail().await.unwrap();
        let stream = StreamName::new(["resource", "binding", "health"][n as usize % 3]);
        let commits: Vec<_> = (0..=n % 4)
            .map(|part| Commit {
                recorded_at: 1_000_000 + n * 10 - n % 7 * 8 + part,
                ..commit(&format!("{n}.{part}"))
            })
            .collect();
        let last = tail.streams.get(&stream).copied().unwrap_or_default().0;
        log.append(&stream, last, commits).await.unwrap();
    }
}

async fn read(data: &Path) -> Vec<Arc<Record>> {
    open(data).read(&Filter::All, Position(0), usize::MAX).await.unwrap()
}

fn file(data: &TempDir) -> String {
    format!("file:{}", data.path().display())
}

/// A NATS with region r1.
fn nats() -> NatsServer {
    let server = NatsServer::start().unwrap();
    assert_eq!(moor(&format!("log init {}", server.url())).exit, 0);
    server
}

fn copied(line: &str) -> serde_json::Value {
    moor(&format!("log copy {line} -o json")).json().unwrap()
}

fn into(server: &NatsServer) -> String {
    format!("{} --nats-monitor {}", server.url(), server.monitor())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_comes_back_from_nats_as_it_went_there() {
    let (from, back, server) = (folder(), folder(), nats());
    write(from.path(), 700).await;
    let there = copied(&format!("{} {}", file(&from), into(&server)));
    assert_eq!((&there["copied"], &there["already"], &there["last"]), (&700.into(), &0.into(), &700.into()));
    let here = copied(&format!("{} {}", server.url(), file(&back)));
    assert_eq!((&here["copied"], &here["hash"]), (&700.into(), &there["hash"]));
    let records = read(from.path()).await;
    assert_eq!(read(back.path()).await, records);
    let text: String = records[699].hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(there["hash"], text);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_copied_to_files() {
    let (from, to) = (folder(), folder());
    write(from.path(), 2_500).await;
    let done = moor(&format!("log copy {} {}", file(&from), file(&to)));
    assert_eq!(done.exit, 0, "{}", done.error);
    let expected = format!(
        "copied 2500 records from {0}/log/r1 to {1}/log/r1; all 2500 were read again from both, and are the same\n",
        from.path().display(),
        to.path().display()
    );
    assert_eq!(done.out, expected);
    assert_eq!(read(to.path()).await, read(from.path()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_repeated_adds_what_is_new() {
    let (from, server) = (folder(), nats());
    let line = format!("{} {}", file(&from), into(&server));
    write(from.path(), 10).await;
    copied(&line);
    let nothing = copied(&line);
    assert_eq!((&nothing["copied"], &nothing["last"]), (&0.into(), &10.into()));
    write(from.path(), 5).await;
    let more = copied(&line);
    assert_eq!((&more["copied"], &more["already"], &more["last"]), (&5.into(), &10.into(), &15.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_log_is_copied_as_an_empty_log() {
    let (from, to, server) = (folder(), folder(), nats());
    drop(open(from.path()));
    for line in [
        format!("{} {}", file(&from), into(&server)),
        format!("{} {}", file(&from), file(&to)),
        format!("{} {}", server.url(), file(&to)),
    ] {
        assert_eq!(copied(&line)["last"], 0, "{line}");
    }
}

/// Kills the copy once the target has grown past so many records, whatever it does then.
async fn killed_after(line: &str, records: u64, last: impl AsyncFn() -> u64) {
    let mut copy = command(&format!("log copy {line}")).spawn().unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while last().await < records && copy.try_wait().unwrap().is_none() {
        assert!(std::time::Instant::now() < deadline, "the target did not grow past {records}");
    }
    copy.kill().unwrap();
    copy.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_to_nats_that_is_killed_goes_on_where_it_was() {
    let (from, server) = (folder(), nats());
    write(from.path(), 3_000).await;
    let line = format!("{} {}", file(&from), into(&server));
    let at = super::given::connect(&server.url()).await;
    let last = async || mooring_event_log::jetstream::admin::check(&at, "r1").await.unwrap().last;
    let mut interrupted = 0;
    for after in [1, 700, 1_900] {
        killed_after(&line, after, last).await;
        interrupted += u32::from(last().await < 3_000);
    }
    assert!(interrupted > 0, "the copy was always faster than the kill");
    let done = copied(&line);
    assert_eq!(done["last"], 3_000);
    assert!(done["already"].as_u64().unwrap() >= 1_900, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_to_files_that_is_killed_goes_on_where_it_was() {
    let (from, to) = (folder(), folder());
    write(from.path(), 6_000).await;
    let line = format!("{} {}", file(&from), file(&to));
    let segment = to.path().join("log/r1/segments/00000000000000000001.log");
    let size = async || std::fs::metadata(&segment).map_or(0, |found| found.len());
    for after in [1, 300_000, 900_000] {
        killed_after(&line, after, size).await;
    }
    let done = copied(&line);
    assert_eq!(done["last"], 6_000);
    assert_eq!(read(to.path()).await, read(from.path()).await);
}

fn refused(line: &str, exit: i32, reason: &str) -> String {
    let refusal = moor(&format!("log copy {line} -o json")).refusal().unwrap();
    assert_eq!((refusal.exit, &*refusal.reason), (exit, reason), "{line}: {}", refusal.message);
    refusal.message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_other_records_is_refused_by_the_first_of_them_and_left_alone() {
    let (from, other, server) = (folder(), folder(), nats());
    write(from.path(), 4).await;
    copied(&format!("{} {}", file(&from), file(&other)));
    write(from.path(), 3).await;
    write(other.path(), 2).await;
    let before = read(other.path()).await;
    let said = refused(&format!("{} {}", file(&from), file(&other)), 1, "LOGS_DIFFER");
    assert!(said.starts_with("record 5 of "), "{said}");
    assert_eq!(read(other.path()).await, before);
    copied(&format!("{} {}", file(&other), into(&server)));
    let said = refused(&format!("{} {}", file(&from), into(&server)), 1, "LOGS_DIFFER");
    assert!(said.starts_with("record 5 of JetStream stream mooring-r1 at nats://"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_goes_on_where_the_source_ends_is_refused() {
    let (from, to) = (folder(), folder());
    write(from.path(), 4).await;
    copied(&format!("{} {}", file(&from), file(&to)));
    write(to.path(), 2).await;
    let said = refused(&format!("{} {}", file(&from), file(&to)), 1, "LOGS_DIFFER");
    assert!(
        said.contains("/log/r1 ends at 4, and ") && said.contains("goes on the same way up to 6"),
        "{said}"
    );
    let other = folder();
    write(other.path(), 3).await;
    let said = refused(&format!("{} {}", file(&other), file(&to)), 1, "LOGS_DIFFER");
    assert!(said.starts_with("record 1 of "), "a shorter one is compared all the same: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_in_use_is_neither_read_nor_written() {
    let (used, other) = (folder(), folder());
    write(used.path(), 4).await;
    write(other.path(), 4).await;
    let running = open(used.path());
    for line in [format!("{} {}", file(&used), file(&other)), format!("{} {}", file(&other), file(&used))] {
        let said = refused(&line, 4, "UNAVAILABLE");
        assert!(said.contains("is open in another process"), "{said}");
    }
    running.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_made_by_reading_it() {
    let (gone, to) = (folder(), folder());
    let said = refused(&format!("{} {}", file(&gone), file(&to)), 3, "NO_LOG");
    assert!(said.starts_with("there is no log in ") && said.ends_with("/log/r1"), "{said}");
    assert!(!gone.path().join("log").exists());
    let server = NatsServer::start().unwrap();
    write(gone.path(), 1).await;
    let said = refused(&format!("{} {}", file(&gone), into(&server)), 1, "REFUSED");
    assert!(said.contains("moor log init nats://") && said.contains("--region r1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_to_a_nats_that_may_not_keep_it() {
    let (from, to) = (folder(), folder());
    write(from.path(), 1).await;
    let lazy = NatsServer::with(Options { sync_interval: None, ..Options::default() }).unwrap();
    assert_eq!(moor(&format!("log init {}", lazy.url())).exit, 0);
    let said = refused(&format!("{} {}", file(&from), into(&lazy)), 1, "REFUSED");
    assert!(said.contains("syncs every 120s, not before it acknowledges"), "{said}");
    let said = refused(&format!("{} {}", file(&from), lazy.url()), 2, "USAGE");
    assert!(said.starts_with("--nats-monitor: is missing"), "{said}");
    copied(&format!("{} {} --trust-nats", file(&from), lazy.url()));
    // Reading it needs nobody's word: every record is checked.
    copied(&format!("{} {}", lazy.url(), file(&to)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrators_user_copies_and_a_services_user_is_refused() {
    let (from, to, passwords) = (folder(), folder(), folder());
    write(from.path(), 30).await;
    let block = moor(&format!("log users --passwords {}", passwords.path().display())).out;
    let server = NatsServer::with(Options { extra: block, ..Options::default() }).unwrap();
    let admin = login(passwords.path(), "mooring-admin");
    assert_eq!(moor(&format!("log init {} {admin}", server.url())).exit, 0);
    let health = login(passwords.path(), "mooring-health");
    let said = refused(&format!("{} {} {health}", file(&from), into(&server)), 1, "REFUSED");
    assert!(said.to_lowercase().contains("permissions violation"), "{said}");
    copied(&format!("{} {} {admin}", file(&from), into(&server)));
    copied(&format!("{} {} {health}", server.url(), file(&to)));
    assert_eq!(read(to.path()).await, read(from.path()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_changed_on_the_disk_is_refused() {
    let (from, to) = (folder(), folder());
    write(from.path(), 2_000).await;
    let segment = from.path().join("log/r1/segments/00000000000000000001.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let said = refused(&format!("{} {}", file(&from), file(&to)), 1, "DAMAGED");
    assert!(said.contains("00000000000000000001.log"), "{said}");
}

#[test]
fn a_place_that_is_none_is_refused_by_its_name() {
    for (line, said) in [
        ("/var/lib/mooring nats://a", "FROM: expected file:FOLDER, nats://HOST:PORT or tls://HOST:PORT"),
        ("file:/a http://b", "TO: expected file:FOLDER"),
        ("file: file:/b", "FROM: expected file:FOLDER"),
        ("nats:// file:/b", "FROM: expected nats://HOST:PORT"),
    ] {
        assert!(refused(line, 2, "USAGE").starts_with(said), "{line}");
    }
    let no_region: Answer = {
        let mut command = command("log copy file:/a file:/b -o json");
        let done = command.env_remove("MOORING_REGION").output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer {
            line: "log copy".into(),
            exit: done.status.code().unwrap(),
            out: text(done.stdout),
            error: text(done.stderr),
        }
    };
    assert!(no_region.refusal().unwrap().message.contains("--region"));
}

/// The copy does not wait for a server for ever, and what it has written by then stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_goes_away_in_the_middle_is_said_and_the_copy_is_taken_up_again() {
    let (from, mut server) = (folder(), nats());
    write(from.path(), 3_000).await;
    let line = format!("{} {}", file(&from), into(&server));
    let at = super::given::connect(&server.url()).await;
    let copy =
        command(&format!("log copy {line} -o json")).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while mooring_event_log::jetstream::admin::check(&at, "r1").await.unwrap().last < 100 {
        assert!(std::time::Instant::now() < deadline, "nothing was copied");
    }
    server.kill9().unwrap();
    let done = copy.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(4), "{}", String::from_utf8_lossy(&done.stderr));
    server.restart().unwrap();
    let up = wait_for("the copy", PATIENCE, || {
        let done = moor(&format!("log copy {line} -o json"));
        if done.exit == 0 { Ok(done) } else { Err(done.error) }
    });
    assert_eq!(up.unwrap().json().unwrap()["last"], 3_000);
}
