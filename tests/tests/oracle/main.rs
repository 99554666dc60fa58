//! Move and unbind: from the moment an unbind is answered not one packet reaches the old place, established flows
//! included, and from the moment a bind is answered every packet reaches the new one and no other.
//!
//! A thousand flows stay open over a hundred EIPs while these are bound, unbound and bound elsewhere at random. An
//! oracle outside ([`judge`]) knows from the answers of Bind and Unbind who may have got which packet.
//! `MOORING_ORACLE_SECONDS` makes it longer, `MOORING_SEED` repeats the same choices.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod changes;
mod flows;
mod judge;
mod places;
mod record;
mod traces;

use std::sync::Arc;
use std::time::Duration;

use mooring_tests::figures::{number, seed, show};
use mooring_tests::{Client, Lab, Mooringd, server::Options};

use crate::{changes::World, flows::Flows, places::Places, record::Diary};

/// EIPs.
const EIPS: usize = 100;
/// HAVIPs: some are free at any time, to move to.
const HAVIPS: usize = 112;
/// Flows of each EIP: the last is TCP, the others are UDP.
const FLOWS: usize = 10;

#[test]
fn no_packet_reaches_a_place_that_its_eip_has_left_and_every_packet_the_one_it_has_come_to() {
    let seed = seed("oracle");
    let seconds = number("MOORING_ORACLE_SECONDS", 60);
    let lab = Lab::new().unwrap();
    places::take_addresses(&lab);
    let server = Mooringd::start(&lab, Options::default()).unwrap();
    let diary = Arc::new(Diary::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let world = runtime.block_on(async {
        let client = Client::connect(server.address()).await.unwrap();
        World::create(client, diary.clone()).await
    });
    let places = Places::serve(&lab, &diary);
    runtime.block_on(world.bind_all(seed));
    let flows = Flows::open(&lab, &diary, world.addresses());
    flows.wait_all_answered();
    runtime.block_on(world.churn(seed, Duration::from_secs(seconds)));
    flows.wait_all_answered();
    let end = diary.now();
    let resets = flows.close();
    places.close();

    let verdict = judge::judge(&diary, end);
    show(&verdict.figures);
    show(&format!(
        "oracle: {resets} times a TCP connection was reset by a new place, or silent, and opened anew"
    ));
    let (faults, first) = (verdict.faults.len(), verdict.faults.iter().take(10).cloned().collect::<Vec<_>>());
    assert_eq!(faults, 0, "seed {seed}; the first of them:\n{}", first.join("\n"));

    let (gone, left) = runtime.block_on(world.unbind_most());
    traces::check(&lab, &gone, &left);
    runtime.block_on(world.agrees());
}
