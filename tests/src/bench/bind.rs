//! How long a bind takes, from the call to the elements in the kernel and to the first translated packet, with so many
//! bindings there already.

mod ovn;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mooring_dataplane::{Driver as _, Kernel};
use mooring_domain::Timestamp;
use mooring_domain::nat::Op;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::elements::{self, FIRST_EIP, FIRST_HAVIP, HOLDER, at};
use super::figure::{Figure, Goal};
use super::region::Region;
use super::report::Report;
use super::shares::Shares;
use super::{disk, filling};
use crate::history::bound::Spare;
use crate::lab::{Line, line::LINE_OUTSIDE};
use crate::probe::{NewElements, Pinger, Stamped};
use crate::wait::wait_for;

const BENCH: &str = "bind";
const PATIENCE: Duration = Duration::from_secs(30);
/// p50 and p99 of the elements in the kernel, in ms, beside three times F.
const GOALS: [(usize, f64); 2] = [(50, 2.0), (99, 10.0)];
/// Of p50 with the fewest bindings.
const MOST_TIMES: f64 = 1.2;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Binds {
    /// With so many bindings there already.
    pub bindings: Vec<u32>,
    /// So many binds each.
    pub binds: u32,
    /// Whether the peers are measured.
    pub peers: bool,
}

impl Binds {
    /// What the goals are measured with.
    pub fn full() -> Binds {
        Binds { bindings: vec![100, 10_000, 100_000, 1_000_000], binds: 200, peers: true }
    }

    /// As little as shows that it works.
    pub fn short() -> Binds {
        Binds { bindings: vec![100, 1_000], binds: 5, peers: false }
    }

    /// With so many bindings alone.
    #[must_use]
    pub fn only(self, bindings: u32) -> Binds {
        Binds { bindings: vec![bindings], ..self }
    }
}

/// What the binds took, in ms.
#[derive(Default)]
struct Took {
    answered: Vec<f64>,
    elements: Vec<f64>,
    packet: Vec<f64>,
}

/// Measures all of it.
pub fn bind(sizes: &Binds, report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    let mut fewest = None;
    for bindings in &sizes.bindings {
        let region = Region::make(&runtime, *bindings, sizes.binds + 1)?;
        let floor = disk::floor(report)?;
        let took = binds(&runtime, &region)?;
        drop(region);
        let peer = if sizes.peers { nft(*bindings)? } else { None };
        let case = |what: &str| format!("{bindings} bindings: from the call to {what}");
        enter(&case("the answer"), took.answered, None, None, report)?;
        let p50 = enter(&case("the elements in the kernel"), took.elements, Some(floor), peer, report)?;
        enter(&case("the first translated packet"), took.packet, None, None, report)?;
        let first = *fewest.get_or_insert(p50);
        let figure = Figure::new(
            BENCH,
            format!("{bindings} bindings: times that of the fewest, p50"),
            p50 / first,
            "",
        );
        report.enter(figure.goal(Goal::AtMost(MOST_TIMES)))?;
    }
    if sizes.peers {
        ovn::measure(report)?;
    }
    Ok(())
}

fn enter(
    case: &str,
    times: Vec<f64>,
    floor: Option<f64>,
    peer: Option<f64>,
    report: &mut Report,
) -> Result<f64> {
    let shares = Shares::of(times);
    for (percent, beyond) in GOALS {
        let figure = Figure::new(BENCH, format!("{case}, p{percent}"), shares.at(percent), "ms");
        let figure = match peer {
            Some(peer) => figure.beside("the nft command, its own process with it", peer),
            None => figure,
        };
        report.enter(match floor {
            Some(floor) => figure.goal(Goal::AtMost(beyond + 3.0 * floor)),
            None => figure,
        })?;
    }
    Ok(shares.at(50))
}

fn binds(runtime: &Runtime, region: &Region) -> Result<Took> {
    let elements = NewElements::start(&region.line.gateway)?;
    let mut took = Took::default();
    for (number, spare) in region.spare.iter().enumerate() {
        let mut this = Took::default();
        one(runtime, region, &elements, spare, &mut this)?;
        // The first one opens connections.
        if number > 0 {
            took.answered.extend(this.answered);
            took.elements.extend(this.elements);
            took.packet.extend(this.packet);
        }
    }
    Ok(took)
}

/// Under 10 000 packets a second to the EIP.
fn one(
    runtime: &Runtime,
    region: &Region,
    elements: &NewElements,
    spare: &Spare,
    took: &mut Took,
) -> Result<()> {
    let (eip, havip) = spare.addresses;
    let mut arrivals = Stamped::icmp(&region.line.inside, havip, None)?;
    let pinger = Pinger::start(&region.line.outside, &[(LINE_OUTSIDE, eip)])?;
    // The sender is on its way; a bit longer each time, so that binds fall into step with nothing.
    std::thread::sleep(Duration::from_micros(3_000 + u64::from(eip.octets()[3]) * 37));
    elements.forget();
    let begin = mooring_ledger::now();
    runtime
        .block_on(region.client.bind_stored(&spare.eip, &spare.havip, Uuid::now_v7()))
        .context("a bind")?;
    took.answered.push(since(begin, mooring_ledger::now()));
    let seen = wait_for("the elements", PATIENCE, || elements.first(eip).ok_or("none".to_owned()))?;
    took.elements.push(since(begin, seen));
    let first = wait_for("a translated packet", PATIENCE, || {
        let mut first = None;
        let taken = arrivals.take(|stamp, _| first = first.or(Some(stamp)));
        taken.map_err(|error| format!("{error:#}"))?;
        first.ok_or_else(|| "none".to_owned())
    })?;
    took.packet.push(since(begin, first));
    drop(pinger);
    Ok(())
}

fn since(begin: Timestamp, end: Timestamp) -> f64 {
    end.since(begin).as_secs_f64() * 1e3
}

/// The same elements by `nft`, into tables with as many: p50 in ms.
fn nft(bindings: u32) -> Result<Option<f64>> {
    const TIMES: u32 = 11;
    let line = Line::new()?;
    let ops = filling::ops(bindings)?;
    let ops: Vec<Op> = ops.into_iter().filter(|op| !matches!(op, Op::SetNeighbour(..))).collect();
    Kernel::open(&elements::place(&line.gateway))?.apply(&ops)?;
    let mut times = Vec::new();
    for number in bindings..bindings + TIMES {
        let (eip, havip) = (at(FIRST_EIP, number), at(FIRST_HAVIP, number));
        let text = format!(
            "add element ip mooring eip_to_havip {{ {eip} : {havip} }}; \
             add element ip mooring havip_to_eip {{ {havip} : {eip} }}; \
             add element ip mooring_fence havips {{ {havip} }}; \
             add element ip mooring_fence holders {{ {havip} . {HOLDER} }}"
        );
        let begin = Instant::now();
        let done = line.gateway.command("nft").arg(&text).output()?;
        if !done.status.success() {
            anyhow::bail!("nft: {}", String::from_utf8_lossy(&done.stderr));
        }
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Some(Shares::of(times).at(50)))
}
