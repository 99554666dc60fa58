//! A start that trusts what was found whole before: it reads from there on, the rest is checked behind it, and in any
//! case before it is served. No damage is ever served, and none stays unfound.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "stories/given.rs"]
mod given;
#[path = "stories/layout.rs"]
mod layout;

use std::{fs, path::Path, sync::Arc, time::Duration};

use futures::StreamExt;
use given::{all, damage, folder_in_memory, open_with, small, stream, witness, write};
use layout::Layout;
use mooring_event_log::{EventLog, Filter, LogError, Opened, Options, Position, Record, Witness};

const RECORDS: u64 = 40;

async fn given_a_log(folder: &Path) -> (Layout, Vec<Arc<Record>>) {
    let log = open_with(folder, small(), &[]).unwrap().log;
    for n in 0..RECORDS {
        write(log.as_ref(), given::STREAMS[usize::try_from(n % 3).unwrap()], &format!("{n}")).await.unwrap();
    }
    let records = all(log.as_ref()).await;
    drop(log);
    let layout = Layout::read(folder);
    assert!(layout.segments.len() >= 8, "{} segments", layout.segments.len());
    (layout, records)
}

/// Opens a log that was found whole up to this record.
fn open_trusting(folder: &Path, trusted: u64) -> Result<Opened, LogError> {
    let seen = [Witness::of(Position(trusted))];
    open_with(folder, Options { trusted: Witness::trusted(&seen), ..small() }, &seen)
}

/// Waits until the damage is known although nobody reads it.
async fn found(log: &dyn EventLog) -> String {
    let mut following = log.follow(Filter::All, log.tail().await.unwrap_or_default().position);
    match tokio::time::timeout(Duration::from_secs(10), following.next()).await {
        Ok(Some(Err(error))) => damage::<()>(Err(error)),
        Ok(Some(Ok(record))) => panic!("record {} came", record.position),
        Ok(None) => panic!("the log closed"),
        Err(_) => panic!("the damage was not found behind the start"),
    }
}

#[tokio::test]
async fn a_start_that_trusts_serves_the_same_from_every_position_on() {
    let folder = folder_in_memory();
    let (_, truth) = given_a_log(folder.path()).await;
    for trusted in 1..=RECORDS {
        for after in [0, trusted / 2, trusted, RECORDS - 1] {
            let log = open_trusting(folder.path(), trusted).unwrap().log;
            assert_eq!(log.tail().await.unwrap().position, Position(RECORDS));
            let rest = log.read(&Filter::All, Position(after), usize::MAX).await.unwrap();
            let skip = usize::try_from(after).unwrap();
            assert_eq!(rest[..], truth[skip..], "trusting {trusted}, after {after}");
        }
    }
}

#[tokio::test]
async fn a_log_that_was_opened_trusting_goes_on_as_any_other() {
    let folder = folder_in_memory();
    let (_, truth) = given_a_log(folder.path()).await;
    let log = open_trusting(folder.path(), RECORDS).unwrap().log;
    let streams = log.tail().await.unwrap().streams;
    for name in given::STREAMS {
        let last = truth.iter().rev().find(|record| record.stream == stream(name)).unwrap();
        assert_eq!(streams[&stream(name)], (last.position, last.hash));
        write(log.as_ref(), name, "more").await.unwrap();
    }
    drop(log);
    let whole = all(open_with(folder.path(), small(), &[]).unwrap().log.as_ref()).await;
    assert_eq!(whole.len(), truth.len() + 3, "a start that trusts nothing finds it whole");
}

#[tokio::test]
async fn what_was_in_flight_when_a_process_died_is_known_after_a_start_that_trusts() {
    let folder = folder_in_memory();
    let (layout, truth) = given_a_log(folder.path()).await;
    let log = open_trusting(folder.path(), RECORDS).unwrap().log;
    let before_last = layout.segments[layout.segments.len() - 2].first();
    for record in &truth[usize::try_from(before_last).unwrap() - 1..] {
        let expected = truth
            .iter()
            .rev()
            .find(|earlier| earlier.stream == record.stream && earlier.position < record.position);
        let expected = expected.map(|earlier| earlier.position).unwrap_or_default();
        let again = log.append(&record.stream, expected, record.commits.clone()).await;
        assert_eq!(again, Ok(record.position), "L5");
    }
    let first = &truth[0];
    let late = log.append(&first.stream, Position(0), first.commits.clone()).await;
    assert!(matches!(late, Err(LogError::Conflict { .. })), "not written twice either: {late:?}");
}

