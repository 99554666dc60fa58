//! A log read where it lies: whole or not, in use or not, and nothing in it is touched.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "stories/given.rs"]
mod given;
#[path = "stories/layout.rs"]
mod layout;

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    ops::ControlFlow,
    path::Path,
    thread,
};

use given::{STREAMS, all, folder_in_memory, open_with, small, write};
use layout::{Frame, Layout};
use mooring_event_log::{
    Damage, EventLog, LogError, Options, Position, Record, Skim, Skimmed, Walked, skim, skim_checked, verify,
    walk,
};
use uuid::Uuid;

/// Twelve records in some segments.
async fn given_a_log(folder: &Path) -> (Layout, Vec<Record>) {
    let log = open_with(folder, small(), &[]).unwrap().log;
    for round in 0..4 {
        for stream in STREAMS {
            write(log.as_ref(), stream, &format!("{stream} {round}")).await.unwrap();
        }
    }
    let records = all(log.as_ref()).await.iter().map(|record| Record::clone(record)).collect();
    drop(log);
    let layout = Layout::read(folder);
    assert!(layout.segments.len() >= 3, "{} segments", layout.segments.len());
    (layout, records)
}

fn walked(folder: &Path) -> (Walked, Vec<Record>) {
    let mut told = Vec::new();
    let walked = walk(folder, |record| {
        told.push(record.clone());
        ControlFlow::Continue(())
    });
    let walked = walked.unwrap();
    // Who is quicker finds the same.
    assert_eq!(verify(folder).unwrap(), walked);
    let expected: Vec<_> = told.iter().map(known).collect();
    let (mut skimmed, mut checked) = (Vec::new(), Vec::new());
    let skim = skim(folder, |record| tell(&mut skimmed, record));
    let skim_checked = skim_checked(folder, |record| tell(&mut checked, record));
    for (skim, told) in [(skim, skimmed), (skim_checked, checked)] {
        assert_eq!(skim.unwrap(), Skim { last: walked.whole.position, damage: walked.damage.clone() });
        assert_eq!(told, expected);
    }
    (walked, told)
}

/// What who skims is told of a record.
type Known = (Position, String, Vec<(Option<Uuid>, String, u64, Vec<Vec<u8>>)>);

fn tell(to: &mut Vec<Known>, record: &Skimmed<'_>) -> ControlFlow<()> {
    let commits = record.commits.iter().map(|commit| {
        let events = commit.events().map(<[u8]>::to_vec).collect();
        (commit.request_id, commit.actor.to_owned(), commit.recorded_at, events)
    });
    to.push((record.position(), record.stream().to_owned(), commits.collect()));
    ControlFlow::Continue(())
}

fn known(record: &Record) -> Known {
    let commits = record.commits.iter().map(|commit| {
        let events = commit.events.iter().map(|event| event.to_vec()).collect();
        (commit.request_id, commit.actor.as_ref().to_owned(), commit.recorded_at, events)
    });
    (record.position, record.stream.as_str().to_owned(), commits.collect())
}

#[tokio::test]
async fn every_record_is_told_once_and_in_order_and_the_log_stays_as_it_is() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let (layout, records) = given_a_log(folder).await;
    let (walked, told) = walked(folder);
    assert_eq!(told, records);
    assert_eq!((walked.damage, walked.at_the_end), (None, false));
    assert_eq!(walked.segments, layout.segments.len());
    assert_eq!(walked.bytes, layout.segments.iter().map(|segment| segment.bytes.len() as u64).sum::<u64>());
    let log = open_with(folder, small(), &[]).unwrap().log;
    assert_eq!((walked.whole, walked.log), (log.tail().await.unwrap(), Some(log.id())));
    assert!(layout.is_in(folder));
}

#[tokio::test]
async fn frames_that_do_not_fit_into_what_is_read_at_once_are_told_and_checked_as_well() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let options = Options { segment_bytes: 3 << 20, ..small() };
    let log = open_with(folder, options, &[]).unwrap().log;
    for n in 0..20 {
        write(log.as_ref(), STREAMS[n % 3], &"x".repeat((n % 5) * 130_000 + n)).await.unwrap();
    }
    drop(log);
    let layout = Layout::read(folder);
    assert!(layout.segments.len() >= 2, "{} segments", layout.segments.len());
    assert_eq!(walked(folder).1.len(), 20);
    let segment = &layout.segments[0];
    for frame in &segment.frames {
        let mut damaged = layout.clone();
        damaged.segments[0].bytes[frame.range.end - 10] ^= 1;
        damaged.put(folder);
        let (walked, told) = walked(folder);
        assert_eq!(walked.damage.unwrap().record, Position(frame.first));
        assert_eq!(told.len() as u64, frame.first - 1);
    }
}

