//! Writes that one service decides by itself: an EIP is allocated, under a request id, and answered once it is stored.

use anyhow::{Context, Result};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{BENCH, Throughput, profile};
use crate::bench::calls::{self, Amount, Calls};
use crate::bench::embedded;
use crate::bench::figure::{Figure, Goal};
use crate::bench::machine::{Processes, threads};
use crate::bench::report::Report;
use crate::bench::rush;
use crate::client::Client;
use crate::server::{Mooringd, Options};

/// With so many in flight,
const AT_ONCE: usize = 256;
/// so many in a second,
const RATE: Goal = Goal::AtLeast(25_000.0);
/// each in so many ms.
const P99: Goal = Goal::AtMost(20.0);
/// More addresses than are allocated.
const POOL: &str = "100.64.0.0/10";

/// Measures them, alone on their own log, beside the peers.
pub fn measure(
    runtime: &Runtime,
    sizes: &Throughput,
    peers: &[(&'static str, Vec<Calls>)],
    report: &mut Report,
) -> Result<()> {
    let server = Mooringd::alone(Options::default())?;
    let measured = runtime.block_on(async {
        Client::connect(server.address()).await?.pool(POOL).await?;
        for (at, amount) in sizes.writes.iter().enumerate() {
            let beside: Vec<_> = peers.iter().map(|(name, all)| (*name, &all[at])).collect();
            case(&server, *amount, &beside, report).await?;
        }
        match sizes.writes.last() {
            Some(most) if sizes.peers => profiled(&server, *most, report).await,
            _ => Ok(()),
        }
    });
    measured.context(server.log())
}

async fn case(
    server: &Mooringd,
    amount: Amount,
    peers: &[(&'static str, &Calls)],
    report: &mut Report,
) -> Result<()> {
    let pid = server.pid().context("mooringd does not run")?;
    let processes = Processes::default().and(embedded::NAME, pid).and("the clients", std::process::id());
    let before = threads(pid)?;
    let calls = allocate(server, amount, &processes).await?;
    let case = format!("single-service writes, {} in flight", amount.at_once);
    let asked = |figure: Figure, goal| if amount.at_once == AT_ONCE { figure.goal(goal) } else { figure };
    for (name, peer) in peers {
        let rate = Figure::new(BENCH, case.clone(), calls.rate, "/s").beside(name, peer.rate);
        report.enter(asked(rate, RATE))?;
    }
    report.enter(calls.took_at(BENCH, &case, 50))?;
    report.enter(calls.took_at(BENCH, &case, 90))?;
    report.enter(asked(calls.took_at(BENCH, &case, 99), P99))?;
    calls.enter_spent(BENCH, &case, report)?;
    for (name, seconds) in threads(pid)? {
        let seconds = seconds - before.get(&name).copied().unwrap_or_default();
        if seconds > 0.0 {
            let case = format!("{case}, CPU of mooringd's threads {name} for 1 000");
            let of_1_000 = seconds * 1000.0 / calls.took.count() as f64;
            report.enter(Figure::new(BENCH, case, of_1_000, "s"))?;
        }
    }
    Ok(())
}

async fn allocate(server: &Mooringd, amount: Amount, processes: &Processes) -> Result<Calls> {
    let mut connections = Vec::new();
    for _ in 0..rush::connections(amount.at_once) {
        connections.push(Client::connect(server.address()).await?);
    }
    let one = |client: Client, _| async move {
        client.eip_as(Uuid::now_v7()).await.context("an EIP")?;
        Ok(())
    };
    calls::measure(&connections, amount, processes, one).await
}

/// Where `mooringd` spends its time, in rounds that are not measured for anything else.
async fn profiled(server: &Mooringd, amount: Amount, report: &mut Report) -> Result<()> {
    let pid = server.pid().context("mooringd does not run")?;
    let Some(recording) = profile::Recording::start(pid)? else { return Ok(()) };
    allocate(server, amount, &Processes::default()).await?;
    recording.enter("single-service writes", report)
}