/// Every bit of every segment: what is read at the start is refused as ever, what is not is found behind it, and a
/// reader never gets anything but the truth.
#[tokio::test]
async fn every_flipped_bit_before_what_is_trusted_is_found_by_its_reader_and_without_one() {
    let folder = folder_in_memory();
    let (layout, truth) = given_a_log(folder.path()).await;
    let (mut refused, mut behind) = (0, 0);
    for (n, segment) in layout.segments.iter().enumerate().take(layout.segments.len() - 1) {
        for bit in (0..segment.bytes.len() * 8).step_by(7) {
            let mut damaged = layout.clone();
            damaged.segments[n].bytes[bit / 8] ^= 1 << (bit % 8);
            damaged.put(folder.path());
            let place = format!("bit {bit} of {}", segment.name);
            match open_trusting(folder.path(), RECORDS) {
                Err(LogError::Damaged(_)) => refused += 1,
                Err(other) => panic!("{place}: {other}"),
                Ok(opened) => {
                    behind += 1;
                    let why = match bit % 2 {
                        0 => found(opened.log.as_ref()).await,
                        _ => read_to_damage(opened.log.as_ref(), &truth).await,
                    };
                    let frame = segment.frames.iter().find(|frame| frame.range.contains(&(bit / 8)));
                    let record = frame.map_or(segment.first(), |frame| frame.first);
                    assert!(why.starts_with(&format!("record {record}, at byte")), "{place}: {why}");
                    damage(write(opened.log.as_ref(), "binding", "after").await);
                }
            }
        }
    }
    println!("{refused} times the log was refused, {behind} times the damage was found behind the start");
    assert!(refused > 0 && behind > refused, "{refused} {behind}");
}

/// Reads from the start until the damage, and compares all that is served.
async fn read_to_damage(log: &dyn EventLog, truth: &[Arc<Record>]) -> String {
    for true_record in truth {
        let before = Position(true_record.position.0 - 1);
        match log.read(&Filter::All, before, 1).await {
            Ok(records) => assert_eq!(records[..], *std::slice::from_ref(true_record)),
            Err(error) => return damage::<()>(Err(error)),
        }
    }
    panic!("everything was served")
}

#[tokio::test]
async fn a_missing_a_foreign_and_a_swapped_segment_are_found_although_they_are_not_read() {
    let (folder, other) = (folder_in_memory(), folder_in_memory());
    let (layout, _) = given_a_log(folder.path()).await;
    let (foreign, _) = given_a_log(other.path()).await;
    for n in 0..layout.segments.len() - 3 {
        let mut missing = layout.clone();
        missing.segments.remove(n);
        let mut mixed = layout.clone();
        mixed.segments[n] = foreign.segments[n].clone();
        let mut swapped = layout.clone();
        swapped.segments[n].bytes = layout.segments[n + 1].bytes.clone();
        swapped.segments[n + 1].bytes = layout.segments[n].bytes.clone();
        for (what, damaged) in [("missing", missing), ("foreign", mixed), ("swapped", swapped)] {
            damaged.put(folder.path());
            let why = match open_trusting(folder.path(), RECORDS) {
                Err(LogError::Damaged(why)) => why.to_string(),
                Err(other) => panic!("{what} {n}: {other}"),
                Ok(opened) => found(opened.log.as_ref()).await,
            };
            assert!(why.contains("record "), "{what} {n}: {why}");
        }
    }
}

#[tokio::test]
async fn a_witness_whose_hash_is_known_is_compared_however_much_is_trusted() {
    let folder = folder_in_memory();
    let (_, truth) = given_a_log(folder.path()).await;
    let mut lies = witness(&truth[3]);
    let seen = [lies.clone(), Witness::of(Position(RECORDS))];
    assert_eq!(Witness::trusted(&seen), Position(4));
    let options = Options { trusted: Witness::trusted(&seen), ..small() };
    assert!(open_with(folder.path(), options.clone(), &seen).is_ok());
    lies.record.as_mut().unwrap().1 = truth[4].hash;
    let why = damage(open_with(folder.path(), options, &[lies, Witness::of(Position(RECORDS))]));
    assert!(why.starts_with("record 4,") && why.contains("a witness saw"), "{why}");
}

#[tokio::test]
async fn a_segment_that_goes_before_it_is_read_is_damage() {
    let folder = folder_in_memory();
    let (layout, _) = given_a_log(folder.path()).await;
    let log = open_trusting(folder.path(), RECORDS).unwrap().log;
    log.close();
    fs::remove_file(folder.path().join("segments").join(&layout.segments[0].name)).unwrap();
    let why = damage(open_trusting(folder.path(), RECORDS));
    assert!(why.starts_with("record 1, "), "{why}");
}