#[tokio::test]
async fn who_has_enough_is_told_no_more_and_no_later_segment_is_read() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let (mut layout, _) = given_a_log(folder).await;
    layout.segments.last_mut().unwrap().bytes.fill(0);
    layout.put(folder);
    let mut told = 0;
    let walked = walk(folder, |record| {
        told += 1;
        if record.position == Position(2) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((told, walked.unwrap().damage), (2, None));
}

#[tokio::test]
async fn every_flipped_byte_is_found_with_its_file_record_and_frame_and_what_stands_before_it_is_told() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let (layout, records) = given_a_log(folder).await;
    for (n, segment) in layout.segments.iter().enumerate() {
        for byte in 0..segment.bytes.len() {
            let mut damaged = layout.clone();
            damaged.segments[n].bytes[byte] ^= 1 << (byte % 8);
            damaged.put(folder);
            let (walked, told) = walked(folder);
            let frame = segment.frames.iter().find(|frame| frame.range.contains(&byte));
            let first = frame.map_or(segment.first(), |frame| frame.first);
            let Damage { record, file, byte: at, .. } = walked.damage.unwrap();
            let place = format!("byte {byte} of {}", segment.name);
            assert_eq!(record, Position(first), "{place}");
            assert_eq!(file, folder.join("segments").join(&segment.name), "{place}");
            assert_eq!(at, frame.map_or(0, |frame| frame.range.start) as u64, "{place}");
            assert_eq!(walked.whole.position, Position(first - 1), "{place}");
            assert_eq!(told, records[..first as usize - 1], "{place}");
            let last = layout.last_frame();
            let is_last = n + 1 == layout.segments.len() && frame.is_some_and(|f| f.first == last.first);
            assert_eq!(walked.at_the_end, is_last, "{place}");
            assert!(damaged.is_in(folder), "{place}");
        }
    }
}

#[tokio::test]
async fn a_segment_that_is_missing_or_another_logs_is_found() {
    let temporary = folder_in_memory();
    let (folder, other) = (&temporary.path().join("log"), &temporary.path().join("other"));
    let (layout, _) = given_a_log(folder).await;
    let (stranger, _) = given_a_log(other).await;
    for n in [0, 1] {
        let mut gap = layout.clone();
        let next = gap.segments.remove(n);
        gap.put(folder);
        let damage = walked(folder).0.damage.unwrap();
        // Where the one before it ends, if there is one: it may have been cut off there.
        let (file, byte) = match n {
            0 => (&layout.segments[1].name, 0),
            _ => (&layout.segments[n - 1].name, layout.segments[n - 1].bytes.len() as u64),
        };
        assert_eq!((damage.record, damage.byte), (Position(next.first()), byte), "{damage}");
        assert_eq!(damage.file, folder.join("segments").join(file));
        assert!(damage.why.contains("the next segment starts at"), "{damage}");
    }
    let mut mixed = layout.clone();
    mixed.segments[1] = stranger.segments[1].clone();
    mixed.put(folder);
    let damage = walked(folder).0.damage.unwrap();
    assert!(damage.why.starts_with("the segment belongs to log"), "{damage}");
    fs::write(folder.join("segments/strange.log"), b"").unwrap();
    let strange = walk(folder, |_| ControlFlow::Continue(()));
    assert!(matches!(strange, Err(LogError::Damaged(_))), "{strange:?}");
}

/// Cuts the last frame off in its middle; the rest of it.
fn cut(layout: &Layout, folder: &Path) -> (Vec<u8>, Frame) {
    let last = layout.segments.last().unwrap();
    let frame = layout.last_frame().clone();
    let middle = frame.range.start + frame.range.len() / 2;
    let mut half = layout.clone();
    half.segments.last_mut().unwrap().bytes.truncate(middle);
    half.put(folder);
    (last.bytes[middle..].to_vec(), frame)
}

#[tokio::test]
async fn a_frame_that_a_process_is_writing_is_looked_at_again() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let (layout, records) = given_a_log(folder).await;
    let (rest, _) = cut(&layout, folder);
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let path = folder.join("segments").join(&layout.segments.last().unwrap().name);
    let writer = thread::spawn(move || {
        OpenOptions::new().append(true).open(path).unwrap().write_all(&rest).unwrap();
    });
    let (walked, told) = walked(folder);
    writer.join().unwrap();
    assert_eq!((walked.damage, told.len()), (None, records.len()));
}

#[tokio::test]
async fn a_half_written_frame_that_stays_so_is_damage_whether_the_log_is_in_use_or_not() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let (layout, _) = given_a_log(folder).await;
    let (_, frame) = cut(&layout, folder);
    let alone = walked(folder).0;
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    for walked in [alone, walked(folder).0] {
        assert!(walked.at_the_end);
        let damage = walked.damage.unwrap();
        assert_eq!((damage.record, damage.byte), (Position(frame.first), frame.range.start as u64));
    }
}

#[tokio::test]
async fn a_log_beside_its_writer_is_read_up_to_what_was_acknowledged() {
    let temporary = folder_in_memory();
    let folder = &temporary.path().join("log");
    let log = open_with(folder, small(), &[]).unwrap().log;
    let reader = folder.clone();
    for round in 0..30 {
        let position = write(log.as_ref(), "resource", &format!("{round}")).await.unwrap();
        let (walked, told) = walked(&reader);
        assert_eq!((walked.damage, walked.whole.position), (None, position));
        assert_eq!(told.len() as u64, position.0);
    }
}
