//! `moor log archive`: old segments go away, every question is answered as before, and a server starts without them.

use std::{fs, path::Path, time::Duration};

use mooring_event_log::{Options as LogOptions, Segments};
use mooring_tests::{
    Mooringd, history,
    server::{Options, own_folder},
    wait_for,
};
use serde_json::json;

use crate::given::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// A data folder with a log in many segments; its last record.
fn given_many_segments(data: &Path) -> u64 {
    let options = LogOptions { segment_bytes: 64 * 1024, ..LogOptions::default() };
    let log = Segments::open(&data.join("log/r1"), options, &[]).unwrap().log;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let written = runtime.block_on(history::write(log.as_ref(), 12_000)).unwrap();
    log.close();
    written.position.0
}

fn segments(data: &Path) -> usize {
    let entries = fs::read_dir(data.join("log/r1/segments")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|suffix| suffix == "log")).count()
}

#[test]
fn a_server_starts_on_its_snapshot_without_the_archive_and_everybody_reads_it_where_it_is() {
    let folder = own_folder().unwrap();
    let (data, archive) = (folder.path().join("data"), folder.path().join("archive"));
    let last = given_many_segments(&data);
    let (place, to) = (data.display().to_string(), archive.display().to_string());
    let before = told(&format!("replay {place} --at {last}"));
    let all = segments(&data);

    // Nobody has a snapshot yet: a start would need everything.
    let refusal = refused(&format!("log archive {place} {to} --older-than 0s"));
    assert_eq!((refusal.exit, &*refusal.reason, &*refusal.field), (2, "USAGE", "--before"), "{refusal:?}");
    let mut server = Mooringd::start_in(folder.path(), "", Options::default()).unwrap();
    let refusal = refused(&format!("log archive {place} {to} --older-than 0s"));
    assert_eq!(&*refusal.field, "--before", "its snapshots are the server's: {refusal:?}");
    assert!(server.stop().unwrap().success());

    let young = told(&format!("log archive {place} {to} --older-than 90days"));
    assert_eq!(young["segments"], json!(0), "{young}");
    let done = told(&format!("log archive {place} {to} --older-than 0s"));
    let moved = done["segments"].as_u64().unwrap() as usize;
    assert!(moved > 3 && segments(&data) + moved >= all, "{done} of {all}");
    assert_eq!(fs::read_dir(&archive).unwrap().count(), moved);
    let same = |what: &str| {
        assert_eq!(told(&format!("replay {place} --at {last}")), before, "{what}");
        assert_eq!(told(&format!("log verify {place}"))["whole"], true, "{what}");
    };
    same("from the archive");

    let away = folder.path().join("away");
    fs::rename(&archive, &away).unwrap();
    server.restart(None).unwrap();
    assert_eq!(server.ask("pool list").unwrap(), before["pools"]);
    server.ask("vpc create red").unwrap();
    assert!(server.stop().unwrap().success());
    for line in ["log verify PLACE", "replay PLACE", "diff PLACE 0 end", "log compat PLACE"] {
        let refusal = refused(&line.replace("PLACE", &place));
        assert_eq!((refusal.exit, &*refusal.reason), (4, "UNAVAILABLE"), "{line}: {refusal:?}");
        let words = "the records from 1 on are in a segment that was archived, and it is not there: bring ";
        assert!(refusal.message.contains(words), "{line}: {refusal:?}");
    }
    fs::rename(&away, data.join("log/r1/archive")).unwrap();
    same("brought back beside the segments");

    let file = data.join("log/r1/archive/00000000000000000001.log");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    for line in ["log verify PLACE", "replay PLACE", "diff PLACE 0 end"] {
        let refusal = refused(&line.replace("PLACE", &place));
        assert_eq!((refusal.exit, &*refusal.reason), (1, "DAMAGED"), "{line}: {refusal:?}");
        assert_eq!(refusal.in_the_way, file.display().to_string(), "{line}");
    }
}

