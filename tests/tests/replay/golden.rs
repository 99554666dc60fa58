//! Logs of every format that was ever written are read for ever, and come to the state they came to then. See
//! tests/golden/README.md.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use mooring_proto::DESCRIPTORS;
use mooring_tests::{golden, server::own_folder};
use prost::Message;
use serde_json::Value;

use crate::given::*;

fn logs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    logs.sort();
    logs
}

/// Every kind of event that there is, by number.
pub fn kinds() -> BTreeMap<u32, String> {
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let file = files.into_iter().find(|file| file.package() == "mooring.event.v1").unwrap();
    let event = file.message_type.into_iter().find(|message| message.name() == "Event").unwrap();
    event.field.iter().map(|field| (field.number().cast_unsigned(), field.name().to_owned())).collect()
}

/// Where `found` lacks something of `golden` or has it otherwise; what it has besides is of no account.
fn differences(at: &str, golden: &Value, found: &Value) -> Vec<String> {
    match (golden, found) {
        (Value::Object(golden), Value::Object(found)) => {
            let field = |(key, value)| {
                differences(&format!("{at}.{key}"), value, found.get(key).unwrap_or(&Value::Null))
            };
            golden.iter().flat_map(field).collect()
        }
        (Value::Array(golden), Value::Array(found)) if golden.len() == found.len() => {
            let each = golden.iter().zip(found).enumerate();
            each.flat_map(|(n, (golden, found))| differences(&format!("{at}[{n}]"), golden, found)).collect()
        }
        _ if golden == found => Vec::new(),
        _ => vec![format!("{at}: it was {golden}, and now is {found}")],
    }
}

#[test]
fn every_golden_log_is_whole_readable_and_comes_to_the_state_it_came_to_then() {
    for log in logs() {
        let place = log.display();
        assert_eq!(told(&format!("log verify {place}"))["whole"], true, "{place}");
        assert_eq!(told(&format!("log compat {place}"))["readable"], true, "{place}");
        let then = serde_json::from_slice(&fs::read(log.join(golden::STATE)).unwrap()).unwrap();
        let now = golden::state(&log).unwrap();
        assert!(then != Value::Null && now["position"].as_u64().unwrap() > 20, "{place}: {now}");
        assert_eq!(differences("state", &then, &now), Vec::<String>::new(), "{place}");
    }
}

#[test]
fn every_kind_of_event_is_in_a_golden_log_and_in_the_life_that_the_next_one_is_made_of() {
    let made = own_folder().unwrap();
    let next = made.path().join("next");
    golden::make(&next).unwrap();
    let today = golden::kinds(&next).unwrap();
    let stored: Vec<_> = logs().iter().map(|log| golden::kinds(log).unwrap()).collect();
    for (number, name) in kinds() {
        let how = "see tests/golden/README.md";
        assert!(today.contains(&number), "the life of tests/src/golden.rs has no {name} ({number}): {how}");
        assert!(stored.iter().any(|log| log.contains(&number)), "no golden log has {name} ({number}): {how}");
    }
    let segments = fs::read_dir(next.join("log/r1/segments")).unwrap().count();
    assert!(segments > 2, "a golden log has several segments: {segments}");
}

#[test]
fn a_golden_state_that_is_another_is_seen() {
    let golden = serde_json::json!({"a": [{"b": 1}], "c": null});
    let found = |text: &str| differences("s", &golden, &serde_json::from_str(text).unwrap());
    assert!(found(r#"{"a": [{"b": 1, "new": 2}], "c": null, "d": 3}"#).is_empty());
    assert_eq!(found(r#"{"a": [{"b": 2}], "c": null}"#), ["s.a[0].b: it was 1, and now is 2"]);
    assert_eq!(found(r#"{"a": [], "c": null}"#).len(), 1);
}
