//! How long an element that was deleted behind the gateway's back is missing; what looking for such things costs.

use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use mooring_dataplane::{Driver as _, Kernel};
use mooring_domain::Timestamp;
use mooring_domain::nat::Op;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::elements::{self, FIRST_EIP, at};
use super::figure::{Figure, Goal};
use super::region::Region;
use super::report::Report;
use super::shares::Shares;
use crate::probe::NewElements;
use crate::server;
use crate::usage::usage;
use crate::wait::wait_for;

const BENCH: &str = "drift";
const PATIENCE: Duration = Duration::from_secs(600);
/// From so many bindings on everything is done once: the kernel lists a set again from its start for each part of the
/// listing, so that reading such a one back takes minutes.
const LARGE: u32 = 1_000_000;
/// In ms.
const NOTICED: Goal = Goal::AtMost(100.0);
const MENDED: Goal = Goal::AtMost(10.0);
/// In percent of a core.
const IDLE: Goal = Goal::AtMost(0.2);
/// A hundredth of a core, so often, reads all of it back: in seconds.
const ROLLING: Goal = Goal::AtMost(600.0);
/// How many times a reading the gateway's own audit takes for a round (`services/dataplane-sync/src/audit.rs`).
const SHARE: f64 = 100.0;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Drifts {
    /// With so many bindings there.
    pub bindings: Vec<u32>,
    /// Elements that are deleted, one after the other.
    pub drifts: u32,
    /// For so long nothing happens.
    pub idle: Duration,
}

impl Drifts {
    /// What the goals are measured with.
    pub fn full() -> Drifts {
        Drifts { bindings: vec![100, 10_000, 1_000_000], drifts: 30, idle: Duration::from_secs(30) }
    }

    /// As little as shows that it works.
    pub fn short() -> Drifts {
        Drifts { bindings: vec![100], drifts: 3, idle: Duration::from_secs(1) }
    }

    /// With so many bindings alone.
    #[must_use]
    pub fn only(self, bindings: u32) -> Drifts {
        Drifts { bindings: vec![bindings], ..self }
    }
}

/// Measures all of it.
pub fn drift(sizes: &Drifts, report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    super::disk::floor(report)?;
    for bindings in &sizes.bindings {
        let region = Region::make(&runtime, *bindings, 0)?;
        idle(&region, *bindings, sizes.idle, report)?;
        read_back(&runtime, &region, *bindings, report)?;
        let count = if *bindings >= LARGE { 1 } else { sizes.drifts };
        drifts(&runtime, &region, *bindings, count, report)?;
    }
    Ok(())
}

/// Nothing is asked, nothing moves.
fn idle(region: &Region, bindings: u32, time: Duration, report: &mut Report) -> Result<()> {
    let pid = region.program.pid();
    // What comes after a start is done with.
    std::thread::sleep(time);
    let (before, begin) = (usage(pid)?.cpu, Instant::now());
    std::thread::sleep(time);
    let spent = (usage(pid)?.cpu - before).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
    let case = format!("{bindings} bindings: CPU of all of mooringd while nothing happens");
    report.enter(Figure::new(BENCH, case, spent, "% of a core").goal(IDLE))
}

fn read_back(runtime: &Runtime, region: &Region, bindings: u32, report: &mut Report) -> Result<()> {
    let mut times = Vec::new();
    let readings = if bindings >= LARGE { 1 } else { 3 };
    for _ in 0..readings {
        let begin = Instant::now();
        let status = runtime.block_on(region.client.status(true))?;
        times.push(begin.elapsed().as_secs_f64());
        let differences = status.vpcs.iter().map(|vpc| vpc.differences.len()).sum::<usize>();
        ensure!(differences == 0, "the kernel differs: {:?}", status.vpcs);
    }
    let took = Shares::of(times).at(50);
    let case = |what: &str| format!("{bindings} bindings: {what}");
    report.enter(Figure::new(BENCH, case("all of them read back and compared"), took, "s"))?;
    let round = Figure::new(BENCH, case("a round of the audit at a hundredth of a core"), took * SHARE, "s");
    report.enter(round.goal(ROLLING))
}

fn drifts(runtime: &Runtime, region: &Region, bindings: u32, count: u32, report: &mut Report) -> Result<()> {
    let elements = NewElements::start(&region.line.gateway)?;
    let mut stranger = Kernel::open(&elements::place(&region.line.gateway))?;
    let mut deleted = Vec::new();
    let mut missing = Vec::new();
    for number in 0..count {
        let number = number * (bindings / count).max(1) % bindings;
        let eip = at(FIRST_EIP, number);
        let std::net::IpAddr::V4(address) = eip else { continue };
        elements.forget();
        let begin = mooring_ledger::now();
        stranger.apply(&[Op::UnmapEip(eip)])?;
        let back = wait_for("the element to come back", PATIENCE, || {
            elements.first(address).ok_or("missing".to_owned())
        })?;
        deleted.push(begin);
        missing.push(milliseconds(begin, back));
        // It follows no tick of the gateway's.
        std::thread::sleep(Duration::from_millis(20 + u64::from(number % 37)));
    }
    let recorded = wait_for("the drifts to be recorded", PATIENCE, || recorded(region, deleted.len()))?;
    region.wait_bound(runtime, u64::from(bindings))?;
    let (noticed, mended): (Vec<f64>, Vec<f64>) = deleted
        .iter()
        .zip(recorded)
        .map(|(deleted, (found, mended))| (milliseconds(*deleted, found), milliseconds(found, mended)))
        .unzip();
    for (what, times, goal) in [
        ("deleted → noticed", noticed, Some(NOTICED)),
        ("noticed → mended", mended, Some(MENDED)),
        ("missing in the kernel", missing, None),
    ] {
        let shares = Shares::of(times);
        for percent in [50, 99] {
            let case = format!("{bindings} bindings: {what}, p{percent}");
            let figure = Figure::new(BENCH, case, shares.at(percent), "ms");
            report.enter(goal.map_or(figure.clone(), |goal| figure.goal(goal)))?;
        }
    }
    Ok(())
}

fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).as_secs_f64() * 1e3
}

/// When each was found and mended, once all of them are in the log.
fn recorded(region: &Region, count: usize) -> Result<Vec<(Timestamp, Timestamp)>, String> {
    let read = || -> Result<Vec<(Timestamp, Timestamp)>> {
        let log = server::moor(&region.program.address, "log --kind gateway_drift_found -o json")?;
        let events = server::events(&log)?;
        let time = |fields: &Value, name: &str| {
            let text = fields[name].as_str().with_context(|| format!("no {name} in {fields}"))?;
            let since = humantime::parse_rfc3339(text)?.duration_since(UNIX_EPOCH)?;
            anyhow::Ok(Timestamp(u64::try_from(since.as_nanos())?))
        };
        events
            .iter()
            .filter(|(kind, _)| kind == "gateway_drift_found")
            .map(|(_, fields)| Ok((time(fields, "found_at")?, time(fields, "mended_at")?)))
            .collect()
    };
    let all = read().map_err(|error| format!("{error:#}"))?;
    if all.len() == count { Ok(all) } else { Err(format!("{} of {count}", all.len())) }
}
