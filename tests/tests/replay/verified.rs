//! `moor log verify` finds every flipped byte of a log, and says where it is.

use std::{fs, ops::Range, path::Path};

use serde_json::Value;

use crate::given::*;

/// A segment's frames by their bytes and their first record, read by the description in docs/design/log.md; before the
/// first one is the header.
fn frames(segment: &[u8]) -> Vec<(Range<usize>, u64)> {
    let word = |at: usize| u32::from_le_bytes(segment[at..at + 4].try_into().unwrap()) as usize;
    let (mut found, mut at) = (Vec::new(), 16 + word(12) + 4);
    while at < segment.len() {
        let end = at + 20 + word(at + 4) + 4;
        found.push((at..end, u64::from_le_bytes(segment[at + 8..at + 16].try_into().unwrap())));
        at = end;
    }
    found
}

fn verify(place: &Path) -> (i32, Value) {
    let answer = offline(&format!("log verify {} -o json", place.display()));
    (answer.exit, serde_json::from_str(&answer.out).unwrap())
}

#[test]
fn every_flipped_byte_of_a_small_log_is_found_with_its_file_record_and_frame() {
    let mut server = server();
    server.ask("pool create public 203.0.113.64/27").unwrap();
    assert!(server.stop().unwrap().success());
    let data = server.data();
    let (path, frames_of) = (segment(&data), frames);
    let good = fs::read(&path).unwrap();
    let (frames, last) = (frames_of(&good), 2);
    assert_eq!(frames.iter().map(|(_, first)| *first).collect::<Vec<_>>(), [1, last]);
    assert_eq!(verify(&data).0, 0);
    for byte in 0..good.len() {
        let mut bad = good.clone();
        bad[byte] ^= 1 << (byte % 8);
        fs::write(&path, &bad).unwrap();
        let (exit, said) = verify(&data);
        let frame = frames.iter().find(|(range, _)| range.contains(&byte));
        let (start, record) = frame.map_or((0, 1), |(range, first)| (range.start as u64, *first));
        let damage = &said["damage"];
        assert_eq!((exit, said["whole"].as_bool()), (1, Some(false)), "byte {byte}: {said}");
        assert_eq!(damage["file"].as_str().unwrap(), path.to_str().unwrap(), "byte {byte}");
        assert_eq!(damage["record"].as_u64(), Some(record), "byte {byte}");
        assert_eq!(damage["byte"].as_u64(), Some(start), "byte {byte}");
        assert_eq!(said["last"].as_u64(), Some(record - 1), "byte {byte}");
        assert_eq!(damage["at_the_end"].as_bool(), Some(record == last), "byte {byte}");
        assert!(fs::read(&path).unwrap() == bad, "byte {byte}: the log was changed");
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(verify(&data).1["last"].as_u64(), Some(last));
}

#[test]
fn a_life_is_whole_and_its_streams_end_where_they_did() {
    let Life { server, photos } = lived();
    let (exit, said) = verify(&server.data());
    assert_eq!((exit, said["whole"].as_bool(), said["damage"].is_null()), (0, Some(true), true), "{said}");
    assert_eq!(said["last"].as_u64(), Some(photos.last().unwrap().position));
    assert_eq!(said["bytes"].as_u64(), Some(fs::metadata(segment(&server.data())).unwrap().len()));
    let streams: Vec<_> =
        said["streams"].as_array().unwrap().iter().map(|stream| stream["stream"].as_str().unwrap()).collect();
    assert_eq!(streams, ["binding", "health", "resource"]);
    let text = offline(&format!("log verify file:{}", server.data().display()));
    assert!(text.out.contains("is whole up to its end: record "), "{}", text.out);
}

#[test]
fn damage_is_told_to_people_and_the_past_before_it_can_still_be_asked_for() {
    let Life { server, photos } = lived();
    let data = server.data();
    let (path, place) = (segment(&data), data.display());
    let mut bytes = fs::read(&path).unwrap();
    let (range, record) = frames(&bytes).into_iter().find(|(_, first)| *first > photos[2].position).unwrap();
    bytes[range.start + 30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let answer = offline(&format!("log verify {place}"));
    assert_eq!(answer.exit, 1);
    assert!(answer.out.contains(&format!("is whole up to record {}", record - 1)), "{}", answer.out);
    let damage =
        format!("record {record}, at byte {} of {}: its frame is damaged", range.start, path.display());
    assert!(answer.error.contains(&damage), "{}", answer.error);

    for line in ["replay PLACE", "replay PLACE --at 9999", "diff PLACE 0 end"] {
        let refusal = refused(&line.replace("PLACE", &place.to_string()));
        assert_eq!((refusal.exit, &*refusal.reason), (1, "DAMAGED"), "{line}");
        assert_eq!(refusal.message, format!("the log is damaged: {damage}"), "{line}");
        assert_eq!(refusal.in_the_way, path.display().to_string(), "{line}");
    }
    let past = told(&format!("replay {place} --at {}", photos[2].position));
    assert_eq!(past["havips"], photos[2].lists[4]);
}

#[test]
fn an_end_that_was_cut_off_is_told_from_damage_in_the_middle() {
    let Life { server, .. } = lived();
    let (data, path) = (server.data(), segment(&server.data()));
    let bytes = fs::read(&path).unwrap();
    let (last, record) = frames(&bytes).pop().unwrap();
    for length in [last.start + 1, last.start + 20, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let (exit, said) = verify(&data);
        assert_eq!(exit, 1, "{said}");
        assert_eq!(said["damage"]["record"].as_u64(), Some(record), "{said}");
        assert_eq!(said["damage"]["at_the_end"].as_bool(), Some(true), "{said}");
    }
}
