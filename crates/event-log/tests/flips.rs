//! L8 on a disk that lies: every single flipped bit and every cut-off point of a small log, with and without
//! witnesses. Nothing wrong is ever served, and each place has exactly the outcome that the rule asks for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "stories/given.rs"]
mod given;
#[path = "stories/layout.rs"]
mod layout;

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use given::{STREAMS, all, commit, folder_in_memory, open_with, small, stream, witness, write};
use layout::Layout;
use mooring_event_log::{Commit, EventLog, LogError, Position, Record, Witness};

/// What opening a damaged log leads to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It opens with this last position; so many bytes were cut and set aside, if any had to be.
    Opens { last: u64, cut: Option<Vec<u8>> },
    /// It is refused, nothing is touched, and the error names this record.
    Refused { record: u64 },
}

/// A log of at least three segments, whose last frame holds several records and is not the only one in its segment.
async fn given_a_log(folder: &Path) -> (Layout, Vec<Arc<Record>>) {
    let mut seen = Vec::new();
    for _ in 0..20 {
        let _ = fs::remove_dir_all(folder);
        let log = open_with(folder, small(), &[]).unwrap().log;
        for round in 0..3 {
            write(log.as_ref(), "resource", "alone").await.unwrap();
            write_together(log.as_ref(), round).await;
        }
        let records = all(log.as_ref()).await;
        drop(log);
        let layout = Layout::read(folder);
        let last = layout.segments.last().unwrap();
        if layout.segments.len() >= 3 && last.frames.len() >= 2 && layout.last_frame().records == 3 {
            return (layout, records);
        }
        seen = layout.segments.into_iter().map(|segment| segment.frames).collect();
    }
    panic!("in 20 logs three appends were never written together at the end: {seen:?}");
}

/// Three appends that wait while the writer finds out that a fourth is too large.
async fn write_together(log: &dyn EventLog, round: usize) {
    let huge = Commit { events: vec![Bytes::from(vec![0; 8 << 20])], ..commit("huge") };
    let tail = log.tail().await.unwrap().streams;
    let last = |name| tail.get(&stream(name)).copied().unwrap_or_default().0;
    let streams = STREAMS.map(stream);
    let text = |name| vec![commit(&format!("{name} {round}"))];
    let (refused, a, b, c) = tokio::join!(
        log.append(&streams[0], last(STREAMS[0]), vec![huge]),
        log.append(&streams[0], last(STREAMS[0]), text(STREAMS[0])),
        log.append(&streams[1], last(STREAMS[1]), text(STREAMS[1])),
        log.append(&streams[2], last(STREAMS[2]), text(STREAMS[2])),
    );
    assert!(refused.is_err() && a.is_ok() && b.is_ok() && c.is_ok(), "{refused:?} {a:?} {b:?} {c:?}");
}

/// What the rule asks for when everything from record `lost` on can't be read, because of damage if `cut` says what
/// is set aside, or because the file simply ends there.
fn end_is_gone(lost: u64, cut: Option<&[u8]>, witnesses: &[Witness]) -> Outcome {
    match witnesses.iter().any(|witness| witness.position.0 >= lost) {
        true => Outcome::Refused { record: lost },
        false => Outcome::Opens { last: lost - 1, cut: cut.map(<[u8]>::to_vec) },
    }
}

/// Opens what is in the folder and checks all of it against the outcome that must be.
async fn check(
    folder: &Path,
    damaged: &Layout,
    witnesses: &[Witness],
    truth: &[Arc<Record>],
    must: &Outcome,
    place: &str,
) {
    let outcome = match open_with(folder, small(), witnesses) {
        Ok(opened) => {
            let served = all(opened.log.as_ref()).await;
            assert_eq!(served[..], truth[..served.len()], "{place}: something wrong was served");
            let tail = opened.log.tail().await.unwrap().position;
            assert_eq!(tail.0, served.len() as u64, "{place}");
            let written = write(opened.log.as_ref(), "binding", "after").await;
            assert_eq!(written, Ok(Position(tail.0 + 1)), "{place}: the log must go on");
            let cut = opened.repaired.map(|torn| fs::read(torn.file).unwrap());
            drop(opened.log);
            let again = open_with(folder, small(), &[Witness::of(Position(tail.0 + 1))]).unwrap();
            assert_eq!(again.repaired, None, "{place}: it was not whole after the repair");
            Outcome::Opens { last: tail.0, cut }
        }
        Err(LogError::Damaged(why)) => {
            assert!(damaged.is_in(folder), "{place}: a refused log was changed");
            let record = format!("record {} ", record_of(must));
            assert!(
                format!("{why} ").replace(',', " ").contains(&record),
                "{place}: {why}; not named: {record}"
            );
            Outcome::Refused { record: record_of(must) }
        }
        Err(other) => panic!("{place}: {other}"),
    };
    assert_eq!(&outcome, must, "{place}");
}

