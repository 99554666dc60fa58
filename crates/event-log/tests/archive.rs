//! Old segments moved to an archive: nothing is lost on the way, everybody reads on, and what is not at hand is named.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "stories/given.rs"]
mod given;
#[path = "stories/layout.rs"]
mod layout;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use given::{STREAMS, all, folder_in_memory, open_with, small, write};
use layout::Layout;
use mooring_event_log::{
    EventLog, Filter, LogError, Options, Position, Record,
    segments::{BackupError, archive, backup, restore},
    verify, walk,
};

const EVER: u64 = u64::MAX;

/// Thirty records in many segments.
async fn given_a_log(folder: &Path) -> (Layout, Vec<Arc<Record>>) {
    let log = open_with(folder, small(), &[]).unwrap().log;
    for round in 0..10 {
        for stream in STREAMS {
            write(log.as_ref(), stream, &format!("{stream} {round}")).await.unwrap();
        }
    }
    let records = all(log.as_ref()).await;
    log.close();
    (Layout::read(folder), records)
}

fn told(folder: &Path) -> Vec<Record> {
    let mut told = Vec::new();
    let walked = walk(folder, |record| {
        told.push(record.clone());
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!(walked.unwrap().damage, None);
    told
}

fn trusting(position: u64) -> Options {
    Options { trusted: Position(position), ..small() }
}

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|found| found == suffix)).collect();
    files.sort();
    files
}

fn unavailable<T>(answer: Result<T, LogError>) -> String {
    match answer {
        Err(LogError::Unavailable(why)) => why.to_string(),
        Err(other) => panic!("not unavailable, but: {other}"),
        Ok(_) => panic!("it answered"),
    }
}

#[tokio::test]
async fn what_is_archived_is_read_by_all_as_before() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("deep/archive"));
    let (layout, records) = given_a_log(folder).await;
    let before = verify(folder).unwrap();
    let done = archive(folder, to, Position(20), EVER).unwrap();
    assert!(done.segments >= 3 && done.last < Position(20), "{done:?}");
    assert_eq!(files(to, "log").len(), done.segments);
    assert_eq!(files(&folder.join("segments"), "log").len(), layout.segments.len() - done.segments);
    assert_eq!(verify(folder).unwrap(), before);
    assert!(told(folder).iter().eq(records.iter().map(Arc::as_ref)));
    for trusted in [0, 20, 30] {
        let log = open_with(folder, trusting(trusted), &[]).unwrap().log;
        assert_eq!(all(log.as_ref()).await, records);
    }
    let (copy, restored) = (&temporary.path().join("backup"), &temporary.path().join("restored"));
    assert_eq!(backup(folder, copy).unwrap().whole.whole, before.whole);
    restore(folder, restored).unwrap();
    for whole in [copy, restored] {
        assert_eq!(Layout::read(whole).segments.len(), layout.segments.len());
        assert!(told(whole).iter().eq(records.iter().map(Arc::as_ref)));
    }
    let again = archive(folder, to, Position(20), EVER).unwrap();
    assert_eq!(again.segments, 0);
}

#[tokio::test]
async fn only_what_is_older_than_the_snapshot_and_the_age_is_archived() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("archive"));
    let (layout, _) = given_a_log(folder).await;
    // All were recorded at 1.
    for (before, age) in [(Position(0), EVER), (Position(1), EVER), (Position(30), 1)] {
        assert_eq!(archive(folder, to, before, age).unwrap().segments, 0);
    }
    assert!(layout.is_in(folder) && !to.exists());
    let done = archive(folder, to, Position(30), 2).unwrap();
    assert_eq!(done.segments, layout.segments.len() - 2, "a start reads two");
}

#[tokio::test]
async fn a_running_log_goes_on_while_its_segments_are_archived() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("archive"));
    let (_, records) = given_a_log(folder).await;
    let log = open_with(folder, small(), &[]).unwrap().log;
    assert!(archive(folder, to, Position(25), EVER).unwrap().segments > 3);
    assert_eq!(all(log.as_ref()).await, records);
    write(log.as_ref(), "binding", "more").await.unwrap();
    assert_eq!(all(log.as_ref()).await.len(), records.len() + 1);
}

#[tokio::test]
async fn without_its_archive_a_log_opens_where_it_is_trusted_and_says_what_it_lacks() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("archive"));
    let (_, records) = given_a_log(folder).await;
    let done = archive(folder, to, Position(25), EVER).unwrap();
    let away = &temporary.path().join("away");
    fs::rename(to, away).unwrap();
    let words = "the records from 1 on are in a segment that was archived, and it is not there: bring ";
    let log = open_with(folder, trusting(25), &[]).unwrap().log;
    let rest = log.read(&Filter::All, done.last, usize::MAX).await.unwrap();
    assert_eq!(rest, records[done.last.0 as usize..]);
    assert!(unavailable(log.read(&Filter::All, Position(0), 1).await).contains(words));
    write(log.as_ref(), "binding", "it is not damaged").await.unwrap();
    log.close();
    assert!(unavailable(open_with(folder, trusting(0), &[])).contains(words));
    assert!(unavailable(walk(folder, |_| std::ops::ControlFlow::Continue(()))).contains(words));
    assert!(unavailable(verify(folder)).contains(words));
    // Brought back, beside the segments this time.
    fs::rename(away, folder.join("archive")).unwrap();
    assert_eq!(told(folder).len(), records.len() + 1);
}

#[tokio::test]
async fn an_archive_that_was_cut_off_or_changed_is_damage_and_names_its_file() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("archive"));
    given_a_log(folder).await;
    archive(folder, to, Position(25), EVER).unwrap();
    let file = files(to, "log").remove(1);
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() - 30] ^= 1;
    for bad in [whole[..whole.len() / 2].to_vec(), whole[..10].to_vec(), Vec::new(), flipped] {
        fs::write(&file, &bad).unwrap();
        let damage = verify(folder).unwrap().damage.unwrap();
        assert_eq!(damage.file, fs::canonicalize(&file).unwrap());
        let log = open_with(folder, trusting(25), &[]).unwrap().log;
        let read = log.read(&Filter::All, Position(0), usize::MAX).await;
        assert!(matches!(read, Err(LogError::Damaged(_))), "{read:?}");
    }
}

#[tokio::test]
async fn an_interrupted_move_is_finished_by_the_next_one_and_nothing_foreign_is_overwritten() {
    let temporary = folder_in_memory();
    let (folder, to) = (&temporary.path().join("log"), &temporary.path().join("archive"));
    let (layout, records) = given_a_log(folder).await;
    let first = &layout.segments[0];
    let half = to.join(&first.name).with_extension("part");
    fs::create_dir_all(to).unwrap();
    fs::write(&half, &first.bytes[..10]).unwrap();
    fs::write(to.join(&first.name), &first.bytes).unwrap();
    archive(folder, to, Position(25), EVER).unwrap();
    // As after a crash before the last step: it is in both places.
    fs::write(folder.join("segments").join(&first.name), &first.bytes).unwrap();
    assert!(told(folder).iter().eq(records.iter().map(Arc::as_ref)));
    assert_eq!(archive(folder, to, Position(25), EVER).unwrap().segments, 1);

    layout.put(folder);
    fs::write(to.join(&first.name), b"somebody else's").unwrap();
    let refused = archive(folder, to, Position(25), EVER).unwrap_err();
    assert!(matches!(&refused, BackupError::Occupied { place } if place.ends_with(&first.name)), "{refused}");
    assert!(layout.is_in(folder));
}
