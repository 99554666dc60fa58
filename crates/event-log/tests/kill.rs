//! L4: a process that writes three streams is killed with SIGKILL, again and again. Nothing it acknowledged is lost,
//! and the log it leaves behind is whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "stories/given.rs"]
mod given;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::Arc,
};

use futures::future::join_all;
use given::{STREAMS, all, child, child_folder, commit, open_with, stream};
use mooring_event_log::{EventLog, Options, Position, Record};

const SEED: u64 = 0x6d6f_6f72;
const KILLS: usize = 10;

/// Small segments, so that some kills hit the start of a new one.
fn options() -> Options {
    Options { segment_bytes: 20_000, ..Options::default() }
}

/// A record that somebody was told is there: stream, the position it was put after, its own.
struct Acknowledged {
    stream: String,
    after: u64,
    position: u64,
}

#[test]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed() {
    if let Some(folder) = child_folder() {
        return write_until_killed(&folder);
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut random, mut before) = (Vec::new(), SEED, 0);
    for kill in 0..KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wanted = 20 + (random >> 33) as usize % 400;
        let acks = run_and_kill_after(folder.path(), wanted);
        assert!(acks.len() >= wanted, "kill {kill}: {} of {wanted} acknowledged", acks.len());
        let in_flight = before + acks.len() + STREAMS.len();
        acknowledged.extend(acks);
        before = check(folder.path(), &acknowledged, in_flight, kill);
    }
    println!("{KILLS} kills, {} records acknowledged, {before} in the log", acknowledged.len());
}

fn write_until_killed(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = open_with(folder, options(), &[]).unwrap().log;
        let tail = log.tail().await.unwrap().streams;
        let writers = STREAMS.map(|name| {
            let log = Arc::clone(&log);
            let mut last = tail.get(&stream(name)).copied().unwrap_or_default().0;
            tokio::spawn(async move {
                loop {
                    let commits = vec![commit(&format!("{name} after {last}"))];
                    let position = log.append(&stream(name), last, commits).await.unwrap();
                    println!("\nacknowledged {name} {last} {position}");
                    last = position;
                }
            })
        });
        join_all(writers).await;
    });
}

fn run_and_kill_after(folder: &Path, wanted: usize) -> Vec<Acknowledged> {
    let test = "nothing_acknowledged_is_lost_when_the_writer_is_killed";
    let mut writer = child(test, folder, &[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut acks = Vec::new();
    let mut killed = false;
    // What it had said before it died counts, also what is read after.
    for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
        acks.extend(acknowledgement(&line.unwrap()));
        if !killed && acks.len() >= wanted {
            writer.kill().unwrap();
            killed = true;
        }
    }
    writer.wait().unwrap();
    acks
}

/// The kill can cut the last line.
fn acknowledgement(line: &str) -> Option<Acknowledged> {
    let words: Vec<_> = line.strip_prefix("acknowledged ")?.split(' ').collect();
    let [stream, after, position] = words[..] else { return None };
    Some(Acknowledged {
        stream: stream.to_owned(),
        after: after.parse().ok()?,
        position: position.parse().ok()?,
    })
}

/// Returns how many records the log has.
fn check(folder: &Path, acknowledged: &[Acknowledged], at_most: usize, kill: usize) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let log = open_with(folder, options(), &[]).unwrap().log;
    let records = runtime.block_on(all(log.as_ref()));
    let mut last: BTreeMap<&str, &Record> = BTreeMap::new();
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record.position, Position(n as u64 + 1), "kill {kill}: a gap");
        let before = last.insert(record.stream.as_str(), record);
        assert_eq!(record.previous, before.map(|before| before.hash).unwrap_or_default(), "kill {kill}");
        let after = before.map_or(0, |before| before.position.0);
        assert_eq!(record.commits[0].events[0], format!("{} after {after}", record.stream), "kill {kill}");
    }
    for ack in acknowledged {
        let record = records.get(ack.position as usize - 1);
        let record = record.unwrap_or_else(|| panic!("kill {kill}: record {} is lost", ack.position));
        assert_eq!(record.stream.as_str(), ack.stream, "kill {kill}: record {}", ack.position);
        assert_eq!(record.commits[0].events[0], format!("{} after {}", ack.stream, ack.after), "kill {kill}");
    }
    // The last line of acknowledgements may be cut, and each stream has one append in flight.
    assert!(records.len() <= at_most + 1, "kill {kill}: {} records, at most {at_most}", records.len());
    records.len()
}
