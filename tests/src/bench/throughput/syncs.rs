//! How many binds share a sync of the log when as many are made as can be: counted by the kernel, for `perf`, while nothing
//! is held up; by strace where there is no `perf`, in a run of its own.

mod counted;
mod traced;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;

use super::BENCH;
use crate::bench::figure::{Figure, Goal};
use crate::bench::load::{self, Act};
use crate::bench::report::Report;
use crate::bench::{rush, stock};
use crate::client::Client;
use crate::server::Mooringd;

const AT_ONCE: usize = 256;
/// Binds for a sync.
const GOAL: Goal = Goal::AtLeast(20.0);
/// Whatever waits for a disk.
const CALLS: [&str; 4] = ["fdatasync", "fsync", "sync_file_range", "msync"];

/// What a run came to.
struct Run {
    syncs: u64,
    rate: f64,
}

/// Makes so many binds.
pub fn measure(runtime: &Runtime, count: usize, report: &mut Report) -> Result<()> {
    let run = match counted::run(runtime, count)? {
        Some(run) => run,
        None => traced::run(runtime, count)?,
    };
    ensure!(run.syncs > 0, "{count} binds and no sync");
    let case = |what: &str| format!("whole binds, {AT_ONCE} in flight: {what}");
    report.enter(Figure::new(BENCH, case("syncs"), run.syncs as f64, "syncs"))?;
    report.enter(
        Figure::new(BENCH, case("binds for a sync"), count as f64 / run.syncs as f64, "binds").goal(GOAL),
    )?;
    report.enter(Figure::new(BENCH, case("binds while syncs are counted"), run.rate, "/s"))
}

/// The pairs to bind, and the connections to do it by.
struct Prepared {
    pairs: Arc<[stock::Pair]>,
    connections: Vec<Client>,
}

async fn prepare(server: &Mooringd, count: usize) -> Result<Prepared> {
    let pairs = stock::pairs(&Client::connect(server.address()).await?, count).await?;
    let mut connections = Vec::new();
    for _ in 0..rush::connections(AT_ONCE) {
        connections.push(Client::connect(server.address()).await?);
    }
    Ok(Prepared { pairs, connections })
}

impl Prepared {
    /// Binds them all; how many in a second.
    async fn binds(&self) -> Result<f64> {
        let round = load::round(&self.connections, AT_ONCE, Act::Bind, &self.pairs, self.pairs.len());
        Ok(round.await.context("binds")?.rate())
    }
}
