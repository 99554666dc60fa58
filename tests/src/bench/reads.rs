//! Reads in a second, beside a bare echo; and how long after a commit a thousand watchers know of it.

mod watchers;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;

use super::calls::{self, Amount, Calls};
use super::figure::{Figure, Goal};
use super::load::{self, Act};
use super::machine::Processes;
use super::report::Report;
use super::stock::{self, Pair};
use super::{disk, echo, embedded, rush};
use crate::client::Client;
use crate::server::{Mooringd, Options};

const BENCH: &str = "reads";
/// In a second.
const RATE: Goal = Goal::AtLeast(40_000.0);
/// Bindings are made with so many calls in flight.
const AT_ONCE: usize = 64;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Reads {
    /// Reads, and the same of the peer.
    pub reads: Vec<Amount>,
    /// Bindings that there are.
    pub bindings: usize,
    /// Who watch them,
    pub watchers: usize,
    /// and commits that they are told of, one after the other.
    pub commits: usize,
}

impl Reads {
    /// What the goals are measured with.
    pub fn full() -> Reads {
        let reads = [64, 256].map(|at_once| Amount { at_once, calls: 100_000, rounds: 3 }).to_vec();
        Reads { reads, bindings: 1_000, watchers: 1_000, commits: 200 }
    }

    /// As little as shows that it works.
    pub fn short() -> Reads {
        let reads = [64, 256].map(|at_once| Amount { at_once, calls: 1_000, rounds: 1 }).to_vec();
        Reads { reads, bindings: 100, watchers: 100, commits: 5 }
    }
}

/// Measures all of it.
pub fn reads(sizes: &Reads, report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    disk::floor(report)?;
    let peer = runtime.block_on(echo::measure(&sizes.reads))?;
    for (amount, calls) in sizes.reads.iter().zip(&peer) {
        enter(&format!("{}, {} in flight", echo::NAME, amount.at_once), calls, None, report)?;
    }
    let server = Mooringd::alone(Options::default())?;
    runtime.block_on(measure(&server, sizes, &peer, report)).context(server.log())
}

async fn measure(server: &Mooringd, sizes: &Reads, peer: &[Calls], report: &mut Report) -> Result<()> {
    let client = Client::connect(server.address()).await?;
    let pairs = stock::pairs(&client, sizes.bindings + sizes.commits).await?;
    load::round(std::slice::from_ref(&client), AT_ONCE, Act::Bind, &pairs, sizes.bindings).await?;
    let bound: Arc<[Pair]> = pairs[..sizes.bindings].into();
    let names: Arc<[String]> = client.bindings().await?.into_iter().map(|binding| binding.name).collect();
    ensure!(names.len() == sizes.bindings, "{} bindings of {}", names.len(), sizes.bindings);
    let eip = move |client: Client, number: usize| {
        let name = bound[number % bound.len()].eip.clone();
        async move { Ok(client.get_eip(&name).await.map(drop)?) }
    };
    several(server, "GetEip", sizes, peer, eip, report).await?;
    let binding = move |client: Client, number: usize| {
        let name = names[number % names.len()].clone();
        async move { Ok(client.get_binding(&name).await.map(drop)?) }
    };
    several(server, "GetBinding", sizes, peer, binding, report).await?;
    watchers::measure(server, sizes.watchers, &pairs[sizes.bindings..], report).await
}

async fn several<F, Fut>(
    server: &Mooringd,
    what: &str,
    sizes: &Reads,
    peer: &[Calls],
    call: F,
    report: &mut Report,
) -> Result<()>
where
    F: Fn(Client, usize) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let pid = server.pid().context("mooringd does not run")?;
    let processes = Processes::default().and(embedded::NAME, pid).and("the clients", std::process::id());
    for (amount, peer) in sizes.reads.iter().zip(peer) {
        let mut connections = Vec::new();
        for _ in 0..rush::connections(amount.at_once) {
            connections.push(Client::connect(server.address()).await?);
        }
        let calls = calls::measure(&connections, *amount, &processes, call.clone()).await?;
        enter(&format!("{what}, {} in flight", amount.at_once), &calls, Some(peer), report)?;
    }
    Ok(())
}

fn enter(case: &str, calls: &Calls, peer: Option<&Calls>, report: &mut Report) -> Result<()> {
    let rate = Figure::new(BENCH, case, calls.rate, "/s");
    report.enter(match peer {
        Some(peer) => rate.goal(RATE).beside(echo::NAME, peer.rate),
        None => rate,
    })?;
    calls.enter_rest(BENCH, case, report)
}
