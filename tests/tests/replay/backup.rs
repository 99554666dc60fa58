//! `moor log backup` beside a running server, and a server started on what `moor log restore` has put back.

use std::fs;

use mooring_tests::{Mooringd, server::Options, server::own_folder};
use serde_json::json;

use crate::given::*;

#[test]
fn a_backup_of_a_running_system_is_restored_into_one_that_says_the_same_and_goes_on() {
    let server = server();
    server.stock().unwrap();
    let kept = own_folder().unwrap();
    let (data, dest) =
        (server.data().display().to_string(), kept.path().join("backup").display().to_string());
    let backup = || told(&format!("log backup {data} {dest}"));
    let first = backup();
    assert_eq!((&first["already"], &first["last"]), (&json!(0), &json!(tail(&server))), "{first}");
    server.ask("bind web front").unwrap();
    let now = photo(&server);
    let second = backup();
    assert_eq!((&second["already"], &second["last"]), (&first["last"], &json!(now.position)), "{second}");
    assert!(second["copied_bytes"].as_u64() < first["copied_bytes"].as_u64(), "{second}");
    assert_eq!(backup()["copied_bytes"], json!(0));
    assert_eq!(told(&format!("replay {dest}"))["eips"], now.lists[5]);
    drop(server);

    let new = kept.path().join("new");
    let restored = told(&format!("log restore {dest} {}", new.join("data").display()));
    assert_eq!(restored["last"], json!(now.position));
    let again = Mooringd::start_in(&new, "", Options::default()).unwrap();
    for (n, (_, line)) in LISTS.iter().enumerate() {
        let mut said = again.ask(line).unwrap();
        let mut then = now.lists[n].clone();
        // How far the gateway has come with a binding is its own report.
        for list in [&mut said, &mut then] {
            list.as_array_mut().unwrap().iter_mut().for_each(|thing| {
                thing.as_object_mut().unwrap().remove("gateways");
            });
        }
        assert_eq!(said, then, "{line}");
    }
    assert_eq!(again.ask("vpc create red").unwrap()["display_name"], "red");
    // What happened since is in no backup: put into this folder, it would be a log that lost its end.
    let refusal = refused(&format!("log restore {dest} {}", new.join("data").display()));
    assert_eq!((refusal.exit, &*refusal.reason), (4, "UNAVAILABLE"), "a process runs on it: {refusal:?}");
}

#[test]
fn a_data_folder_that_has_a_log_or_has_seen_more_than_the_backup_is_refused() {
    let mut server = server();
    server.stock().unwrap();
    let kept = own_folder().unwrap();
    let (data, dest) = (server.data(), kept.path().join("backup").display().to_string());
    let (line, restore) =
        (format!("log backup {} {dest}", data.display()), format!("log restore {dest} {}", data.display()));
    let last = told(&line)["last"].as_u64().unwrap();
    assert!(server.stop().unwrap().success());
    let refusal = refused(&restore);
    assert_eq!((refusal.exit, &*refusal.reason), (1, "OCCUPIED"), "{refusal:?}");
    assert!(refusal.in_the_way.ends_with("log/r1"), "{refusal:?}");

    server.restart(None).unwrap();
    server.ask("bind web front").unwrap();
    let seen = tail(&server);
    assert!(server.stop().unwrap().success());
    fs::remove_dir_all(data.join("log/r1")).unwrap();
    let refusal = refused(&restore);
    assert_eq!((refusal.exit, &*refusal.reason), (1, "LOST_END"), "{refusal:?}");
    let words = format!("has seen record {seen}, and the backup ends at {last}");
    assert!(refusal.message.contains(&words), "{refusal:?}");
    assert!(!data.join("log/r1").exists(), "nothing half done");
    // Without the witnesses it is a log as any other.
    fs::remove_dir_all(data.join("cursor")).unwrap();
    fs::remove_dir_all(data.join("snapshots")).unwrap();
    assert_eq!(told(&restore)["last"].as_u64(), Some(last));
    server.restart(None).unwrap();
    assert_eq!(server.ask("eip list").unwrap()[0]["state"], "AVAILABLE");
}

#[test]
fn what_can_not_be_backed_up_is_named() {
    let Life { server, .. } = lived();
    let kept = own_folder().unwrap();
    let dest = kept.path().join("backup").display().to_string();
    let empty = own_folder().unwrap();
    let refusal = refused(&format!("log backup {} {dest}", empty.path().display()));
    assert_eq!((refusal.exit, &*refusal.reason, &*refusal.field), (3, "NO_LOG", "PLACE"));
    let refusal = refused(&format!("log backup nats://127.0.0.1:4222 {dest}"));
    assert!(refusal.exit == 2 && refusal.message.contains("moor log copy"), "{refusal:?}");
    assert!(!kept.path().join("backup").exists(), "asking makes nothing");
    told(&format!("log backup {} {dest}", server.data().display()));
    let other = crate::given::server();
    let refusal = refused(&format!("log backup {} {dest}", other.data().display()));
    assert_eq!((refusal.exit, &*refusal.reason), (1, "ANOTHER_LOG"), "{refusal:?}");
    assert!(refusal.message.contains("differs at record 1"), "{refusal:?}");
}
