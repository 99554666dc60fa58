//! What clients that contend for the same EIPs and HAVIPs are told can have happened, kills or not; and whoever answers
//! wrongly is found: a service with a planted fault, a history with one answer changed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod given;
mod tampered;

use std::time::{Duration, Instant};

use mooring_tests::figures::{number, seed, show};
use mooring_tests::load::{Load, Manner};
use mooring_tests::server::Options;
use mooring_tests::{Mooringd, client::Servers};

use crate::given::{ALONE, CONTENDED, cells};

const PATIENT: Duration = Duration::from_secs(60);

fn busy() -> Manner {
    Manner { thinking: Duration::from_millis(10), ..Manner::default() }
}

#[test]
fn what_clients_are_told_by_a_server_that_is_killed_again_and_again_can_have_happened() {
    let seed = seed("linearizable");
    let kills = number("MOORING_ROUNDS", 20);
    let mut server = Mooringd::alone(Options::default()).unwrap();
    let cells = cells(&server, &[CONTENDED, CONTENDED, CONTENDED, ALONE, ALONE]);
    let load = Load::start(cells, Servers::one(server.address()), seed, busy());
    for _ in 0..kills {
        load.wait_answered(100, PATIENT).unwrap();
        server.restart(None).unwrap();
        load.servers_are(Servers::one(server.address()));
    }
    load.wait_answered(100, PATIENT).unwrap();
    let done = load.finish().unwrap();
    let begin = Instant::now();
    let operations = done.is_linearizable().unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
    show(&format!("linearizable: {operations} calls over {kills} kills, checked in {:?}", begin.elapsed()));
    show(&format!("linearizable: {done}"));
    let acknowledged = done.is_logged(given::requests(&server).into_iter()).unwrap();
    assert!(acknowledged > 0, "nobody was alone");
}

#[test]
fn a_service_that_answers_an_unbind_before_its_end_is_found() {
    let seed = seed("linearizable");
    let plant = Some("unbind.answers-early".to_owned());
    let server = Mooringd::alone(Options { plant, ..Options::default() }).unwrap();
    let load = Load::start(cells(&server, &[CONTENDED; 3]), Servers::one(server.address()), seed, busy());
    load.wait_answered(1000, PATIENT).unwrap();
    let found = load.finish().unwrap().is_linearizable().unwrap_err().to_string();
    assert!(found.contains("no order explains this answer"), "{found}");
    show(&format!("linearizable: the planted fault was found: {}", found.lines().next().unwrap()));
}
