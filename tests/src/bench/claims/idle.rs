//! What a region costs in which nobody asks for anything and nothing fails over: one `mooringd`, whose gateway probes
//! holders as often as it may. One instance holds all HAVIPs, and answers for them. The log has all of that before the
//! gateway has the VPC: it begins as after any start.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;
use tonic::transport::Endpoint;

use super::BENCH;
use crate::bench::embedded;
use crate::bench::failover::Gateway;
use crate::bench::figure::{Figure, Goal};
use crate::bench::machine::{Processes, threads};
use crate::bench::program::Program;
use crate::bench::report::Report;
use crate::channel::{self, Channel};
use crate::client::Client;
use crate::lab::{self, Lab, Namespace};
use crate::server::{Mooringd, Options};

/// HAVIPs of the full measurement.
pub const FULL: usize = 100_000;
/// In percent of a core.
const CPU: Goal = Goal::AtMost(2.0);
const SUBNET: &str = "10.0.0.0/14";
/// The first HAVIP; all of them are in what follows to the end of the subnet, where no instance is.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 0);
/// The instance has all of these addresses.
const HELD: &str = "route add local 10.1.0.0/16 dev lo\nroute add local 10.2.0.0/15 dev lo\n";
/// Claims that are handed in together.
const BATCH: usize = 1_000;
/// For what comes with a start to be over: all holders are asked then, and who has just answered is probed later.
const PATIENCE: Duration = Duration::from_secs(300);
/// It is over when in this time
const LOOK: Duration = Duration::from_secs(1);
/// no more came than probes, of which this many may go out,
const PROBES: u64 = 1_000;
/// and what else there is on a quiet link.
const OTHERS: u64 = 100;

/// Makes so many HAVIPs, and looks on for so long when all are held.
pub fn measure(havips: usize, time: Duration, report: &mut Report) -> Result<()> {
    let lab = Lab::new()?;
    lab.vm_a.ip(HELD)?;
    let all = (0..havips).map(|n| Ok(Ipv4Addr::from_bits(FIRST.to_bits() + u32::try_from(n)?)));
    let mut server = Mooringd::start_in(lab.folder(), "", Options::default())?;
    let held = held(server.address(), all.collect::<Result<Vec<_>>>()?);
    Runtime::new()?.block_on(held).context(server.log())?;
    server.kill9()?;
    let server = start(&lab)?;
    let begin = Instant::now();
    wait_at_rest(&lab, &server, havips)?;
    let settled = begin.elapsed().as_secs_f64();
    let pid = server.pid();
    let processes = Processes::default().and(embedded::NAME, pid);
    let (before, of_threads, frames) = (processes.taken()?, threads(pid)?, received(&lab.vm_a)?);
    std::thread::sleep(time);
    let spent = processes.since(&before)?;
    let probes = (received(&lab.vm_a)? - frames) as f64 / time.as_secs_f64();
    let case = |what: &str| format!("a quiet region with {havips} HAVIPs: {what}");
    report.enter(Figure::new(BENCH, case("from ready until it was at rest"), settled, "s"))?;
    let share = |seconds: f64| seconds * 100.0 / time.as_secs_f64();
    for seconds in spent.of.values() {
        let cpu = Figure::new(BENCH, case("CPU of mooringd"), share(*seconds), "% of a core");
        report.enter(if havips == FULL { cpu.goal(CPU) } else { cpu })?;
    }
    for (name, seconds) in threads(pid)? {
        let seconds = seconds - of_threads.get(&name).copied().unwrap_or_default();
        if seconds > 0.0 {
            let what = format!("CPU of mooringd's threads {name}");
            report.enter(Figure::new(BENCH, case(&what), share(seconds), "% of a core"))?;
        }
    }
    report.enter(Figure::new(
        BENCH,
        case("frames to the instance, nearly all of them probes"),
        probes,
        "/s",
    ))?;
    report.enter(Figure::new(BENCH, case("cores that others took"), spent.others, "cores"))
}

/// The same region again, now with the VPC in a namespace.
fn start(lab: &Lab) -> Result<Program> {
    let folder = lab.folder();
    let (data, places) = (folder.join("data"), folder.join("places.toml"));
    std::fs::write(&places, lab.places())?;
    let (data, places) = (data.to_str().context("a folder")?, places.to_str().context("a folder")?);
    let arguments = ["--data", data, "--region", "r1", "--listen", "127.0.0.1:0"];
    Program::start("mooringd", folder, &[&arguments[..], &["--gateway", "gw-1", "--places", places]].concat())
}

/// Waits until nothing comes to the instance but probes, as many of them as there ever are.
fn wait_at_rest(lab: &Lab, server: &Program, havips: usize) -> Result<()> {
    let runtime = Runtime::new()?;
    let client = runtime.block_on(Client::connect(&server.address))?;
    let sent = || -> Result<u64> {
        let status = runtime.block_on(client.status(false))?;
        Ok(status.vpcs.first().and_then(|vpc| vpc.probing).map_or(0, |probing| probing.sent))
    };
    let (begin, enough) = (Instant::now(), (havips as u64).min(PROBES) * 8 / 10);
    loop {
        let before = (received(&lab.vm_a)?, sent()?);
        std::thread::sleep(LOOK);
        let (frames, probes) = (received(&lab.vm_a)? - before.0, sent()? - before.1);
        if frames <= PROBES + OTHERS && probes >= enough {
            return Ok(());
        }
        let seen = format!("{frames} frames in a second, {probes} of them probes");
        ensure!(begin.elapsed() < PATIENCE, "it does not come to rest: {seen}");
    }
}

/// Makes them, and says to health of each that the instance has it.
async fn held(address: &str, havips: Vec<Ipv4Addr>) -> Result<()> {
    let client = Client::connect(address).await?;
    let vpc = client.vpc("blue").await?;
    let subnet = client.subnet(&vpc, "web", SUBNET).await?;
    let vm_a = client.vnic(&subnet, "vm-a", lab::MAC_A, &lab::VM_A.to_string()).await?;
    client.havips(&subnet, &havips, &[&vm_a]).await?;
    let mut gateway = Gateway::new(connect(address).await?, "bench", &vpc)?;
    for some in havips.chunks(BATCH) {
        gateway.hand_in(some, lab::MAC_A).await?;
    }
    Ok(())
}

async fn connect(address: &str) -> Result<Channel> {
    Ok(channel::connect(Endpoint::from_shared(format!("http://{address}"))?).await?)
}

/// Frames that came to an instance.
fn received(ns: &Namespace) -> Result<u64> {
    let links = ns.output("cat /proc/net/dev")?;
    let eth0 =
        links.lines().find_map(|line| line.trim().strip_prefix("eth0:")).context("there is no eth0")?;
    Ok(eth0.split_whitespace().nth(1).context("a link without a count")?.parse()?)
}
