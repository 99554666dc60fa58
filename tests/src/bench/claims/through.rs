//! From the wire to the log: two members in turn announce all HAVIPs as quickly as one can send, and a round is over when
//! health has said of each that it is held by who announced it.

use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use super::BENCH;
use super::holders::Holders;
use crate::bench::failover::Scene;
use crate::bench::figure::{Figure, Goal};
use crate::bench::machine::Processes;
use crate::bench::report::Report;
use crate::bench::shares::{Shares, median};
use crate::cluster::Part;
use crate::probe::Announcer;

/// The first HAVIP. The rest of the subnet has room for them and is nobody's.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 16, 0);
const NONE: Goal = Goal::AtMost(0.0);

/// Has so many HAVIPs, each with an EIP, fail over so many times.
pub fn measure(havips: usize, rounds: usize, report: &mut Report) -> Result<()> {
    let all = (0..havips).map(|n| Ok(Ipv4Addr::from_bits(FIRST.to_bits() + u32::try_from(n)?)));
    let all = all.collect::<Result<Vec<_>>>()?;
    let scene = Scene::set("100.64.0.0/16", "10.0.0.0/16", &all)?;
    scene.lab.gateway.ip("route add 10.0.16.0/20 dev in0")?;
    let runtime = Runtime::new()?;
    let members = [Announcer::new(&scene.lab.vm_a)?, Announcer::new(&scene.lab.vm_b)?];
    let processes = processes(&scene)?;
    let client = scene.client(&runtime)?;
    runtime.block_on(async {
        let mut holders = Holders::watch(&client).await?;
        // Nobody holds them yet: this is no failover.
        round(&members[1], &all, &mut holders).await?;
        let (before, mut rates, mut again) = (processes.taken()?, Vec::new(), 0);
        for number in 0..rounds {
            let (rate, more) = round(&members[number % 2], &all, &mut holders).await?;
            rates.push(rate);
            again += more;
        }
        let spent = processes.since(&before)?;
        let case = |what: &str| format!("{havips} HAVIPs at once, {rounds} times: {what}");
        let name = case("claims from the wire to the log and back");
        report.enter(Figure::new(BENCH, name, median(rates.clone()), "/s"))?;
        report.enter(Figure::new(BENCH, case("in the slowest round"), Shares::of(rates).at(1), "/s"))?;
        let again = Figure::new(BENCH, case("claims that had to be made again"), again as f64, "claims");
        report.enter(again.goal(NONE))?;
        for (name, seconds) in spent.of {
            let of_1_000 = seconds * 1000.0 / (havips * rounds) as f64;
            report.enter(Figure::new(BENCH, case(&format!("CPU of {name} for 1 000")), of_1_000, "s"))?;
        }
        report.enter(Figure::new(BENCH, case("cores that others took"), spent.others, "cores"))
    })
}

/// Claims in a second, and how many had to be made again.
async fn round(member: &Announcer, havips: &[Ipv4Addr], holders: &mut Holders) -> Result<(f64, usize)> {
    let begin = Instant::now();
    havips.iter().try_for_each(|havip| member.announce(*havip))?;
    let again = holders.wait_held(member, havips).await?;
    Ok((havips.len() as f64 / begin.elapsed().as_secs_f64(), again))
}

fn processes(scene: &Scene) -> Result<Processes> {
    let nats = scene.cluster.nats.pid().context("nats-server does not run")?;
    let mut all = Processes::default().and("nats-server", nats).and("who announces", std::process::id());
    for part in scene.cluster.parts() {
        let name = match part {
            Part::Resource => "resource",
            Part::Binding => "binding",
            Part::Health => "health",
            Part::Gateway(_) => "dataplane-sync",
        };
        all = all.and(name, scene.cluster.part(part).pid().context(name)?);
    }
    Ok(all)
}
