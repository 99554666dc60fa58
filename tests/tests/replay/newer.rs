//! A log that a later version has written in: every reader stops with a clear word where it would miss something, and
//! nowhere else.

use std::{fs, path::Path};

use bytes::Bytes;
use mooring_event_log::{Commit, EventLog, Options as LogOptions, Segments, StreamName};
use mooring_tests::{Mooringd, server::Options};
use serde_json::json;
use uuid::Uuid;

use crate::given::*;

/// Field 1000 of the message that every event is: what a later version may write.
const UNKNOWN: &[u8] = &[0xc2, 0x3e, 0x00];
/// `gateway_registered` of gateway gw-7 in region r1, with a field 15 that no version has today.
const WIDER: &[u8] = b"\xaa\x02\x0c\x0a\x04gw-7\x12\x02r1\x78\x01";

/// Appends a record, as another version would.
fn append(folder: &Path, stream: &str, event: &'static [u8]) -> u64 {
    let commit = Commit {
        id: Uuid::now_v7(),
        request_id: None,
        request_hash: Bytes::new(),
        actor: "a later version".into(),
        recorded_at: 1,
        observed_at: None,
        trace_parent: "".into(),
        events: vec![Bytes::from_static(event)],
    };
    let log = Segments::open(folder, LogOptions::default(), &[]).unwrap().log;
    let stream = StreamName::new(stream);
    let append = async {
        let last = log.tail().await?.streams.get(&stream).copied().unwrap_or_default().0;
        log.append(&stream, last, vec![commit]).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let position = runtime.block_on(append).unwrap().0;
    log.close();
    position
}

#[track_caller]
fn unreadable(line: &str, words: &[&str]) {
    let refusal = refused(line);
    assert_eq!((refusal.exit, &*refusal.reason), (6, "UNREADABLE"), "{line}: {refusal:?}");
    for word in words {
        assert!(refusal.message.contains(word), "{line}: {word:?} is not in: {}", refusal.message);
    }
}

#[test]
fn an_event_of_a_kind_that_nobody_knows_stops_every_reader_where_it_stands() {
    let Life { server, photos } = lived();
    let (data, end) = (server.data(), photos.last().unwrap().position);
    let folder = data.join("log/r1");
    let before = fs::read(segment(&data)).unwrap();
    let newer = append(&folder, "binding", UNKNOWN);
    assert_eq!(newer, end + 1);
    let place = folder.display();
    let expected =
        format!("record {newer}: commit 0: an event of kind 1000, which this version does not know");
    let lines = ["replay PLACE", "replay PLACE --at NEWER", "diff PLACE 0 end", "log compat PLACE"];
    for line in lines {
        let line = line.replace("PLACE", &place.to_string()).replace("NEWER", &newer.to_string());
        unreadable(&line, &[&expected, "use a version as new as the one that wrote it"]);
    }
    let (status, said) = Mooringd::refused(data.parent().unwrap(), "", Options::default()).unwrap();
    assert!(!status.success() && said.contains(&expected), "{said}");
    // Nobody took it for damage, and what stands before it can be asked for.
    assert!(fs::read(segment(&data)).unwrap().starts_with(&before));
    assert_eq!(told(&format!("replay {place} --at {end}"))["position"].as_u64(), Some(end));
    assert_eq!(told(&format!("log verify {place}"))["last"].as_u64(), Some(newer), "its bytes are whole");
}

#[test]
fn compat_lists_what_a_log_has_and_says_where_the_first_unknown_thing_is() {
    let Life { server, photos } = lived();
    let folder = server.data().join("log/r1");
    let line = format!("log compat {} -o json", folder.display());
    let said = told(&format!("log compat {}", folder.display()));
    assert_eq!((&said["readable"], &said["format"]), (&json!(true), &json!(1)), "{said}");
    assert_eq!(said["last"].as_u64(), Some(photos.last().unwrap().position));
    let kinds = said["kinds"].as_array().unwrap();
    let pool = &kinds[0];
    assert_eq!(
        (&pool["name"], &pool["number"], &pool["events"]),
        (&json!("pool_created"), &json!(1), &json!(1))
    );
    assert!(kinds.iter().all(|kind| kind["known"] == json!(true)), "{said}");

    // A field more is no obstacle: such fields are only added where nobody who does not know them misses anything.
    append(&folder, "binding", WIDER);
    let said = told(&format!("log compat {}", folder.display()));
    assert_eq!(said["readable"], json!(true));
    assert_eq!(said["unknown_fields"], json!({"GatewayRegistered.15": 1}));

    let first = append(&folder, "health", UNKNOWN);
    append(&folder, "health", UNKNOWN);
    let answer = offline(&line);
    let said: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(answer.exit, 6, "{}", answer.error);
    let unknown = said["kinds"].as_array().unwrap().last().unwrap();
    let place = format!("{first}.0");
    assert_eq!(
        unknown,
        &json!({"number": 1000, "name": null, "known": false, "events": 2, "first": place}),
        "{said}"
    );
    assert_eq!((&said["readable"], &said["stops_at"]["at"]), (&json!(false), &json!(place)));
}

#[test]
fn a_stream_of_a_service_that_nobody_knows_is_named() {
    let Life { server, .. } = lived();
    let folder = server.data().join("log/r1");
    let at = append(&folder, "billing", UNKNOWN);
    let place = folder.display();
    let expected = format!("record {at}: ");
    for line in [format!("log compat {place}"), format!("replay {place}")] {
        unreadable(&line, &[&expected, "stream billing"]);
    }
}

#[test]
fn a_segment_of_a_later_format_is_refused_and_never_taken_for_a_torn_end() {
    let Life { server, .. } = lived();
    let (data, path) = (server.data(), segment(&server.data()));
    let mut header = fs::read(&path).unwrap();
    let length = u32::from_le_bytes(header[12..16].try_into().unwrap()) as usize;
    header.truncate(16 + length);
    header[8] = 2;
    let crc = crc32c(&header);
    header.extend(crc.to_le_bytes());
    // As after a later version has begun a segment: a header, no frame yet.
    fs::write(&path, &header).unwrap();
    let expected = "the segment is of format 2, which this version does not know";
    for line in ["log verify PLACE", "log compat PLACE", "replay PLACE", "diff PLACE 0 end"] {
        unreadable(&line.replace("PLACE", &data.display().to_string()), &["record 1, at byte 0", expected]);
    }
    let (status, said) = Mooringd::refused(data.parent().unwrap(), "", Options::default()).unwrap();
    assert!(!status.success() && said.contains(expected), "{said}");
    assert!(fs::read(&path).unwrap() == header, "it was touched");
}

/// CRC32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & 0_u32.wrapping_sub(crc & 1)))
    })
}
