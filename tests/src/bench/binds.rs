//! Binds and unbinds of one running system: how many in a second, how long each takes, and who spends the CPU on it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::figure::{Figure, Goal};
use super::load::{self, Act, Round};
use super::machine::{Processes, Spent};
use super::report::Report;
use super::stock::{self, Pair};
use crate::client::Client;

/// Calls that share a connection at most.
const CALLS_OF_A_CONNECTION: usize = 64;

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

/// A running system.
pub struct System {
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
            measured.enter(system.name, other, report)?;
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
    for _ in 0..clients.div_ceil(CALLS_OF_A_CONNECTION) {
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
    fn of(clients: usize, act: &'static str, rounds: Vec<(Round, Spent)>) -> Measured {
        let rate = |(round, _): &(Round, Spent)| round.calls.len() as f64 / round.took.as_secs_f64();
        let rate = median(rounds.iter().map(rate).collect());
        let mut calls: Vec<Duration> =
            rounds.iter().flat_map(|(round, _)| round.calls.iter().copied()).collect();
        calls.sort();
        let share =
            |percent: usize| calls[(calls.len() * percent / 100).min(calls.len() - 1)].as_secs_f64() * 1e3;
        let latencies = [("p50", share(50)), ("p90", share(90)), ("p99", share(99))];
        let mut spent = Spent::default();
        for (_, of_round) in &rounds {
            spent.others += of_round.others / rounds.len() as f64;
            for (name, seconds) in &of_round.of {
                *spent.of.entry(name.clone()).or_default() += seconds * 1000.0 / calls.len() as f64;
            }
        }
        let records = |(round, _): &(Round, Spent)| round.positions.iter().collect::<BTreeSet<_>>().len();
        let together = calls.len() as f64 / rounds.iter().map(records).sum::<usize>() as f64;
        Measured { clients, act, rate, latencies, together, spent }
    }

    fn enter(
        &self,
        system: &str,
        peer: Option<(&'static str, &Measured)>,
        report: &mut Report,
    ) -> Result<()> {
        let case = |what: &str| format!("{system}, {} clients: {what}", self.clients);
        let figure = |what: &str, value, unit, other: &dyn Fn(&Measured) -> f64| {
            let figure = Figure::new("jetstream", case(what), value, unit);
            match peer {
                Some((name, peer)) => figure.beside(name, other(peer)),
                None => figure,
            }
        };
        let act = self.act;
        let rate = figure(act, self.rate, "/s", &|peer| peer.rate);
        report.enter(if act == "binds" && self.clients == 256 {
            rate.goal(Goal::AtLeast(3_000.0))
        } else {
            rate
        })?;
        for (at, (share, value)) in self.latencies.into_iter().enumerate() {
            let figure = figure(&format!("{act}, {share}"), value, "ms", &|peer| peer.latencies[at].1);
            let asked = act == "binds" && self.clients == 16 && share == "p50";
            report.enter(if asked { figure.goal(Goal::AtMost(5.0)) } else { figure })?;
        }
        let together = figure(&format!("{act} in a record"), self.together, "", &|peer| peer.together);
        report.enter(together)?;
        for (name, seconds) in &self.spent.of {
            let what = format!("{act}, CPU of {name} for 1 000");
            report.enter(Figure::new("jetstream", case(&what), *seconds, "s"))?;
        }
        let what = format!("{act}, cores that others took");
        report.enter(Figure::new("jetstream", case(&what), self.spent.others, "cores"))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
