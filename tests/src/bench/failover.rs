//! How long a failover takes: from the claim on the wire to the kernel, to the first packet, and the whole outage that a
//! client sees; one HAVIP and a thousand at once; and how many claims one health service takes.
//!
//! All times are by one clock, this machine's: packets have the time at which the kernel received them, a change of a
//! neighbour entry the time at which this process has read of it, which is later than the change.

mod claims;
mod many;
mod outage;
mod scene;
mod taken;

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};

use super::figure::{Figure, Goal};
use super::report::Report;
use super::shares::Shares;
use crate::lab;

pub use outage::{Case, End};
pub use scene::Scene;
pub use taken::{Gateway, measure as taken};

const BENCH: &str = "failover";

/// A part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What a client sees with keepalived.
    Outages,
    /// From a claim to the kernel and to the first packet.
    Claims,
    /// A thousand at once.
    Many,
    /// What one health service takes.
    Taken,
}

impl FromStr for Part {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Part> {
        Ok(match name {
            "outages" => Part::Outages,
            "claims" => Part::Claims,
            "many" => Part::Many,
            "taken" => Part::Taken,
            _ => bail!("the parts of a failover are outages, claims, many and taken, and not {name}"),
        })
    }
}

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Failovers {
    /// By claims alone, with the control plane up, and the same with it down.
    pub claims: usize,
    /// By keepalived.
    pub outages: Vec<Case>,
    /// HAVIPs that fail over at once.
    pub havips: usize,
    /// How often they do.
    pub rounds: usize,
    /// Batches of 1 000 claims that each of four gateways hands in to health.
    pub batches: usize,
}

impl Failovers {
    /// What the goals are measured with.
    pub fn full() -> Failovers {
        let case = |milliseconds, end, failovers| Case {
            advert: Duration::from_millis(milliseconds),
            end,
            failovers,
        };
        let outages = vec![
            case(10, End::Dies, 100),
            case(100, End::Dies, 50),
            case(1000, End::Dies, 10),
            case(100, End::Stops, 50),
        ];
        Failovers { claims: 200, outages, havips: 1000, rounds: 10, batches: 25 }
    }

    /// As little as shows that it works.
    pub fn short() -> Failovers {
        let mut short = Failovers { claims: 6, havips: 50, rounds: 2, batches: 1, ..Failovers::full() };
        short.outages.retain(|case| case.advert < Duration::from_secs(1));
        short.outages.iter_mut().for_each(|case| {
            case.advert = Duration::from_millis(100);
            case.failovers = 2;
        });
        short.outages.dedup_by_key(|case| case.end);
        short
    }
}

/// Measures all of it, or one part.
pub fn failover(sizes: &Failovers, part: Option<Part>, report: &mut Report) -> Result<()> {
    let is_asked = |this| part.is_none_or(|part| part == this);
    if is_asked(Part::Outages) || is_asked(Part::Claims) {
        let mut scene = Scene::set(lab::EIP_POOL, lab::SUBNET, &[lab::HAVIP])?;
        if is_asked(Part::Outages) {
            sizes.outages.iter().try_for_each(|case| outage::measure(&scene, case, report))?;
        }
        if is_asked(Part::Claims) {
            claims::measure(&mut scene, sizes.claims, report)?;
        }
    }
    if is_asked(Part::Many) {
        many::measure(sizes.havips, sizes.rounds, report)?;
    }
    if is_asked(Part::Taken) {
        taken::measure(BENCH, sizes.batches, report)?;
    }
    Ok(())
}

fn share(case: &str, shares: &Shares, percent: usize) -> Figure {
    let name = if percent == 100 { "max".to_owned() } else { format!("p{percent}") };
    Figure::new(BENCH, format!("{case}, {name}"), shares.at(percent), "ms")
}

/// The goal is that of p99.
fn enter_shares(case: &str, shares: &Shares, goal: Option<Goal>, report: &mut Report) -> Result<()> {
    for percent in [50, 90, 99, 100] {
        let figure = share(case, shares, percent);
        report.enter(match goal.filter(|_| percent == 99) {
            Some(goal) => figure.goal(goal),
            None => figure,
        })?;
    }
    Ok(())
}
