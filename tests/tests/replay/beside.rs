//! A log in use: it is read beside the process that writes it, up to what that one has acknowledged, and neither disturbs
//! the other.

use std::{fs, thread};

use mooring_tests::server::moor;

use crate::given::*;

#[test]
fn a_running_servers_log_tells_what_the_server_says_and_stays_as_it_is() {
    let server = server();
    server.stock().unwrap();
    server.ask("bind web front").unwrap();
    let now = photo(&server);
    let (data, path) = (server.data(), segment(&server.data()));
    let before = fs::read(&path).unwrap();
    let past = told(&format!("replay {}", data.display()));
    assert_eq!(past["position"].as_u64(), Some(now.position));
    assert_eq!((&past["eips"], &past["havips"]), (&now.lists[5], &now.lists[4]));
    assert_eq!(told(&format!("log verify {}", data.display()))["last"].as_u64(), Some(now.position));
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(server.ask("vpc create red").unwrap()["display_name"], "red");
}

#[test]
fn while_a_server_writes_its_log_is_whole_at_every_look() {
    let server = server();
    let address = server.address().to_owned();
    let line = format!("log verify {}", server.data().display());
    let (first, mut seen) = (tail(&server), Vec::new());
    thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for n in 0..60 {
                let made = moor(&address, &format!("vpc create vpc-{n}")).unwrap();
                assert_eq!(made.exit, 0, "{}", made.error);
            }
        });
        while !writer.is_finished() {
            seen.push(told(&line)["last"].as_u64().unwrap());
        }
        writer.join().unwrap();
    });
    seen.push(told(&line)["last"].as_u64().unwrap());
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(seen.last(), Some(&(first + 60)));
}
