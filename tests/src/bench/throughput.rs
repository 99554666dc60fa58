//! Durable commands in a second over gRPC, against one `mooringd` over segment files: writes that one service decides by
//! itself, beside UmaDB and a bare echo; and whole binds, with every step of the process manager.

mod profile;
mod syncs;
mod umadb;
mod writes;

use anyhow::Result;

use super::binds::{Asked, Sizes};
use super::calls::{Amount, Calls};
use super::figure::{Figure, Goal};
use super::report::Report;
use super::{disk, echo, embedded};

const BENCH: &str = "throughput";
/// Of whole binds.
const ASKED: &[Asked] = &[Asked { clients: 256, what: "binds", goal: Goal::AtLeast(8_000.0) }];

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Throughput {
    /// Writes, and the same of the peers.
    pub writes: Vec<Amount>,
    /// Whole binds.
    pub binds: Sizes,
    /// Binds of the run in which syncs are counted.
    pub counted: usize,
    /// Whether UmaDB is measured beside, and where the time goes.
    pub peers: bool,
}

impl Throughput {
    /// What the goals are measured with.
    pub fn full() -> Throughput {
        let writes = [(1, 2_000), (16, 20_000), (64, 50_000), (256, 80_000)];
        let writes = writes.map(|(at_once, calls)| Amount { at_once, calls, rounds: 3 }).to_vec();
        let cases = vec![(1, 300), (16, 3_200), (64, 12_800), (256, 25_600)];
        let binds = Sizes { cases, rounds: 3, publishes: 0 };
        Throughput { writes, binds, counted: 25_600, peers: true }
    }

    /// As little as shows that it works.
    pub fn short() -> Throughput {
        let writes = [(1, 10), (16, 160), (64, 320), (256, 768)];
        let writes = writes.map(|(at_once, calls)| Amount { at_once, calls, rounds: 1 }).to_vec();
        let binds = Sizes { cases: vec![(1, 5), (64, 128)], rounds: 1, publishes: 0 };
        Throughput { writes, binds, counted: 256, peers: false }
    }
}

/// Measures all of it.
pub fn throughput(sizes: &Throughput, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    disk::floor(report)?;
    let mut peers = vec![(echo::NAME, runtime.block_on(echo::measure(&sizes.writes))?)];
    if sizes.peers {
        peers.push((umadb::NAME, runtime.block_on(umadb::measure(&sizes.writes))?));
    }
    for (name, all) in &peers {
        enter_peer(name, &sizes.writes, all, report)?;
    }
    writes::measure(&runtime, sizes, &peers, report)?;
    embedded::measure(&runtime, (BENCH, ASKED), &sizes.binds, report)?;
    if sizes.peers {
        profile::binds(&runtime, sizes.counted, report)?;
    }
    syncs::measure(&runtime, sizes.counted, report)
}

fn enter_peer(name: &str, amounts: &[Amount], all: &[Calls], report: &mut Report) -> Result<()> {
    for (amount, calls) in amounts.iter().zip(all) {
        let case = format!("{name}, {} in flight", amount.at_once);
        report.enter(Figure::new(BENCH, case.clone(), calls.rate, "/s"))?;
        calls.enter_rest(BENCH, &case, report)?;
    }
    Ok(())
}
