//! A log copied beside its writer, again and again, interrupted anywhere, and put back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "stories/given.rs"]
mod given;
#[path = "stories/layout.rs"]
mod layout;

use std::{fs, path::Path};

use given::{STREAMS, all, folder_in_memory, open_with, small, write};
use layout::Layout;
use mooring_event_log::{
    EventLog, Position, Segments,
    segments::{BackupError, backup, restore},
    verify,
};

/// Three more records.
async fn go_on(log: &dyn EventLog, round: u64) -> Position {
    let mut last = Position(0);
    for stream in STREAMS {
        last = write(log, stream, &format!("{stream} {round}")).await.unwrap();
    }
    last
}

fn same(one: &Path, other: &Path) -> bool {
    let (one, other) = (Layout::read(one), Layout::read(other));
    let files = |layout: &Layout| -> Vec<_> {
        layout.segments.iter().map(|segment| (segment.name.clone(), segment.bytes.clone())).collect()
    };
    files(&one) == files(&other)
}

#[tokio::test]
async fn beside_its_writer_a_log_is_copied_and_each_time_only_what_is_new() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("deep/backup"));
    let log = open_with(folder, small(), &[]).unwrap().log;
    let (mut already, mut bytes) = (Position(0), 0);
    for round in 0..6 {
        let last = go_on(log.as_ref(), round).await;
        let done = backup(folder, to).unwrap();
        assert_eq!((done.already, done.whole.whole.position), (already, last));
        assert_eq!(done.copied, done.whole.bytes - bytes, "only what is new");
        assert!(same(folder, to));
        (already, bytes) = (last, done.whole.bytes);
    }
    let again = backup(folder, to).unwrap();
    assert_eq!((again.copied, again.already), (0, already));
    assert_eq!(go_on(log.as_ref(), 7).await.0, already.0 + 3, "the log is as it was for its writer");
}

#[tokio::test]
async fn a_backup_that_was_cut_off_at_any_byte_is_made_whole_by_the_next_one() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("backup"));
    let log = open_with(folder, small(), &[]).unwrap().log;
    go_on(log.as_ref(), 0).await;
    go_on(log.as_ref(), 1).await;
    backup(folder, to).unwrap();
    let layout = Layout::read(to);
    let last = layout.segments.last().unwrap();
    for length in 0..last.bytes.len() {
        let mut cut = layout.clone();
        cut.segments.last_mut().unwrap().bytes.truncate(length);
        cut.put(to);
        // What a copy that was killed before it had its name has left.
        fs::write(to.join("segments").join(&last.name).with_extension("part"), &last.bytes[..length])
            .unwrap();
        let done = backup(folder, to).unwrap();
        assert!(same(folder, to), "{length}");
        assert!(done.copied >= (last.bytes.len() - length) as u64, "{length}");
    }
}

