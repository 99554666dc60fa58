//! From a commit to all who watch: from the time that the commit itself has, which is before it was stored, to the time at
//! which each watcher has the binding IN_USE in its hands. Both by this machine's clock.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use mooring_proto::binding::v1::{WatchBindingsResponse, binding::State};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};
use tonic::Streaming;
use uuid::Uuid;

use super::BENCH;
use crate::bench::embedded;
use crate::bench::figure::{Figure, Goal};
use crate::bench::machine::Processes;
use crate::bench::report::Report;
use crate::bench::shares::Shares;
use crate::bench::stock::Pair;
use crate::client::Client;
use crate::server::Mooringd;

/// In ms.
const P99: Goal = Goal::AtMost(25.0);
/// Watchers that share a connection.
const OF_A_CONNECTION: usize = 100;
/// For all of them to know.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a watcher saw: that this EIP is bound since this position, and when that was.
struct Told {
    eip: String,
    position: u64,
    at: u64,
}

/// Has so many watch, and binds the pairs one after the other, each when everybody knows of the one before.
pub async fn measure(server: &Mooringd, watchers: usize, pairs: &[Pair], report: &mut Report) -> Result<()> {
    let (sender, mut told) = mpsc::unbounded_channel();
    // Dropped at the end, they stop watching.
    let mut watching = JoinSet::new();
    for _ in 0..watchers.div_ceil(OF_A_CONNECTION) {
        let client = Client::connect(server.address()).await?;
        for _ in 0..OF_A_CONNECTION.min(watchers - watching.len()) {
            let mut watch = client.watch_bindings().await?;
            let begun = begun(&mut watch).await?;
            watching.spawn(listen(watch, begun, sender.clone()));
        }
    }
    let pid = server.pid().context("mooringd does not run")?;
    let processes = Processes::default().and(embedded::NAME, pid).and("the watchers", std::process::id());
    let before = processes.taken()?;
    let client = Client::connect(server.address()).await?;
    let mut seen: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for Pair { eip, havip } in pairs {
        client.bind_stored(eip, havip, Uuid::now_v7()).await.context("a bind")?;
        for _ in 0..watchers {
            let next = timeout(PATIENCE, told.recv()).await.context("not every watcher was told")?;
            let Told { eip: bound, position, at } = next.context("nobody watches")?;
            ensure!(bound == *eip, "told of {bound}, and not of {eip}");
            seen.entry(position).or_default().push(at);
        }
    }
    let spent = processes.since(&before)?;
    let shares = since_commit(&client, &seen).await?;
    let case = format!("commit to {watchers} watchers");
    for percent in [50, 90, 99, 100] {
        let figure = Figure::new(BENCH, format!("{case}, p{percent}"), shares.at(percent), "ms");
        report.enter(if percent == 99 { figure.goal(P99) } else { figure })?;
    }
    for (name, seconds) in spent.of {
        let each = seconds * 1e3 / pairs.len() as f64;
        report.enter(Figure::new(BENCH, format!("{case}, CPU of {name} for a commit"), each, "ms"))?;
    }
    report.enter(Figure::new(BENCH, format!("{case}, cores that others took"), spent.others, "cores"))
}

/// Reads what there is already, and says where that ends.
async fn begun(watch: &mut Streaming<WatchBindingsResponse>) -> Result<u64> {
    loop {
        let answer = watch.message().await?.context("a watch that ended")?;
        if answer.position > 0 {
            return Ok(answer.position);
        }
    }
}

/// Says of each bind once that it was told.
async fn listen(
    mut watch: Streaming<WatchBindingsResponse>,
    mut last: u64,
    told: mpsc::UnboundedSender<Told>,
) -> Result<()> {
    while let Some(answer) = watch.message().await? {
        for binding in answer.bindings {
            // When a gateway has applied it, that is told as well.
            if binding.state() == State::InUse && binding.position > last {
                last = binding.position;
                told.send(Told { eip: binding.eip, position: last, at: mooring_ledger::now().0 })?;
            }
        }
    }
    Ok(())
}

/// In ms.
async fn since_commit(client: &Client, seen: &BTreeMap<u64, Vec<u64>>) -> Result<Shares> {
    let commits = client.commits().await?;
    let recorded: BTreeMap<u64, u64> =
        commits.iter().map(|commit| (commit.position, commit.recorded_at)).collect();
    let mut all = Vec::new();
    for (position, times) in seen {
        let recorded = recorded.get(position).context("a bind at a position without a commit")?;
        all.extend(times.iter().map(|at| at.saturating_sub(*recorded) as f64 / 1e6));
    }
    Ok(Shares::of(all))
}