/// However much of it is gone: each question that needs it says which file, which record and which byte, and says the same.
#[test]
fn a_truncated_archive_is_named_with_file_and_position() {
    let folder = own_folder().unwrap();
    let (data, archive) = (folder.path().join("data"), folder.path().join("archive"));
    let last = given_many_segments(&data);
    let (place, to) = (data.display().to_string(), archive.display().to_string());
    told(&format!("log archive {place} {to} --older-than 0s --before {last}"));
    let mut files: Vec<_> = fs::read_dir(&archive).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (file, next) = (&files[1], &files[2]);
    let first = |file: &Path| file.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    let whole = fs::read(file).unwrap();
    let mut lengths = vec![0, 10, whole.len() / 3, whole.len() - 1, whole.len() / 2];
    while let Some(length) = lengths.pop() {
        fs::write(file, &whole[..length]).unwrap();
        let mut said = Vec::new();
        for line in
            ["log verify PLACE", "log PLACE", "replay PLACE", "diff PLACE 0 end", "custody 203.0.113.0 PLACE"]
        {
            let refusal = refused(&line.replace("PLACE", &place));
            let found = (refusal.exit, &*refusal.reason, &*refusal.in_the_way);
            assert_eq!(found, (1, "DAMAGED", &*file.display().to_string()), "{line}, {length}: {refusal:?}");
            let place =
                refusal.message.split_once("record ").unwrap_or_else(|| panic!("{line}: {refusal:?}")).1;
            let (record, rest) = place.split_once(", at byte ").unwrap();
            let (byte, rest) = rest.split_once(" of ").unwrap();
            let (record, byte): (u64, u64) = (record.parse().unwrap(), byte.parse().unwrap());
            assert!((first(file)..first(next)).contains(&record), "{line}, {length}: {refusal:?}");
            assert!(byte <= length as u64 && rest.contains(": "), "{line}, {length}: {refusal:?}");
            said.push((record, byte));
        }
        assert!(said.iter().all(|one| *one == said[0]), "cut at {length}: {said:?}");
        if length == whole.len() / 2 {
            // Where a record ends: what is left looks whole.
            lengths.push(usize::try_from(said[0].1).unwrap());
        }
        // What is before it is told.
        assert_eq!(told(&format!("replay {place} --at {}", said[0].0 - 1))["position"], said[0].0 - 1);
    }
    fs::write(file, whole).unwrap();
    assert_eq!(told(&format!("log verify {place}"))["whole"], true);
}

/// A server that archives by itself, and is killed while it does: the next one goes on, and nothing is lost.
#[test]
fn a_server_archives_by_itself_what_is_older_than_its_snapshots_and_the_age() {
    let folder = own_folder().unwrap();
    let (data, archive) = (folder.path().join("data"), folder.path().join("archive"));
    let last = given_many_segments(&data);
    let place = data.display().to_string();
    let before = told(&format!("replay {place} --at {last}"));
    let all = segments(&data);
    let archiving = |age: &str| {
        let set =
            [format!("MOORING_ARCHIVE_AFTER={age}"), format!("MOORING_ARCHIVE_TO={}", archive.display())];
        Options { wrapper: ["env".to_owned()].into_iter().chain(set).collect(), ..Options::default() }
    };
    // Too young; but it takes its snapshots.
    let mut server = Mooringd::start_in(folder.path(), "", archiving("90days")).unwrap();
    assert!(server.stop().unwrap().success());
    assert_eq!(segments(&data), all);
    let archived = || fs::read_dir(archive.join("r1")).map_or(0, Iterator::count);
    assert_eq!(archived(), 0);

    let mut server = Mooringd::start_in(folder.path(), "", archiving("1s")).unwrap();
    wait_for("the first segment to be in the archive", PATIENCE, || match archived() {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    })
    .unwrap();
    server.restart(None).unwrap();
    let stays = || segments(&data);
    wait_for("all but the last ones to be in the archive", PATIENCE, || match (stays(), archived()) {
        (few, moved) if few <= 2 && few + moved >= all => Ok(()),
        other => Err(format!("{other:?} of {all}")),
    })
    .unwrap();
    server.ask("vpc create red").unwrap();
    assert!(server.stop().unwrap().success());
    assert_eq!(told(&format!("log verify {place}"))["whole"], true);
    assert_eq!(told(&format!("replay {place} --at {last}")), before);
}

#[test]
fn what_is_said_wrong_of_archiving_is_named() {
    let folder = own_folder().unwrap();
    let refused = |variable: &str| {
        let wrapper = ["env".to_owned(), variable.to_owned()].to_vec();
        let options = Options { wrapper, ..Options::default() };
        Mooringd::refused(folder.path(), "", options).unwrap().1
    };
    let said = refused("MOORING_ARCHIVE_AFTER=90days");
    assert!(said.contains("--archive-after needs --archive-to"), "{said}");
    let said = refused("MOORING_ARCHIVE_AFTER=old");
    assert!(said.contains("MOORING_ARCHIVE_AFTER: invalid value 'old'"), "{said}");
}
