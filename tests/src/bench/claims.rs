//! Claims: how many in a second come from the wire through watcher, decision and health into the log; how many of them
//! health takes by itself; and what a region costs in which nothing happens but that holders are probed.

mod holders;
mod idle;
mod through;

use std::time::Duration;

use anyhow::{Result, ensure};

use super::report::Report;
use super::{disk, failover};

const BENCH: &str = "claims";

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Claims {
    /// HAVIPs that fail over at once,
    pub havips: usize,
    /// and how often they do.
    pub rounds: usize,
    /// Batches of 1 000 claims that each of four gateways hands in to health.
    pub batches: usize,
    /// HAVIPs of the region in which nothing happens,
    pub idle: usize,
    /// and how long that is looked at.
    pub time: Duration,
}

impl Claims {
    /// What the goals are measured with.
    pub fn full() -> Claims {
        let time = Duration::from_secs(60);
        Claims { havips: 4_000, rounds: 20, batches: 25, idle: idle::FULL, time }
    }

    /// As little as shows that it works.
    pub fn short() -> Claims {
        Claims { havips: 100, rounds: 2, batches: 1, idle: 200, time: Duration::from_secs(2) }
    }
}

/// Measures all of it, or one part: `through`, `taken` or `quiet`.
pub fn claims(sizes: &Claims, part: Option<&str>, report: &mut Report) -> Result<()> {
    let parts = ["through", "taken", "quiet"];
    ensure!(part.is_none_or(|part| parts.contains(&part)), "the parts of this benchmark are {parts:?}");
    let is = |name| part.is_none_or(|part| part == name);
    disk::floor(report)?;
    if is("through") {
        through::measure(sizes.havips, sizes.rounds, report)?;
    }
    if is("taken") {
        failover::taken(BENCH, sizes.batches, report)?;
    }
    if is("quiet") {
        idle::measure(sizes.idle, sizes.time, report)?;
    }
    Ok(())
}
