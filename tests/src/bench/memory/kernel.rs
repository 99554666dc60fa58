//! What a binding takes in the kernel, with each of its parts by itself: what slabs and vmalloc have more of afterwards, on
//! the whole machine.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use mooring_dataplane::{Driver, Kernel, Place};
use mooring_domain::address::Mac;
use mooring_domain::nat::Op;

use super::BENCH;
use crate::bench::figure::Figure;
use crate::bench::report::Report;
use crate::lab::Lab;
use crate::wait::wait_for;

const FIRST_EIP: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 0);
const FIRST_HAVIP: Ipv4Addr = Ipv4Addr::new(10, 128, 0, 0);
const HOLDER: Mac = Mac([2, 0, 0, 0, 1, 10]);
/// For the kernel to have freed what was only on its way.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(300);
/// In so many bytes the rest of the machine comes and goes meanwhile.
const NOISE: u64 = 256 << 10;

/// Some of what a binding has: its name, how many things it is, and each of them.
type Part = (&'static str, usize, fn(IpAddr, IpAddr) -> Vec<Op>);

const PARTS: [Part; 4] = [
    ("an element of NAT", 2, |eip, havip| vec![Op::MapEip(eip, havip), Op::MapHavip(havip, eip)]),
    ("an element of the fence", 2, |_, havip| vec![Op::AddHavip(havip), Op::AllowHolder(havip, HOLDER)]),
    ("a neighbour entry", 1, |_, havip| vec![Op::SetNeighbour(havip, HOLDER)]),
    ("a route of an EIP", 1, |eip, _| vec![Op::AddRoute(eip)]),
];

/// Puts so many bindings into the gateway's kernel, and takes them out again.
pub fn measure(lab: &Lab, bindings: usize, report: &mut Report) -> Result<()> {
    let place = Place {
        netns: Some(lab.gateway.name().to_owned()),
        inside: "in0".to_owned(),
        outside: "out0".to_owned(),
        arp: true,
        hairpin: false,
    };
    let mut kernel = Kernel::open(&place).map_err(|fault| anyhow!("{fault}"))?;
    kernel.apply(&[Op::MakeRuleset]).map_err(|fault| anyhow!("{fault}"))?;
    let begin = taken()?;
    let mut before = begin;
    for (name, things, of) in PARTS {
        let ops = (0..u32::try_from(bindings)?).flat_map(|number| {
            let at = |first: Ipv4Addr| IpAddr::from(Ipv4Addr::from_bits(first.to_bits() + number));
            of(at(FIRST_EIP), at(FIRST_HAVIP))
        });
        kernel.apply(&ops.collect::<Vec<_>>()).map_err(|fault| anyhow!("{fault}"))?;
        let now = taken()?;
        enter(name, before, now, bindings * things, report)?;
        before = now;
    }
    enter("all of a binding", begin, before, bindings, report)?;
    kernel.clear().map_err(|fault| anyhow!("{fault}"))?;
    taken().map(drop)
}

fn enter(what: &str, before: u64, now: u64, count: usize, report: &mut Report) -> Result<()> {
    let each = now.saturating_sub(before) as f64 / count as f64;
    report.enter(Figure::new(BENCH, format!("the kernel, {what}"), each, "B"))
}

/// What the kernel has taken for itself, in bytes, once that does not change any more.
fn taken() -> Result<u64> {
    let mut last = now()?;
    wait_for("the kernel to come to rest", PATIENCE, || {
        std::thread::sleep(PAUSE);
        let found = now().map_err(|error| error.to_string())?;
        let difference = found.abs_diff(std::mem::replace(&mut last, found));
        if difference <= NOISE { Ok(found) } else { Err(format!("{difference} bytes came or went")) }
    })
}

fn now() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let kilobytes = |name: &str| -> Result<u64> {
        let line = text.lines().find(|line| line.starts_with(name)).with_context(|| name.to_owned())?;
        Ok(line.split_whitespace().nth(1).context("a line without a value")?.parse()?)
    };
    // Of slabs only what can't be given back: the other part is what the machine's files have in memory.
    Ok((kilobytes("SUnreclaim:")? + kilobytes("VmallocUsed:")?) * 1024)
}
