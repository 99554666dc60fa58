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

use std::time::Duration;

use anyhow::Result;

use super::figure::{Figure, Goal};
use super::report::Report;
use super::shares::Shares;
use crate::lab;

pub use outage::{Case, End};
use scene::Scene;

const BENCH: &str = "failover";

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

/// Measures all of it.
pub fn failover(sizes: &Failovers, report: &mut Report) -> Result<()> {
    let mut scene = Scene::set(lab::EIP_POOL, lab::SUBNET, &[lab::HAVIP])?;
    sizes.outages.iter().try_for_each(|case| outage::measure(&scene, case, report))?;
    claims::measure(&mut scene, sizes.claims, report)?;
    drop(scene);
    many::measure(sizes.havips, sizes.rounds, report)?;
    taken::measure(sizes.batches, report)
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
