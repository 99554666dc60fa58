//! L8 on a real `mooringd`: a log that ends before what somebody has seen is not a short log. The start is refused and
//! nothing is changed; a torn end that nobody has seen is set aside and reported.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use mooring_tests::Mooringd;
use mooring_tests::server::{Options, own_folder};

/// A server with something in its log, ended as `end` does it.
fn ended(folder: &Path, end: impl FnOnce(&mut Mooringd)) -> Mooringd {
    let mut server = Mooringd::start_in(folder, "", Options::default()).unwrap();
    server.stock().unwrap();
    end(&mut server);
    fs::remove_file(folder.join("mooringd.log")).unwrap();
    server
}

/// The log's only segment.
fn segment(server: &Mooringd) -> PathBuf {
    let segments = server.data().join("log/r1/segments");
    let files: Vec<_> = fs::read_dir(segments).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [only] = &files[..] else { unreachable!("one segment, not {files:?}") };
    only.clone()
}

fn assert_refused(folder: &Path, words: &[&str]) {
    let (status, log) = Mooringd::refused(folder, "", Options::default()).unwrap();
    assert_eq!(status.code(), Some(1), "{log}");
    for word in words {
        assert!(log.contains(word), "{word:?} is not in: {log}");
    }
}

#[test]
fn a_damaged_last_record_that_the_gateway_has_followed_is_refused_after_a_kill() {
    let folder = own_folder().unwrap();
    let server = ended(folder.path(), |server| server.kill9().unwrap());
    let (segment, good) = (segment(&server), fs::read(segment(&server)).unwrap());
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 0x01;
    fs::write(&segment, &bad).unwrap();
    assert_refused(folder.path(), &["region r1", "damaged"]);
    assert_eq!(fs::read(&segment).unwrap(), bad, "a refused start changes nothing");

    fs::write(&segment, &good).unwrap();
    let again = Mooringd::start_in(folder.path(), "", Options::default()).unwrap();
    assert_eq!(again.ask("havip get front").unwrap()["display_name"], "front");
}

#[test]
fn a_log_that_ends_before_its_snapshot_is_refused_also_without_a_cursor() {
    let folder = own_folder().unwrap();
    let server = ended(folder.path(), |server| assert!(server.stop().unwrap().success()));
    fs::remove_dir_all(server.data().join("cursor")).unwrap();
    let segment = segment(&server);
    let good = fs::read(&segment).unwrap();
    fs::write(&segment, &good[..good.len() - 3]).unwrap();
    assert_refused(folder.path(), &["region r1", "damaged"]);
}

#[test]
fn a_log_that_is_gone_is_not_a_new_one() {
    let folder = own_folder().unwrap();
    let server = ended(folder.path(), |server| server.kill9().unwrap());
    fs::remove_dir_all(server.data().join("log")).unwrap();
    assert_refused(folder.path(), &["region r1"]);
}

#[test]
fn a_torn_end_that_nobody_has_seen_is_set_aside_and_reported() {
    let folder = own_folder().unwrap();
    let server = ended(folder.path(), |server| server.kill9().unwrap());
    let segment = segment(&server);
    let good = fs::read(&segment).unwrap();
    // The first bytes of a write that the machine did not finish.
    fs::write(&segment, [&good[..], &good[good.len() - 40..][..20]].concat()).unwrap();
    let again = Mooringd::start_in(folder.path(), "", Options::default()).unwrap();
    assert!(again.log().contains("set aside"), "{}", again.log());
    assert_eq!(again.ask("havip get front").unwrap()["display_name"], "front");
    assert!(fs::read(&segment).unwrap().starts_with(&good), "what was acknowledged is untouched");
}
