//! Binds and unbinds of one running system: how many in a second, how long each takes, and who spends the CPU on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;

use super::figure::{Figure, Goal};
use super::load::{self, Act};
use super::machine::{Processes, Spent};
use super::report::Report;
use super::rush::{self, Rush};
use super::shares::{Shares, median};
use super::stock::{self, Pair};
use crate::client::Client;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Clients, and the pairs that they bind and unbind in a round.
    pub cases: Vec<(usize, usize)>,
    /// Rounds of each; their median counts.
    pub rounds: usize,
    /// Bare publishes.
    pub publishes: usize,
}

impl Sizes {
    /// What the goals are measured with.
    pub fn full() -> Sizes {
        Sizes { cases: vec![(1, 300), (16, 3_200), (256, 12_800)], rounds: 3, publishes: 10_000 }
    }

    /// As little as shows that it works.
    pub fn short() -> Sizes {
        Sizes { cases: vec![(1, 10), (16, 64), (256, 512)], rounds: 1, publishes: 500 }
    }

    /// Of these only one number of clients.
    pub fn only(mut self, clients: usize) -> Sizes {
        self.cases.retain(|(of, _)| *of == clients);
        self
    }

    fn pairs(&self) -> usize {
        self.cases.iter().map(|(_, pairs)| *pairs).max().unwrap_or_default()
    }
}

/// What is asked of binds with so many clients.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// At once.
    pub clients: usize,
    /// `binds`, the rate of them, or one of their latencies: `binds, p50`.
    pub what: &'static str,
    /// What is asked.
    pub goal: Goal,
}

/// A running system.
pub struct System {
    /// The benchmark that it is measured for.
    pub bench: &'static str,
    /// What is asked of it there.
    pub asked: &'static [Asked],
    /// What it is called.
    pub name: &'static str,
    /// Where resource answers.
    pub resource: String,
    /// Where binding answers.
    pub binding: String,
    /// Whose CPU time counts.
    pub processes: Processes,
}

/// What one number of clients came to.
#[derive(Clone, Debug)]
pub struct Measured {
    /// At once.
    pub clients: usize,
    /// Bound, or unbound.
    pub act: &'static str,
    /// Calls in a second: the median of the rounds.
    pub rate: f64,
    /// The shares' latencies in ms: p50, p90, p99.
    pub latencies: [(&'static str, f64); 3],
    /// Calls that were decided in one record.
    pub together: f64,
    /// CPU of all the rounds together, for 1 000 calls.
    pub spent: Spent,
}

/// Measures every case. `peer` is what another system did with the same sizes.
pub async fn measure(
    system: &System,
    sizes: &Sizes,
    peer: Option<(&'static str, &[Measured])>,
    report: &mut Report,
) -> Result<Vec<Measured>> {
    let pairs = stock::pairs(&Client::connect(&system.resource).await?, sizes.pairs()).await?;
    let mut all = Vec::new();
    for (clients, count) in &sizes.cases {
        for measured in case(system, *clients, &pairs, *count, sizes.rounds).await? {
            let other = peer.and_then(|(name, peer)| Some((name, peer.get(all.len())?)));
            measured.enter(system, other, report)?;
            all.push(measured);
        }
    }
    Ok(all)
}

async fn case(
    system: &System,
    clients: usize,
    pairs: &Arc<[Pair]>,
    count: usize,
    rounds: usize,
) -> Result<[Measured; 2]> {
    let mut connections = Vec::new();
    for _ in 0..rush::connections(clients) {
        connections.push(Client::connect(&system.binding).await?);
    }
    let (mut binds, mut unbinds) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for (act, rounds) in [(Act::Bind, &mut binds), (Act::Unbind, &mut unbinds)] {
            let before = system.processes.taken()?;
            let round = load::round(&connections, clients, act, pairs, count).await?;
            rounds.push((round, system.processes.since(&before)?));
        }
    }
    Ok([Measured::of(clients, "binds", binds), Measured::of(clients, "unbinds", unbinds)])
}

impl Measured {
    fn of(clients: usize, act: &'static str, rounds: Vec<(Rush<u64>, Spent)>) -> Measured {
        let rate = median(rounds.iter().map(|(round, _)| round.rate()).collect());
        let calls = Shares::of(rounds.iter().flat_map(|(round, _)| round.milliseconds()).collect());
        let latencies = [("p50", calls.at(50)), ("p90", calls.at(90)), ("p99", calls.at(99))];
        let mut spent = Spent::default();
        for (_, of_round) in &rounds {
            spent.others += of_round.others / rounds.len() as f64;
            for (name, seconds) in &of_round.of {
                *spent.of.entry(name.clone()).or_default() += seconds * 1000.0 / calls.count() as f64;
            }
        }
        let records = |(round, _): &(Rush<u64>, Spent)| {
            round.calls.iter().map(|(_, position)| position).collect::<BTreeSet<_>>().len()
        };
        let together = calls.count() as f64 / rounds.iter().map(records).sum::<usize>() as f64;
        Measured { clients, act, rate, latencies, together, spent }
    }

    fn enter(
        &self,
        system: &System,
        peer: Option<(&'static str, &Measured)>,
        report: &mut Report,
    ) -> Result<()> {
        let (bench, act) = (system.bench, self.act);
        let case = |what: &str| format!("{}, {} clients: {what}", system.name, self.clients);
        let figure = |what: &str, value, unit, other: &dyn Fn(&Measured) -> f64| {
            let asked = system.asked.iter().find(|asked| asked.clients == self.clients && asked.what == what);
            let mut figure = Figure::new(bench, case(what), value, unit);
            figure.goal = asked.map(|asked| asked.goal);
            match peer {
                Some((name, peer)) => figure.beside(name, other(peer)),
                None => figure,
            }
        };
        report.enter(figure(act, self.rate, "/s", &|peer| peer.rate))?;
        for (at, (share, value)) in self.latencies.into_iter().enumerate() {
            report.enter(figure(&format!("{act}, {share}"), value, "ms", &|peer| peer.latencies[at].1))?;
        }
        let together = figure(&format!("{act} in a record"), self.together, "", &|peer| peer.together);
        report.enter(together)?;
        for (name, seconds) in &self.spent.of {
            let what = format!("{act}, CPU of {name} for 1 000");
            report.enter(Figure::new(bench, case(&what), *seconds, "s"))?;
        }
        let what = format!("{act}, cores that others took");
        report.enter(Figure::new(bench, case(&what), self.spent.others, "cores"))
    }
}
