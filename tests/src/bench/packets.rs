//! How many packets a second pass a gateway, beside a plain router, connection tracking and iptables; TCP through it.
//!
//! Sender and gateway have a core each; what arrives is counted by the kernel of whoever is behind the gateway. All ways are there
//! at once and are measured in turn, round after round, so that whatever else the machine does meets all of them.

mod streams;
mod way;

use std::net::Ipv4Addr;
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::elements::{FIRST_EIP, FIRST_HAVIP};
use super::figure::{Figure, Goal};
use super::report::Report;
use crate::lab::{Namespace, line};
use crate::probe::{Flood, Stream};
use way::{Kind, Way};

const BENCH: &str = "packets";
/// Of plain forwarding, to and from one HAVIP.
const FEW: f64 = 0.85;
/// Of plain forwarding of the same packets, to and from random ones of so many.
const RANDOM: f64 = 0.65;
/// Whom the gateway's inside talks to.
const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
/// Flows of a stream that is not to be all new ones.
const ESTABLISHED: u16 = 64;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Packets {
    /// Ours with so many bindings.
    pub bindings: Vec<u32>,
    /// Bindings of connection tracking with maps, and of iptables; nothing when they are left out.
    pub tracked: Option<(u32, u32)>,
    /// Each stream is measured so often; the median counts.
    pub rounds: usize,
    /// For so long.
    pub time: Duration,
    /// Seconds of each TCP stream; 0: iperf3 is not asked for.
    pub streams: u32,
}

impl Packets {
    /// What the goals are measured with.
    pub fn full() -> Packets {
        Packets {
            bindings: vec![1, 100_000, 1_000_000],
            tracked: Some((100_000, 10_000)),
            rounds: 5,
            time: Duration::from_millis(600),
            streams: 2,
        }
    }

    /// As little as shows that it works.
    pub fn short() -> Packets {
        Packets {
            bindings: vec![1, 1_000],
            tracked: Some((1_000, 100)),
            rounds: 1,
            time: Duration::from_millis(200),
            streams: 0,
        }
    }

    /// Ours with so many bindings alone.
    #[must_use]
    pub fn only(self, bindings: u32) -> Packets {
        Packets { bindings: vec![bindings], ..self }
    }
}

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// From outside to EIPs.
    In,
    /// From HAVIPs to outside.
    Out,
}

/// One thing that is measured of one way.
#[derive(Clone, Copy, Debug)]
struct Case {
    direction: Direction,
    /// To or from so many HAVIPs, drawn for each packet.
    havips: u32,
    flows: Option<u16>,
}

impl Case {
    fn name(&self) -> String {
        let direction = if self.direction == Direction::In { "in" } else { "out" };
        let flows = if self.flows.is_some() { "established flows" } else { "a flow for each packet" };
        match self.havips {
            1 => format!("{direction}, one HAVIP, {flows}"),
            many => format!("{direction}, random ones of {many} HAVIPs, {flows}"),
        }
    }

    fn stream(&self, kind: Kind) -> Stream {
        match self.direction {
            Direction::In => {
                let first = if kind == Kind::Plain { FIRST_HAVIP } else { FIRST_EIP };
                Stream {
                    from_mac: line::LINE_MAC_OUTSIDE,
                    to_mac: line::LINE_MAC_OUT,
                    sources: (CLIENT, 1),
                    destinations: (first, self.havips),
                    flows: self.flows,
                }
            }
            Direction::Out => Stream {
                from_mac: line::LINE_MAC_INSIDE,
                to_mac: line::LINE_MAC_IN,
                sources: (FIRST_HAVIP, self.havips),
                destinations: (CLIENT, 1),
                flows: self.flows,
            },
        }
    }
}

/// Measures all of it.
pub fn packets(sizes: &Packets, report: &mut Report) -> Result<()> {
    let most = sizes.bindings.iter().copied().max().unwrap_or(1);
    let mut ways = vec![Way::make(Kind::Plain, most)?];
    for bindings in &sizes.bindings {
        ways.push(Way::make(Kind::Ours, *bindings)?);
    }
    if let Some((maps, rules)) = sizes.tracked {
        ways.push(Way::make(Kind::Maps, maps)?);
        ways.push(Way::make(Kind::Iptables, rules)?);
    }
    let last = available_parallelism()?.get() - 1;
    ways.iter().try_for_each(|way| way.line.steer(last))?;
    for direction in [Direction::In, Direction::Out] {
        let one = |flows| Case { direction, havips: 1, flows };
        let few = compare(&ways, sizes, one(None), None, report)?;
        compare(&ways, sizes, one(Some(ESTABLISHED)), None, report)?;
        for way in ways.iter().filter(|way| way.kind != Kind::Plain && way.bindings > 1) {
            let case = Case { direction, havips: way.bindings, flows: None };
            let both = [&ways[0], way];
            compare_some(&both, sizes, case, Some(few), report)?;
        }
    }
    drop(ways);
    streams::measure(sizes, report)
}

fn compare(ways: &[Way], sizes: &Packets, case: Case, few: Option<f64>, report: &mut Report) -> Result<f64> {
    compare_some(&ways.iter().collect::<Vec<_>>(), sizes, case, few, report)
}

/// Each of them in turn, the plain router first; what that did. Ours is judged by it. Where HAVIPs are random, what a plain
/// router did for one of them (`few`) stands beside as well.
fn compare_some(
    ways: &[&Way],
    sizes: &Packets,
    case: Case,
    few: Option<f64>,
    report: &mut Report,
) -> Result<f64> {
    let mut rates = vec![Vec::new(); ways.len()];
    for _ in 0..sizes.rounds {
        for (way, rates) in ways.iter().zip(&mut rates) {
            rates.push(rate(way, case, sizes.time)?);
        }
    }
    let medians: Vec<f64> = rates.into_iter().map(median).collect();
    let share = if few.is_some() { RANDOM } else { FEW };
    for (way, median) in ways.iter().zip(&medians) {
        let figure =
            |case: String| Figure::new(BENCH, format!("{case}: {}", way.name()), *median, "packets/s");
        let this = match way.kind {
            Kind::Plain => figure(case.name()),
            _ => figure(case.name()).beside("plain forwarding of the same packets", medians[0]),
        };
        let goal = Goal::AtLeast(share * medians[0]);
        report.enter(if way.kind == Kind::Ours { this.goal(goal) } else { this })?;
        if let Some(few) = few {
            let case = format!("{}, beside one HAVIP", case.name());
            report.enter(figure(case).beside("plain forwarding to one HAVIP", few))?;
        }
    }
    Ok(medians[0])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What arrives in a second.
fn rate(way: &Way, case: Case, time: Duration) -> Result<f64> {
    let line = &way.line;
    let (from, to) = match case.direction {
        Direction::In => (&line.outside, &line.inside),
        Direction::Out => (&line.inside, &line.outside),
    };
    let _flood = Flood::start(from, case.stream(way.kind), 0)?;
    sleep(time / 5);
    let (before, begin) = (arrived(to)?, Instant::now());
    sleep(time);
    Ok((arrived(to)? - before) as f64 / begin.elapsed().as_secs_f64())
}

/// Packets that came to `eth0` of a namespace.
fn arrived(ns: &Namespace) -> Result<u64> {
    let counts = ns.run(|| std::fs::read_to_string("/proc/thread-self/net/dev"))??;
    let line = counts.lines().find_map(|line| line.trim_start().strip_prefix("eth0:"));
    let packets = line.and_then(|line| line.split_whitespace().nth(1)).context("no counts of eth0")?;
    Ok(packets.parse()?)
}
