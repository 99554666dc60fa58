//! How many claims one health service takes in a second: all of them failovers, each an event that is stored; and all of
//! them of holders that announce themselves again, which change nothing.

use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use mooring_proto::{
    health::v1::{Claim, ReportClaimsRequest, health_service_client::HealthServiceClient},
    resource::v1::Vpc,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tonic::transport::Endpoint;

use crate::bench::figure::Figure;
use crate::bench::report::Report;
use crate::channel::{Channel, connect};
use crate::client::Client;
use crate::cluster::{Cluster, Part};
use crate::lab;

/// Gateways that hand in claims at once.
const GATEWAYS: usize = 4;
/// The most that one call may hand in.
const BATCH: usize = 1000;
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 0);
/// By which the announcers take turns.
const MACS: [&str; 2] = [lab::MAC_A, lab::MAC_B];

/// Hands in so many batches from each of several gateways, for this benchmark.
pub fn measure(bench: &'static str, batches: usize, report: &mut Report) -> Result<()> {
    let cluster = Cluster::start()?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let client = Client::of(&cluster.servers(0))?;
        let vpc = havips(&client).await?;
        let health = format!("http://{}", cluster.part(Part::Health).address());
        for (what, moves) in
            [("each a failover that is stored", true), ("holders that announce themselves again", false)]
        {
            let begin = Instant::now();
            let mut gateways = JoinSet::new();
            for gateway in 0..GATEWAYS {
                let channel = connect(Endpoint::from_shared(health.clone())?).await?;
                gateways.spawn(hand_in(channel, vpc.clone(), (gateway, batches, moves)));
            }
            while let Some(done) = gateways.join_next().await {
                done??;
            }
            let claims = GATEWAYS * batches * BATCH;
            let rate = claims as f64 / begin.elapsed().as_secs_f64();
            let case = format!("one health service takes claims, {what}");
            report.enter(Figure::new(bench, case, rate, "/s"))?;
        }
        let held = client.holders().await?.iter().filter(|holder| holder.mac == MACS[1]).count();
        ensure!(held == BATCH, "the last claims were of all {BATCH} of a page; {held} came to that");
        Ok(())
    })
}

/// Each gateway sees its own: so many HAVIPs for each. Returns their VPC.
async fn havips(client: &Client) -> Result<Vpc> {
    let vpc = client.vpc("blue").await?;
    let subnet = client.subnet(&vpc, "web", "10.1.0.0/16").await?;
    let a = client.vnic(&subnet, "vm-a", MACS[0], "10.1.0.9").await?;
    let b = client.vnic(&subnet, "vm-b", MACS[1], "10.1.0.10").await?;
    let all: Vec<_> = (0..GATEWAYS * BATCH).map(address).collect();
    client.havips(&subnet, &all, &[&a, &b]).await?;
    Ok(vpc)
}

fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST.to_bits() + number as u32)
}

async fn hand_in(channel: Channel, vpc: Vpc, (gateway, batches, moves): (usize, usize, bool)) -> Result<()> {
    let own: Vec<_> = (gateway * BATCH..(gateway + 1) * BATCH).map(address).collect();
    let mut gateway = Gateway::new(channel, &format!("bench-{gateway}"), &vpc)?;
    for batch in 0..batches {
        // The last batch that moves leaves them with the second one.
        let mac = if moves { MACS[(batches - batch) % 2] } else { MACS[1] };
        gateway.hand_in(&own, mac).await?;
    }
    Ok(())
}

/// Somebody who hands in claims as a gateway does.
pub struct Gateway {
    health: HealthServiceClient<Channel>,
    name: String,
    vpc: String,
    number: u64,
}

impl Gateway {
    /// One of this name, that sees this VPC.
    pub fn new(health: Channel, name: &str, vpc: &Vpc) -> Result<Gateway> {
        let vpc = vpc.name.rsplit('/').next().context("a VPC without an id")?.to_owned();
        let name = format!("regions/r1/gateways/{name}");
        Ok(Gateway { health: HealthServiceClient::new(health), name, vpc, number: 0 })
    }

    /// Says that these were announced by this MAC just now: 1 000 at most.
    pub async fn hand_in(&mut self, havips: &[Ipv4Addr], mac: &str) -> Result<()> {
        let claims = havips.iter().zip(self.number + 1..).map(|(havip, number)| Claim {
            vpc: self.vpc.clone(),
            address: havip.to_string(),
            mac: mac.to_owned(),
            number,
            observed_at: mooring_ledger::now().0,
        });
        let request = ReportClaimsRequest { gateway: self.name.clone(), claims: claims.collect() };
        self.number += havips.len() as u64;
        self.health.report_claims(request).await?;
        Ok(())
    }
}