fn record_of(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Opens { last, .. } => *last,
        Outcome::Refused { record } => *record,
    }
}

/// No witness; one that saw everything before the last frame; one that saw all.
fn witness_sets(layout: &Layout, truth: &[Arc<Record>]) -> [Vec<Witness>; 3] {
    let before_last = &truth[layout.last_frame().first as usize - 2];
    [vec![], vec![witness(before_last)], vec![witness(truth.last().unwrap())]]
}

#[tokio::test]
async fn every_flipped_bit_is_found_and_has_the_outcome_its_place_asks_for() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let (layout, truth) = given_a_log(folder).await;
    let last_frame = layout.last_frame();
    let (mut cut, mut refused) = (0, 0);
    for (n, segment) in layout.segments.iter().enumerate() {
        let is_last = n + 1 == layout.segments.len();
        for bit in 0..segment.bytes.len() * 8 {
            let byte = bit / 8;
            let mut damaged = layout.clone();
            damaged.segments[n].bytes[byte] ^= 1 << (bit % 8);
            let frame = segment.frames.iter().find(|frame| frame.range.contains(&byte));
            for witnesses in witness_sets(&layout, &truth) {
                let must = if is_last && last_frame.range.contains(&byte) {
                    let torn = &damaged.segments[n].bytes[last_frame.range.start..];
                    end_is_gone(last_frame.first, Some(torn), &witnesses)
                } else {
                    Outcome::Refused { record: frame.map_or(segment.first(), |frame| frame.first) }
                };
                damaged.put(folder);
                let place = format!("bit {bit} of {}, {} witnesses", segment.name, witnesses.len());
                check(folder, &damaged, &witnesses, &truth, &must, &place).await;
                match must {
                    Outcome::Opens { .. } => cut += 1,
                    Outcome::Refused { .. } => refused += 1,
                }
            }
        }
    }
    println!("{cut} times the end was cut, {refused} times the log was refused");
    assert_eq!(cut, 2 * 8 * last_frame.range.len());
}

#[tokio::test]
async fn every_cut_off_point_is_found_or_is_a_whole_shorter_log() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let (layout, truth) = given_a_log(folder).await;
    for (n, segment) in layout.segments.iter().enumerate() {
        for length in 0..=segment.bytes.len() {
            let mut damaged = layout.clone();
            damaged.segments.truncate(n + 1);
            damaged.segments[n].bytes.truncate(length);
            let frame = segment.frames.iter().find(|frame| frame.range.contains(&length));
            let lost = match frame {
                _ if length < segment.header => segment.first(),
                Some(frame) => frame.first,
                None => segment.frames.last().map_or(segment.first(), |frame| frame.first + frame.records),
            };
            let start = match frame {
                _ if length < segment.header => 0,
                frame => frame.map_or(length, |frame| frame.range.start),
            };
            let torn = (start < length || length < segment.header).then(|| &segment.bytes[start..length]);
            for witnesses in witness_sets(&layout, &truth) {
                let must = end_is_gone(lost, torn, &witnesses);
                damaged.put(folder);
                let place = format!("{} cut at {length}, {} witnesses", segment.name, witnesses.len());
                check(folder, &damaged, &witnesses, &truth, &must, &place).await;
            }
        }
    }
}

#[tokio::test]
async fn a_segment_that_is_cut_short_before_others_is_always_refused() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let (layout, truth) = given_a_log(folder).await;
    for (n, segment) in layout.segments.iter().enumerate().take(layout.segments.len() - 1) {
        for length in 0..segment.bytes.len() {
            let mut damaged = layout.clone();
            damaged.segments[n].bytes.truncate(length);
            let frame = segment.frames.iter().find(|frame| frame.range.contains(&length));
            let record = match frame {
                Some(frame) if length >= segment.header => frame.first,
                _ => segment.first(),
            };
            for witnesses in witness_sets(&layout, &truth) {
                damaged.put(folder);
                let place = format!("{} cut at {length}, {} witnesses", segment.name, witnesses.len());
                check(folder, &damaged, &witnesses, &truth, &Outcome::Refused { record }, &place).await;
            }
        }
    }
}
