//! A full disk: appends are refused, reads go on, nothing is left half done, and writing goes on once there is room.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "stories/given.rs"]
mod given;

use std::{fs, path::Path, process::Stdio, sync::Arc};

use bytes::Bytes;
use given::{all, child, child_folder, commit, open_with, stream};
use mooring_event_log::{Commit, EventLog, LogError, Options, Position, Segments};

/// A file system of 512 KiB in a mount namespace of the child's own; it is gone with the child.
const SMALL_DISK: &str = r#"mount -t tmpfs -o size=512k mooring-full "$0" && exec "$@""#;

#[test]
fn a_full_disk_refuses_appends_and_loses_nothing() {
    in_a_small_disk("a_full_disk_refuses_appends_and_loses_nothing", Options::default());
}

#[test]
fn a_disk_that_has_no_room_for_a_new_segment_refuses_appends_and_loses_nothing() {
    let every_frame_a_segment = Options { segment_bytes: 1, ..Options::default() };
    let me = "a_disk_that_has_no_room_for_a_new_segment_refuses_appends_and_loses_nothing";
    in_a_small_disk(me, every_frame_a_segment);
}

fn in_a_small_disk(test: &str, options: Options) {
    if let Some(folder) = child_folder() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(fill_and_make_room(&folder, options));
        println!("told to the end");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    let mut child = child(test, folder.path(), &["unshare", "--mount", "sh", "-c", SMALL_DISK, at]);
    let told = child.stderr(Stdio::inherit()).output().expect("this test needs unshare, of util-linux");
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success() && said.contains("told to the end"), "it needs root: {said}");
}

async fn fill_and_make_room(disk: &Path, options: Options) {
    let (folder, ballast) = (disk.join("log"), disk.join("ballast"));
    let log = open_with(&folder, options.clone(), &[]).unwrap().log;
    fs::write(&ballast, vec![0; 256 * 1024]).unwrap();
    let mut refused = large();
    let mut last = Position(0);
    let why = loop {
        match log.append(&stream("binding"), last, vec![refused.clone()]).await {
            Ok(position) => last = position,
            Err(error) => break error,
        }
        refused = large();
    };
    assert!(matches!(why, LogError::Full(_)), "{why}");
    assert!(last > Position(5), "it was full at record {last}");
    let size = size_of(&folder);
    for name in ["binding", "health"] {
        let expected = if name == "binding" { last } else { Position(0) };
        let again = log.append(&stream(name), expected, vec![large()]).await;
        assert!(matches!(again, Err(LogError::Full(_))), "{again:?}");
    }
    assert_eq!(size_of(&folder), size, "something half done was left");
    assert_eq!((log.tail().await.unwrap().position, all(log.as_ref()).await.len() as u64), (last, last.0));
    fs::remove_file(&ballast).unwrap();
    let next = Position(last.0 + 1);
    assert_eq!(log.append(&stream("binding"), last, vec![refused]).await, Ok(next));
    is_whole_after_reopening(log, &folder, options, next).await;
}

async fn is_whole_after_reopening(log: Arc<Segments>, folder: &Path, options: Options, last: Position) {
    let written = all(log.as_ref()).await;
    drop(log);
    let opened = open_with(folder, options, &[given::witness(written.last().unwrap())]).unwrap();
    assert_eq!(opened.repaired, None);
    assert_eq!(all(opened.log.as_ref()).await, written);
    assert_eq!(written.len() as u64, last.0);
}

/// Ten kilobytes: several pages, so that a write can stop half-way.
fn large() -> Commit {
    Commit { events: vec![Bytes::from(vec![7; 10_000])], ..commit("large") }
}

fn size_of(folder: &Path) -> u64 {
    let files = fs::read_dir(folder.join("segments")).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}
