//! Two hundred clients fight for fifty EIPs and fifty HAVIPs, with binds, unbinds and moves, while the server is killed
//! and started again every few seconds. Afterwards the whole log is folded by rules written down here once more: no double
//! binding ever stood in it, nothing acknowledged is missing, no hold is left over, and the kernel equals the fold.
//!
//! `MOORING_STORM_SECONDS` makes it longer, `MOORING_SEED` repeats the same choices.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod acknowledged;
mod client;
mod clients;
mod fold;
mod given;
mod holds;
mod kernel;
mod rules;
mod tampered;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use mooring_tests::figures::{number, seed, show};
use mooring_tests::{Lab, Mooringd, server::Options, wait_for};

use crate::{clients::Clients, fold::Fold, given::Prizes};

const CLIENTS: usize = 200;
/// How long anything may take that the server does by itself.
const PATIENT: Duration = Duration::from_secs(60);
/// Answers between two kills, at least: a server that answers nobody is not what is looked for.
const ANSWERS: u64 = 50;

#[test]
fn two_hundred_fight_for_fifty_and_no_binding_is_double_lost_or_half() {
    let seed = seed("fight");
    let storm = Duration::from_secs(number("MOORING_STORM_SECONDS", 20));
    let lab = Lab::new().unwrap();
    let mut server = Mooringd::start(&lab, Options::default()).unwrap();
    let prizes = Arc::new(Prizes::create(&server));
    let clients = Clients::start(&prizes, server.address(), seed, CLIENTS);

    let (mut rng, begin, mut kills) = (Rng::with_seed(seed), Instant::now(), 0);
    while begin.elapsed() < storm && !clients.have_ended() {
        let next = Instant::now() + Duration::from_millis(rng.u64(1000..4000));
        clients
            .wait_answered(ANSWERS, next, PATIENT)
            .unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
        server.restart(None).unwrap();
        clients.server_is_at(server.address());
        kills += 1;
    }
    let works = clients.finish().unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
    // What a kill left behind is found by the next start.
    server.restart(None).unwrap();

    let fold = wait_for("everything to be finished, and no hold left over", PATIENT, || {
        let fold = Fold::of(&given::commits(&server)).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        holds::agree(&fold, &given::holds(&server)).map(|()| fold)
    })
    .unwrap();
    let checked = acknowledged::check(&fold, &prizes, &works);
    let checked = checked.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
    let elements = wait_for("the kernel to equal the fold", PATIENT, || {
        kernel::equals(&lab.gateway, &fold, &given::status(&server))
    })
    .unwrap();

    show(&format!("fight: {CLIENTS} clients for {storm:?}, {kills} kills; {fold}"));
    show(&format!("fight: {works}"));
    show(&format!("fight: {checked}; {elements} bindings in the kernel"));
    assert!(checked.is_enough(), "seed {seed}: {checked}");
}
