//! What a region costs in which nobody asks for anything and nothing fails over: one `mooringd`, whose gateway probes
//! holders as often as it may. One instance holds all HAVIPs, and answers for them. The log has all of that before the
//! gateway has the VPC: it begins as after any start.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;
use tonic::transport::Endpoint;

use super::BENCH;
use crate::bench::embedded;
use crate::bench::failover::Gateway;
use crate::bench::figure::{Figure, Goal};
use crate::bench::machine::{Processes, threads};
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
/// For what comes with a start to be over. So long for each of so many HAVIPs, whose holders are all asked,
const OF_THOUSAND: Duration = Duration::from_millis(200);
/// and this besides.
const CALM: Duration = Duration::from_secs(3);

/// Makes so many HAVIPs, and looks on for so long when all are held.
pub fn measure(havips: usize, time: Duration, report: &mut Report) -> Result<()> {
    let lab = Lab::new()?;
    lab.vm_a.ip(HELD)?;
    let all = (0..havips).map(|n| Ok(Ipv4Addr::from_bits(FIRST.to_bits() + u32::try_from(n)?)));
    let mut server = Mooringd::start_in(lab.folder(), "", Options::default())?;
    let held = held(server.address(), all.collect::<Result<Vec<_>>>()?);
    Runtime::new()?.block_on(held).context(server.log())?;
    server.kill9()?;
    let server = Mooringd::start_in(lab.folder(), &lab.places(), Options::default())?;
    std::thread::sleep(CALM + OF_THOUSAND * u32::try_from(havips / BATCH)?);
    let pid = server.pid().context("mooringd does not run")?;
    let processes = Processes::default().and(embedded::NAME, pid);
    let (before, of_threads, frames) = (processes.taken()?, threads(pid)?, received(&lab.vm_a)?);
    std::thread::sleep(time);
    let spent = processes.since(&before)?;
    let probes = (received(&lab.vm_a)? - frames) as f64 / time.as_secs_f64();
    let case = |what: &str| format!("a quiet region with {havips} HAVIPs: {what}");
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