#[tokio::test]
async fn a_backup_of_another_log_or_of_another_history_is_refused_and_stays_as_it_is() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("backup"));
    let other = &temporary.path().join("other");
    let log = open_with(folder, small(), &[]).unwrap().log;
    let stranger = open_with(other, small(), &[]).unwrap().log;
    for round in 0..3 {
        go_on(log.as_ref(), round).await;
        go_on(stranger.as_ref(), round).await;
    }
    backup(folder, to).unwrap();
    let before = Layout::read(to);
    let refused = backup(other, to).unwrap_err();
    assert!(matches!(refused, BackupError::Differs { record: Position(1), .. }), "{refused}");
    assert!(before.is_in(to));

    // The same log until here; then two histories.
    log.close();
    let (mine, last) = (Layout::read(folder), verify(folder).unwrap().whole.position);
    let one = open_with(folder, small(), &[]).unwrap().log;
    write(one.as_ref(), "binding", "one").await.unwrap();
    one.close();
    backup(folder, to).unwrap();
    let before = Layout::read(to);
    mine.put(folder);
    let two = open_with(folder, small(), &[]).unwrap().log;
    write(two.as_ref(), "binding", "two").await.unwrap();
    let refused = backup(folder, to).unwrap_err();
    let BackupError::Differs { record, .. } = refused else { panic!("{refused}") };
    assert_eq!(record, Position(last.0 + 1));
    assert!(before.is_in(to));
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_seen_by_its_backup() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("backup"));
    let log = open_with(folder, small(), &[]).unwrap().log;
    go_on(log.as_ref(), 0).await;
    let last = go_on(log.as_ref(), 1).await;
    log.close();
    backup(folder, to).unwrap();
    let (whole, before) = (Layout::read(folder), Layout::read(to));
    let end = whole.last_frame().clone();
    let mut shorter = whole.clone();
    shorter.segments.last_mut().unwrap().bytes.truncate(end.range.start);
    shorter.put(folder);
    let refused = backup(folder, to).unwrap_err();
    let BackupError::Longer { last: ends, found, .. } = refused else { panic!("{refused}") };
    assert_eq!((ends, found), (Position(end.first - 1), last));
    let mut fewer = whole.clone();
    fewer.segments.pop();
    fewer.put(folder);
    let refused = backup(folder, to).unwrap_err();
    assert!(matches!(refused, BackupError::Longer { found, .. } if found == last), "{refused}");
    assert!(before.is_in(to));
}

#[tokio::test]
async fn damage_of_the_log_and_of_the_backup_is_told_apart() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("backup"));
    let log = open_with(folder, small(), &[]).unwrap().log;
    for round in 0..3 {
        go_on(log.as_ref(), round).await;
    }
    log.close();
    let whole = Layout::read(folder);
    backup(folder, to).unwrap();
    for (place, other) in [(folder, to), (to, folder)] {
        let frame = whole.segments[0].frames[0].clone();
        let mut damaged = whole.clone();
        damaged.segments[0].bytes[frame.range.start + 30] ^= 1;
        damaged.put(place);
        whole.put(other);
        if place == folder {
            fs::remove_dir_all(to).unwrap();
        }
        let refused = backup(folder, to).unwrap_err();
        let BackupError::NotWhole { place: named, damage } = refused else { panic!("{refused}") };
        assert_eq!((&named, damage.record), (place, Position(frame.first)));
        whole.put(folder);
    }
    let refused = restore(to, &temporary.path().join("restored")).unwrap_err();
    assert!(matches!(refused, BackupError::NotWhole { .. }), "{refused}");
    assert!(!temporary.path().join("restored").exists());
}

#[tokio::test]
async fn what_is_restored_is_the_log_and_nothing_is_overwritten() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("backup"));
    let restored = &temporary.path().join("new/log");
    let log = open_with(folder, small(), &[]).unwrap().log;
    for round in 0..3 {
        go_on(log.as_ref(), round).await;
    }
    backup(folder, to).unwrap();
    // An interrupted restore.
    fs::create_dir_all(restored.with_extension("part").join("segments")).unwrap();
    fs::write(restored.with_extension("part").join("segments/00000000000000000001.log"), b"half").unwrap();
    restore(to, restored).unwrap();
    assert!(same(folder, restored) && !restored.with_extension("part").exists());
    let again = restore(to, restored).unwrap_err();
    assert!(matches!(again, BackupError::Occupied { .. }), "{again}");
    let opened = open_with(restored, small(), &[]).unwrap().log;
    let (one, other) = (all(log.as_ref()).await, all(opened.as_ref()).await);
    assert_eq!(one, other);
    go_on(opened.as_ref(), 4).await;
    for (from, place) in [(temporary.path().join("nowhere"), restored), (temporary.path().to_owned(), to)] {
        let missing = restore(&from, place).unwrap_err();
        assert!(matches!(missing, BackupError::Missing { .. }), "{missing}");
    }
    drop(opened as std::sync::Arc<Segments>);
}
