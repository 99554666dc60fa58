//! L8 beyond single bits: segments and folders that are missing, swapped or foreign, witnesses that saw more or
//! something else, and damage that comes while the log is open.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "stories/given.rs"]
mod given;
#[path = "stories/layout.rs"]
mod layout;

use std::{
    fs::{self, OpenOptions},
    ops::ControlFlow,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use futures::StreamExt;
use given::{all, damage, folder_in_memory, open, open_with, small, witness, write};
use layout::Layout;
use mooring_event_log::{EventLog, Filter, Hash, LogError, Position, Witness, skim_checked, verify};

async fn given_segments(folder: &Path) -> Layout {
    let log = open_with(folder, small(), &[]).unwrap().log;
    for n in 0..20 {
        write(log.as_ref(), given::STREAMS[n % 3], &format!("{n}")).await.unwrap();
    }
    drop(log);
    let layout = Layout::read(folder);
    assert!(layout.segments.len() >= 4, "{} segments", layout.segments.len());
    layout
}

fn segment(folder: &Path, layout: &Layout, n: usize) -> PathBuf {
    folder.join("segments").join(&layout.segments[n].name)
}

#[tokio::test]
async fn a_missing_segment_is_refused() {
    let folder = folder_in_memory();
    let layout = given_segments(folder.path()).await;
    for n in 0..layout.segments.len() - 1 {
        layout.put(folder.path());
        fs::remove_file(segment(folder.path(), &layout, n)).unwrap();
        let why = damage(open_with(folder.path(), small(), &[]));
        assert!(why.starts_with(&format!("record {},", layout.segments[n].first())), "segment {n}: {why}");
    }
}

#[tokio::test]
async fn segments_that_go_missing_at_the_end_are_noticed_by_a_witness() {
    let folder = folder_in_memory();
    let layout = given_segments(folder.path()).await;
    let n = layout.segments.len() - 1;
    fs::remove_file(segment(folder.path(), &layout, n)).unwrap();
    let seen = [Witness::of(Position(20))];
    let why = damage(open_with(folder.path(), small(), &seen));
    assert!(why.contains(&format!("record {} is missing", layout.segments[n].first())), "{why}");
    assert!(open_with(folder.path(), small(), &[]).is_ok(), "nobody else can know");
}

#[tokio::test]
async fn a_segment_of_another_log_is_refused_even_where_everything_else_fits() {
    let (folder, other) = (folder_in_memory(), folder_in_memory());
    for folder in [&folder, &other] {
        let log = open(folder.path()).log;
        drop(log);
    }
    let (own, foreign) = (Layout::read(folder.path()), Layout::read(other.path()));
    // Two empty segments of two logs; the second is renamed to go on where the first ends.
    assert_ne!(own.segments[0].bytes, foreign.segments[0].bytes);
    let first = given_segments(folder_in_memory().path()).await;
    let second = given_segments(folder_in_memory().path()).await;
    let mut mixed = first.clone();
    mixed.segments[1] = second.segments[1].clone();
    mixed.put(folder.path());
    let why = damage(open_with(folder.path(), small(), &[]));
    assert!(why.contains("belongs to log"), "{why}");
}

#[tokio::test]
async fn a_damaged_header_with_a_single_frame_behind_it_is_refused() {
    let folder = folder_in_memory();
    write(open(folder.path()).log.as_ref(), "binding", "alone").await.unwrap();
    let layout = Layout::read(folder.path());
    for bit in 0..layout.segments[0].header * 8 {
        let mut damaged = layout.clone();
        damaged.segments[0].bytes[bit / 8] ^= 1 << (bit % 8);
        damaged.put(folder.path());
        let why = damage(open_with(folder.path(), small(), &[]));
        assert!(why.starts_with("record 1, at byte 0 "), "bit {bit}: {why}");
    }
}

#[tokio::test]
async fn swapped_segments_are_refused() {
    let folder = folder_in_memory();
    let mut layout = given_segments(folder.path()).await;
    let (a, b) = (layout.segments[1].bytes.clone(), layout.segments[2].bytes.clone());
    (layout.segments[1].bytes, layout.segments[2].bytes) = (b, a);
    layout.put(folder.path());
    let why = damage(open_with(folder.path(), small(), &[]));
    assert!(why.contains("does not follow the one before it"), "{why}");
}

#[tokio::test]
async fn a_record_that_was_rewritten_with_care_breaks_its_streams_chain() {
    let folder = folder_in_memory();
    write(open(folder.path()).log.as_ref(), "binding", "shared").await.unwrap();
    let start = Layout::read(folder.path());
    let mut histories = Vec::new();
    for text in ["true", "lies"] {
        start.put(folder.path());
        let log = open(folder.path()).log;
        for name in ["binding", "health", "binding"] {
            write(log.as_ref(), name, text).await.unwrap();
        }
        histories.push((all(log.as_ref()).await, Layout::read(folder.path())));
    }
    let (records, truth) = &histories[0];
    let (_, lies) = &histories[1];
    for frame in &truth.segments[0].frames[1..] {
        let mut mixed = truth.clone();
        mixed.segments[0].bytes[frame.range.clone()]
            .copy_from_slice(&lies.segments[0].bytes[frame.range.clone()]);
        mixed.put(folder.path());
        let seen = witness(&records[frame.first as usize - 1]);
        let why = damage(open_with(folder.path(), small(), &[seen]));
        assert!(why.contains("a witness saw") || why.contains("does not follow"), "{why}");
        mixed.put(folder.path());
        let opened = open_with(folder.path(), small(), &[]);
        match frame.first {
            // Records 4 hold the hashes of the records 2 they were written after.
            2 | 4 => {
                let why = damage(opened);
                assert!(why.starts_with("record 4,") && why.contains("does not follow record 2"), "{why}");
                let told = skim_checked(folder.path(), |_| ControlFlow::Continue(())).unwrap();
                assert_eq!((told.last, told.damage.unwrap().record), (Position(3), Position(4)));
                let verified = verify(folder.path()).unwrap();
                assert_eq!(verified.damage.unwrap().record, Position(4));
            }
            _ => assert!(opened.is_ok(), "of its stream's last record only a witness can know"),
        }
    }
}

#[tokio::test]
async fn a_strange_file_among_the_segments_is_refused_and_other_files_are_let_be() {
    let folder = folder_in_memory();
    given_segments(folder.path()).await;
    fs::write(folder.path().join("segments/notes.txt"), "let me be").unwrap();
    assert!(open_with(folder.path(), small(), &[]).is_ok());
    fs::write(folder.path().join("segments/1.log"), "").unwrap();
    let why = damage(open_with(folder.path(), small(), &[]));
    assert!(why.contains("1.log is no segment's name"), "{why}");
}

#[tokio::test]
async fn a_log_that_is_gone_is_refused_when_somebody_has_seen_it_and_not_made_anew() {
    let folder = folder_in_memory();
    let log = folder.path().join("region");
    let seen = [Witness::of(Position(1))];
    let why = damage(open_with(&log, small(), &seen));
    assert!(why.contains("there is no"), "{why}");
    assert!(!log.exists(), "a log was made in the place of the lost one");
    fs::create_dir(&log).unwrap();
    let why = damage(open_with(&log, small(), &seen));
    assert!(why.contains("record 1 is missing"), "{why}");
    assert!(open_with(&log, small(), &[Witness::of(Position(0))]).is_ok());
}

#[tokio::test]
async fn witnesses_must_have_seen_the_same_records() {
    let folder = folder_in_memory();
    given_segments(folder.path()).await;
    let records = all(open_with(folder.path(), small(), &[]).unwrap().log.as_ref()).await;
    let agree: Vec<_> = records.iter().map(|record| witness(record)).collect();
    assert!(open_with(folder.path(), small(), &agree).is_ok());
    for n in [0, 7, 19] {
        let mut other = agree.clone();
        other[n].record.as_mut().unwrap().1 = Hash([7; 32]);
        let why = damage(open_with(folder.path(), small(), &other));
        assert!(why.starts_with(&format!("record {},", n + 1)) && why.contains("a witness saw"), "{why}");
    }
    let beyond = [Witness::of(Position(5)), Witness::of(Position(21))];
    let why = damage(open_with(folder.path(), small(), &beyond));
    assert!(why.contains("record 21 is missing"), "{why}");
}

#[tokio::test]
async fn damage_found_by_a_read_stops_reading_following_and_writing_for_good() {
    let folder = folder_in_memory();
    let layout = given_segments(folder.path()).await;
    let log = open_with(folder.path(), small(), &[]).unwrap().log;
    let mut waiting = log.follow(Filter::All, Position(20));
    let frame = &layout.segments[1].frames[0];
    let path = segment(folder.path(), &layout, 1);
    let byte = layout.segments[1].bytes[frame.range.start + 30];
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[byte ^ 1], frame.range.start as u64 + 30).unwrap();
    let before = log.read(&Filter::All, Position(0), 1).await.unwrap();
    assert_eq!(before[0].position, Position(1), "what is whole is served until the damage is known");
    let why = damage(log.read(&Filter::All, Position(frame.first - 1), 1).await);
    assert!(why.contains(&format!("record {} ", frame.first)), "{why}");
    damage(log.read(&Filter::All, Position(0), 1).await);
    damage(log.tail().await);
    damage(waiting.next().await.unwrap());
    assert!(waiting.next().await.is_none());
    let late = log.append(&given::stream("binding"), Position(19), vec![given::commit("late")]).await;
    damage(late);
    file.write_all_at(&[byte], frame.range.start as u64 + 30).unwrap();
    damage(log.read(&Filter::All, Position(0), 1).await);
}

#[tokio::test]
async fn a_segment_that_somebody_else_changes_or_removes_stops_the_writer() {
    type Deed = fn(&Path);
    let cut: Deed = |path| OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap();
    let lengthen: Deed = |path| fs::write(path, [fs::read(path).unwrap(), vec![0]].concat()).unwrap();
    let remove: Deed = |path| fs::remove_file(path).unwrap();
    for (deed, said) in [(cut, "has 100 bytes"), (lengthen, "were written"), (remove, "was removed")] {
        let folder = folder_in_memory();
        let log = open(folder.path()).log;
        write(log.as_ref(), "binding", "first").await.unwrap();
        deed(&folder.path().join("segments/00000000000000000001.log"));
        let why = damage(write(log.as_ref(), "binding", "second").await);
        assert!(why.contains(said), "{why}");
        let health = log.append(&given::stream("health"), Position(0), vec![given::commit("x")]).await;
        assert!(matches!(health, Err(LogError::Damaged(_))), "{health:?}");
    }
}
