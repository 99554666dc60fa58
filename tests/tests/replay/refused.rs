//! Questions that a log can't answer: each gets one clear error that names the field, the rule, and what there is.

use std::{fs, process::Command};

use mooring_tests::{
    Mooringd,
    server::{Options, own_folder, program},
};
use serde_json::{Value, json};

use crate::given::*;

/// Exit code, reason and field; the message must have all of these words.
#[track_caller]
fn check(line: &str, expected: (i32, &str, &str), words: &[&str]) {
    let refusal = refused(line);
    assert_eq!((refusal.exit, &*refusal.reason, &*refusal.field), expected, "{line}: {}", refusal.message);
    for word in words {
        assert!(refusal.message.contains(word), "{line}: {word:?} is not in: {}", refusal.message);
    }
}

#[test]
fn a_moment_outside_the_log_names_its_argument_and_what_there_is() {
    let Life { server, photos } = lived();
    let (place, end) = (server.data().display().to_string(), photos.last().unwrap().position);
    let outside = |field| (3, "OUTSIDE_THE_LOG", field);
    let ends = format!("there is no record 9999: the log ends at {end}");
    check(&format!("replay {place} --at 9999"), outside("--at"), &["--at", &ends]);
    check(&format!("replay {place} --at 9999.0"), outside("--at"), &[&ends]);
    check(&format!("diff {place} 9999 1"), outside("A"), &["A: ", &ends]);
    check(&format!("diff {place} 1 9999"), outside("B"), &["B: ", &ends]);
    check(
        &format!("replay {place} --at 2.7"),
        outside("--at"),
        &["no commit 2.7: the last one of record 2 is 2.0"],
    );
    check(&format!("replay {place} --at {end}.7"), outside("--at"), &[&format!("record {end} is {end}.0")]);
    check(&format!("replay {place} --at 0.0"), outside("--at"), &["record 0 is before everything"]);
    let early = format!("replay {place} --at 1999-12-31T23:59:59Z");
    check(&early, outside("--at"), &["is before everything: the first commit was recorded at 2"]);
    check(&format!("replay {place} --at 2500-01-01T00:00:00Z"), outside("--at"), &["has not come yet"]);
    for (line, field) in [("replay PLACE --at yesterday", "--at"), ("diff PLACE 1 1.x", "B")] {
        let line = line.replace("PLACE", &place);
        check(&line, (2, "USAGE", field), &["is no moment of a log", "POSITION.INDEX", "RFC 3339"]);
    }
}

#[test]
fn a_place_without_the_log_names_it_and_what_is_there() {
    let mut server = server();
    server.stock().unwrap();
    assert!(server.stop().unwrap().success());
    let place = server.data().display().to_string();
    let empty = own_folder().unwrap();
    for verb in ["replay PLACE", "diff PLACE 0 end", "log verify PLACE"] {
        let line = |place: &str| verb.replace("PLACE", place);
        check(&line("nowhere"), (3, "NO_LOG", "PLACE"), &["there is no log in nowhere"]);
        check(&line(&empty.path().display().to_string()), (3, "NO_LOG", "PLACE"), &["log/REGION/segments"]);
        let unknown = format!("{} --region r9", line(&place));
        check(&unknown, (3, "NO_LOG", "--region"), &["no log of region r9", "it has r1"]);
        check(&line("nats://127.0.0.1:4222"), (2, "USAGE", "PLACE"), &["moor log copy"]);
        check(&line("file:"), (2, "USAGE", "PLACE"), &["empty"]);
    }
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "asking makes nothing");
    // The folder of one log may have any name: the log knows whose it is.
    let renamed = server.data().join("log/renamed");
    fs::rename(server.data().join("log/r1"), &renamed).unwrap();
    let other = format!("replay {} --region r9", renamed.display());
    check(&other, (3, "NO_LOG", "--region"), &["it is region r1's"]);
    let misplaced = server.data().join("log/r2");
    fs::rename(&renamed, &misplaced).unwrap();
    let other = format!("replay {place} --region r2");
    check(&other, (3, "NO_LOG", "--region"), &["no log of region r2", "it is region r1's"]);
    fs::rename(&misplaced, &renamed).unwrap();
    fs::remove_dir_all(renamed.join("segments")).unwrap();
    fs::create_dir(renamed.join("segments")).unwrap();
    check(&format!("log verify {}", renamed.display()), (3, "NO_LOG", "PLACE"), &["no segment"]);
}

#[test]
fn of_several_logs_one_must_be_named_and_a_single_one_need_not_be() {
    let regions = vec!["r1".to_owned(), "r2".to_owned()];
    let mut server = Mooringd::alone(Options { regions, ..Options::default() }).unwrap();
    server.ask("vpc create blue --region r2").unwrap();
    assert!(server.stop().unwrap().success());
    let logs = server.data().join("log");
    let ask = |words: &[&str]| {
        let mut moor = Command::new(program("moor").unwrap());
        moor.env_remove("MOORING_REGION").arg("replay").arg(server.data()).args(words).args(["-o", "json"]);
        let done = moor.output().unwrap();
        let said = if done.status.success() { &done.stdout } else { &done.stderr };
        (done.status.code().unwrap(), serde_json::from_slice::<Value>(said).unwrap())
    };
    let (exit, said) = ask(&[]);
    assert_eq!((exit, &said["error"]["argument"]), (2, &json!("--region")), "{said}");
    assert!(said["error"]["message"].as_str().unwrap().contains("has r1, r2"), "{said}");
    let (exit, said) = ask(&["--region", "r2"]);
    assert_eq!((exit, &said["region"], &said["vpcs"][0]["display_name"]), (0, &json!("r2"), &json!("blue")));
    fs::remove_dir_all(logs.join("r1")).unwrap();
    let (exit, said) = ask(&[]);
    assert_eq!((exit, &said["region"]), (0, &json!("r2")), "{said}");
}
