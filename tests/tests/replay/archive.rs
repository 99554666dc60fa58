//! `moor log archive`: old segments go away, every question is answered as before, and a server starts without them.

use std::{fs, path::Path};

use mooring_event_log::{Options as LogOptions, Segments};
use mooring_tests::{
    Mooringd, history,
    server::{Options, own_folder},
};
use serde_json::json;

use crate::given::*;

/// A data folder with a log in many segments; its last record.
fn given_many_segments(data: &Path) -> u64 {
    let options = LogOptions { segment_bytes: 64 * 1024, ..LogOptions::default() };
    let log = Segments::open(&data.join("log/r1"), options, &[]).unwrap().log;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let written = runtime.block_on(history::write(log.as_ref(), 4_000)).unwrap();
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
