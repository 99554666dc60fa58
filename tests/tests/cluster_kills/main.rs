//! `SIGKILL` of every process of a cluster and of its NATS, one after the other and in pairs, under binds, unbinds and
//! holder changes by many clients. After each round everything is ready again, what was unfinished is finished, and both
//! kernels equal the fold; in the end nothing acknowledged and no packet of an untouched EIP is lost.
//!
//! `MOORING_ROUNDS` makes them more or fewer, `MOORING_SEED` repeats the same choices.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod round;

use std::time::{Duration, Instant};

use fastrand::Rng;
use mooring_tests::cluster::{Options, Scene};
use mooring_tests::figures::{ms, number, seed, show};
use mooring_tests::lab::Pair;
use mooring_tests::load::{After, Load, Manner, Moves};

use crate::round::Round;

/// How long what a kill interrupted may take once everything is ready again.
const MENDING: Duration = Duration::from_secs(10);

#[test]
fn whatever_dies_nothing_acknowledged_is_lost_and_no_packet_either() {
    let seed = seed("cluster_kills");
    let rounds = number("MOORING_ROUNDS", 60);
    let pair = Pair::new().unwrap();
    let mut moves = Moves::create(&pair.lab).unwrap();
    let (mut scene, cells) = Scene::set(&pair, Options::default()).unwrap();
    let load = Load::start(cells, scene.servers().remove(0), seed, Manner::default());
    let mut after = After::within(MENDING).unwrap();
    after.check(&scene.servers(), &moves).unwrap();

    let (mut rng, begin) = (Rng::with_seed(seed), Instant::now());
    let mut deck: Vec<Round> = Vec::new();
    for number in 0..rounds {
        if deck.is_empty() {
            deck = Round::every(&scene.cluster);
            rng.shuffle(&mut deck);
        }
        let Some(round) = deck.pop() else { break };
        let told =
            |error: anyhow::Error| -> ! { panic!("seed {seed}, round {number}, {round:?}: {error:#}") };
        round.play(&mut scene, &mut moves, &mut after, &mut rng).unwrap_or_else(|error| told(error));
        load.goes_on().unwrap_or_else(|error| told(error));
    }
    show(&format!("cluster_kills: {rounds} rounds in {}", ms(begin.elapsed())));
    scene
        .end("cluster_kills", load, &moves, &mut after)
        .unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
}
