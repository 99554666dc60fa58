//! `SIGKILL` at random moments, under binds, unbinds and holder changes by several clients: after each start everything
//! that was acknowledged is there, what was unfinished is finished, kernel and fold agree within two seconds; and an
//! EIP that nobody touches loses not one packet through all of it.
//!
//! `MOORING_KILLS` makes them more or fewer, `MOORING_SEED` repeats the same choices.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod clients;

use std::time::{Duration, Instant};

use fastrand::Rng;
use mooring_tests::figures::{ms, number, seed, show};
use mooring_tests::load::{After, Moves, moves};
use mooring_tests::probe::{Lane, Prober, UdpEcho};
use mooring_tests::{Client, Lab, Mooringd, client::Servers, lab, server::Options};

use crate::clients::Clients;

const PATIENT: Duration = Duration::from_secs(10);
/// How long what a kill interrupted may take after a start.
const MENDING: Duration = Duration::from_secs(2);
const PORT: u16 = 7000;

/// When the next kill comes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after the process was started, ready or not.
    Starting(Duration),
    /// So long after it was ready, while it still makes up for what it missed.
    Ready(Duration),
    /// So long after everything was seen to be right.
    Settled(Duration),
}

fn moment(rng: &mut Rng) -> Moment {
    let within = |rng: &mut Rng, ms: u64| Duration::from_micros(rng.u64(..ms * 1000));
    match rng.u8(..4) {
        0 => Moment::Starting(within(rng, 150)),
        1 => Moment::Ready(within(rng, 300)),
        _ => Moment::Settled(within(rng, 150)),
    }
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost_and_no_packet_either() {
    let seed = seed("kills");
    let kills = number("MOORING_KILLS", 300);
    let lab = Lab::new().unwrap();
    let mut server = Mooringd::start(&lab, Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connect = |server: &Mooringd| runtime.block_on(Client::connect(server.address())).unwrap();
    let mut moves = Moves::create(&lab).unwrap();
    let (untouched, clients) = runtime.block_on(Clients::create(connect(&server)));

    let at = |address| std::net::SocketAddrV4::new(address, PORT);
    let _echo = UdpEcho::start(&lab.vm_a, at(moves::UNTOUCHED), "vm-a").unwrap();
    let prober = Prober::start(&lab.client, &[Lane { from: lab::CLIENT, to: at(untouched) }]).unwrap();
    prober.wait_answered(Some("vm-a"), PATIENT).unwrap();
    let clients = clients.start(server.address(), seed);
    let mut after = After::within(MENDING).unwrap();
    after.check(&[Servers::one(server.address())], &moves).unwrap();

    let (mut rng, begin) = (Rng::with_seed(seed), Instant::now());
    for kill in 0..kills {
        let moment = moment(&mut rng);
        match moment {
            Moment::Starting(after) => server.kill9_while_starting(after).unwrap(),
            Moment::Ready(time) | Moment::Settled(time) => {
                if matches!(moment, Moment::Settled(_)) {
                    after.check(&[Servers::one(server.address())], &moves).unwrap();
                }
                moves.until(Instant::now() + time, &mut rng).unwrap();
                server.kill9().unwrap();
            }
        }
        // What is announced now is heard by nobody.
        if rng.bool() {
            moves.one(&mut rng).unwrap();
        }
        let start = Instant::now();
        server.restart(None).unwrap_or_else(|error| panic!("kill {kill}, {moment:?}: {error:#}"));
        after.started(start.elapsed());
        clients.server_is_at(server.address());
    }
    let took = begin.elapsed();
    after.check(&[Servers::one(server.address())], &moves).unwrap();
    let done = clients.finish();
    runtime.block_on(done.check(&connect(&server)));
    after.check(&[Servers::one(server.address())], &moves).unwrap();

    let outage = prober.finish().remove(0);
    show(&format!("kills: {kills} in {}, {} holder changes made", ms(took), moves.made()));
    show(&format!("kills: {done}"));
    show(&format!("kills: {after}"));
    show(&format!("kills: {} of {} packets through the untouched EIP lost", outage.lost, outage.sent));
    assert_eq!(outage.lost, 0, "seed {seed}: {outage:?}");
    assert_eq!(outage.servers, ["vm-a"]);
}
