//! Rounds of the same calls: how many in a second, how long each takes, who spends the CPU on it.

use std::future::Future;

use anyhow::Result;

use super::figure::Figure;
use super::machine::{Processes, Spent};
use super::report::Report;
use super::rush::rush;
use super::shares::{Shares, median};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Calls in flight.
    pub at_once: usize,
    /// In a round.
    pub calls: usize,
    /// Their median counts.
    pub rounds: usize,
}

/// What it came to.
#[derive(Clone, Debug)]
pub struct Calls {
    /// Calls in a second.
    pub rate: f64,
    /// How long each took, in ms.
    pub took: Shares,
    /// CPU of all rounds together, for 1 000 calls.
    pub spent: Spent,
}

/// Makes all rounds of them; calls are numbered through all rounds, from 0.
pub async fn measure<C, F, Fut>(
    connections: &[C],
    amount: Amount,
    processes: &Processes,
    call: F,
) -> Result<Calls>
where
    C: Clone + Send + 'static,
    F: Fn(C, usize) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let (mut rates, mut took) = (Vec::new(), Vec::new());
    let before = processes.taken()?;
    for round in 0..amount.rounds {
        let (call, first) = (call.clone(), round * amount.calls);
        let numbered = move |connection, number| call(connection, first + number);
        let done = rush(connections, amount.at_once, amount.calls, numbered).await?;
        rates.push(done.rate());
        took.extend(done.milliseconds());
    }
    let mut spent = processes.since(&before)?;
    spent.of.values_mut().for_each(|seconds| *seconds *= 1000.0 / took.len() as f64);
    Ok(Calls { rate: median(rates), took: Shares::of(took), spent })
}

impl Calls {
    /// Enters how long they took, and the CPU; the rate is the caller's, who knows what is asked of it.
    pub fn enter_rest(&self, bench: &'static str, case: &str, report: &mut Report) -> Result<()> {
        for percent in [50, 90, 99] {
            report.enter(self.took_at(bench, case, percent))?;
        }
        self.enter_spent(bench, case, report)
    }

    /// How long they took.
    pub fn took_at(&self, bench: &'static str, case: &str, percent: usize) -> Figure {
        Figure::new(bench, format!("{case}, p{percent}"), self.took.at(percent), "ms")
    }

    /// Enters the CPU.
    pub fn enter_spent(&self, bench: &'static str, case: &str, report: &mut Report) -> Result<()> {
        for (name, seconds) in &self.spent.of {
            report.enter(Figure::new(bench, format!("{case}, CPU of {name} for 1 000"), *seconds, "s"))?;
        }
        report.enter(Figure::new(
            bench,
            format!("{case}, cores that others took"),
            self.spent.others,
            "cores",
        ))
    }
}
