//! A cluster with two gateways that carry packets: cells for clients to work on, and an EIP that nobody touches, over
//! which datagrams go all the time, by both gateways.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

use super::{Cluster, Gateway, Options, Part};
use crate::client::{Client, Servers};
use crate::figures::{ms, show};
use crate::lab::{self, Pair};
use crate::load::{After, Cell, Load, Moves, Shape, moves};
use crate::probe::{LATE, Lane, Prober, UdpEcho};
use crate::wait::wait_for;

const PATIENT: Duration = Duration::from_secs(20);
const PORT: u16 = 7000;
/// Flows over the untouched EIP: each goes in, and out, by one of two gateways.
const FLOWS: usize = 8;
/// Four who know what they did, and twice four who contend.
const SHAPES: [Shape; 6] = {
    let alone = Shape { eips: 3, havips: 3, clients: 1 };
    let contended = Shape { eips: 2, havips: 2, clients: 4 };
    [alone, alone, alone, alone, contended, contended]
};

/// The scene. It uses a laboratory of two gateways in which [`Moves`] has given out addresses.
pub struct Scene {
    /// The processes.
    pub cluster: Cluster,
    prober: Prober,
    _echo: UdpEcho,
}

impl Scene {
    /// Starts the cluster with the laboratory's gateways, and creates everything; `options` name no gateway.
    pub fn set(pair: &Pair, options: Options) -> Result<(Scene, Vec<Cell>)> {
        let gateway =
            |number: usize| Gateway { name: format!("gw-{}", number + 1), places: pair.places(number) };
        let gateways = (0..pair.gateways.len()).map(gateway).collect();
        // No router dies here, and the machine is busy.
        pair.trust_routers()?;
        let cluster = Cluster::with(Options { gateways, ..options })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (untouched, cells) = runtime.block_on(create(&cluster.servers(0)))?;
        let at = |address| SocketAddrV4::new(address, PORT);
        let echo = UdpEcho::start(&pair.lab.vm_a, at(moves::UNTOUCHED), "vm-a")?;
        let flow = Lane { from: lab::CLIENT, to: at(untouched) };
        wait_carried(pair, flow)?;
        let prober = Prober::start(&pair.lab.client, &[flow; FLOWS])?;
        prober.wait_answered(Some("vm-a"), PATIENT)?;
        Ok((Scene { cluster, prober, _echo: echo }, cells))
    }

    /// Where clients find it, by each gateway.
    pub fn servers(&self) -> Vec<Servers> {
        let gateways = self.cluster.parts().into_iter().filter(|part| matches!(part, Part::Gateway(_)));
        (0..gateways.count()).map(|number| self.cluster.servers(number)).collect()
    }

    /// Waits until every process says that it is ready.
    pub fn wait_ready(&self) -> Result<()> {
        self.cluster.parts().into_iter().try_for_each(|part| self.cluster.part(part).wait_ready())
    }

    /// Datagrams still come back on every flow, and all have come back so far.
    pub fn goes_on_forwarding(&self) -> Result<()> {
        self.prober.wait_answered(Some("vm-a"), PATIENT)?;
        wait_for("an answer to every packet through the untouched EIP", LATE, || {
            match self.prober.unanswered_for(LATE) {
                missing if missing.is_empty() => Ok(()),
                missing => Err(format!("{missing:?}")),
            }
        })
    }

    /// Ends everything, and sees that nothing was lost: no packet, nothing acknowledged; that what clients were told can
    /// have happened; that kernels and copies are what the log says. `what` begins every line of figures.
    pub fn end(mut self, what: &str, load: Load, moves: &Moves, after: &mut After) -> Result<()> {
        after.check(&self.servers(), moves)?;
        let done = load.finish()?;
        after.check(&self.servers(), moves)?;
        show(&format!("{what}: {done}"));
        show(&format!("{what}: {after}; {} holder changes made", moves.made()));
        let begin = Instant::now();
        let operations = done.is_linearizable()?;
        let took = ms(begin.elapsed());
        show(&format!("{what}: an order explains the answers of all {operations} calls, found in {took}"));
        let mut stopping = Duration::ZERO;
        for part in self.cluster.parts().into_iter().rev() {
            let begin = Instant::now();
            let ended = self.cluster.part_mut(part).stop()?;
            ensure!(ended.success(), "{part:?}: {ended}");
            stopping = stopping.max(begin.elapsed());
        }
        let log = self.cluster.log()?;
        let requests = log.iter().flat_map(|record| &record.commits).filter_map(|commit| commit.request_id);
        let logged = done.is_logged(requests)?;
        let commits: usize = log.iter().map(|record| record.commits.len()).sum();
        show(&format!(
            "{what}: {logged} of {logged} acknowledged commands that must be in the log are in it once, \
             among {commits} commits in {} records",
            log.len()
        ));
        let copies = self.cluster.copies_are(&log)?;
        show(&format!(
            "{what}: {copies} of {copies} copies have the same records with the same hashes; stops took at most {}",
            ms(stopping)
        ));
        no_packet_lost(what, self.prober)
    }
}

/// Until both gateways know the holder: before that they rightly drop what is for it.
fn wait_carried(pair: &Pair, flow: Lane) -> Result<()> {
    wait_for("every way to be carried", PATIENT, || {
        let prober =
            Prober::start(&pair.lab.client, &[flow; 4 * FLOWS]).map_err(|error| error.to_string())?;
        prober.wait_answered(Some("vm-a"), LATE).map_err(|error| error.to_string())?;
        let lost: usize = prober.finish().iter().map(|flow| flow.lost).sum();
        if lost == 0 { Ok(()) } else { Err(format!("{lost} packets lost")) }
    })
}

fn no_packet_lost(what: &str, prober: Prober) -> Result<()> {
    let flows = prober.finish();
    let sent: usize = flows.iter().map(|flow| flow.sent).sum();
    let lost: usize = flows.iter().map(|flow| flow.lost).sum();
    let longest = flows.iter().map(|flow| flow.longest).max().unwrap_or_default();
    show(&format!("{what}: {lost} of {sent} packets through the untouched EIP lost, {FLOWS} flows"));
    ensure!(lost == 0, "{lost} of {sent} packets lost, the longest gap was {}: {flows:?}", ms(longest));
    Ok(())
}

/// The EIP that nobody touches, bound, and the cells.
async fn create(servers: &Servers) -> Result<(Ipv4Addr, Vec<Cell>)> {
    let client = Client::of(servers)?;
    client.pool(lab::EIP_POOL).await?;
    let vpc = client.vpc("blue").await?;
    let subnet = client.subnet(&vpc, "web", lab::SUBNET).await?;
    let a = client.vnic(&subnet, "vm-a", lab::MAC_A, &lab::VM_A.to_string()).await?;
    let b = client.vnic(&subnet, "vm-b", lab::MAC_B, &lab::VM_B.to_string()).await?;
    let members = [&a, &b];
    let stays = client.havip(&subnet, "stays", &moves::UNTOUCHED.to_string(), &members).await?;
    let untouched = client.eip().await?;
    client.bind(&untouched.name, &stays.name, Uuid::now_v7()).await?;
    let (mut addresses, mut cells) = ((0..moves::MOVING).map(moves::address), Vec::new());
    for shape in SHAPES {
        cells.push(Cell::create(&client, shape, &subnet, &members, &mut addresses).await?);
    }
    for address in addresses {
        client.havip(&subnet, &format!("at-{address}"), &address.to_string(), &members).await?;
    }
    Ok((untouched.address.parse().context("the EIP's address")?, cells))
}
