//! The index is lost or spoiled under a server, or the log itself is damaged.

use std::{fs, time::Duration};

use mooring_proto::dataplane::v1::{EventFilter, ListEventsRequest};
use mooring_tests::wait_for;
use tonic::Code;

use crate::given::*;

#[test]
fn a_server_whose_index_was_lost_or_spoiled_builds_it_again_and_answers_as_before() {
    let mut server = lived();
    let filter = EventFilter { eip: format!("{P1}/eips/web"), ..Default::default() };
    let before = list(&server, &filter, 0);
    let index = server.data().join("index");
    assert!(server.stop().unwrap().success());
    fs::remove_dir_all(&index).unwrap();
    server.restart(None).unwrap();
    assert_eq!(list(&server, &filter, 0), before, "lost");
    assert!(index.join("r1").is_dir(), "and is there again");
    assert!(server.stop().unwrap().success());
    fs::write(index.join("r1/conf"), "this is no sled folder any more").unwrap();
    server.restart(None).unwrap();
    assert_eq!(list(&server, &filter, 0), before, "spoiled");
    assert!(index.join("r1.damaged-1/conf").is_file(), "what was there is set aside");
    server.restart(None).unwrap();
    assert_eq!(list(&server, &filter, 0), before, "killed");
}

/// Somebody else has the folder open, as a copy of it that is being made.
#[test]
fn a_server_that_can_not_open_its_index_yet_says_that_it_is_behind_and_answers_once_it_can() {
    let mut server = lived();
    let filter = EventFilter { eip: format!("{P1}/eips/web"), ..Default::default() };
    let before = list(&server, &filter, 0);
    assert!(server.stop().unwrap().success());
    let held = fs::File::open(server.data().join("index/r1/db")).unwrap();
    held.lock().unwrap();
    server.restart(None).unwrap();
    let request = ListEventsRequest { filter: Some(filter.clone()), ..Default::default() };
    let status = page(&server, request).unwrap_err();
    let (code, reason, _) = info(&status);
    assert_eq!((code, &*reason), (Code::Unavailable, "INDEX_BEHIND"), "{status:?}");
    held.unlock().unwrap();
    wait_for("the index to be opened", Duration::from_secs(30), || {
        let request = ListEventsRequest { filter: Some(filter.clone()), ..Default::default() };
        page(&server, request).map(drop).map_err(|status| format!("{status:?}"))
    })
    .unwrap();
    assert_eq!(list(&server, &filter, 0), before);
}

#[test]
fn a_log_that_is_damaged_under_the_server_is_no_short_answer() {
    let mut server = lived();
    // The latest records are kept in memory: only a server that was started again reads old ones from the disk.
    assert!(server.stop().unwrap().success());
    server.restart(None).unwrap();
    let all = list(&server, &EventFilter::default(), 0);
    assert!(!all.is_empty());
    let segments = server.data().join("log/r1/segments");
    for entry in fs::read_dir(&segments).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }
    server.refuse("vpc create green").unwrap();
    let status = page(&server, ListEventsRequest::default()).unwrap_err();
    let (code, reason, _) = info(&status);
    assert_eq!((code, &*reason), (Code::DataLoss, "LOG_DAMAGED"), "{status:?}");
}
