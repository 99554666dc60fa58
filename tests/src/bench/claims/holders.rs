//! Who holds what, as health says it: followed until all is as announced.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mooring_proto::health::v1::WatchHoldersResponse;
use tokio::time::{Instant, timeout};
use tonic::Streaming;

use crate::client::Client;
use crate::probe::Announcer;

/// So long nothing is heard before what is missing is announced again.
const AGAIN: Duration = Duration::from_secs(1);
/// For all of it.
const PATIENCE: Duration = Duration::from_secs(300);
/// Announcements that are sent together when many are, and the pause behind them.
const TOGETHER: usize = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// A watch of all holders.
pub struct Holders(Streaming<WatchHoldersResponse>);

impl Holders {
    /// From now on.
    pub async fn watch(client: &Client) -> Result<Holders> {
        let mut watch = client.watch_holders().await?;
        while watch.message().await?.context("a watch that ended")?.position == 0 {}
        Ok(Holders(watch))
    }

    /// Waits until this member holds all of them; how many had to be announced again for it.
    pub async fn wait_held(&mut self, member: &Announcer, havips: &[Ipv4Addr]) -> Result<usize> {
        let mac = member.mac.map(|byte| format!("{byte:02x}")).join(":");
        let mut missing: BTreeSet<String> = havips.iter().map(ToString::to_string).collect();
        let (begin, mut again) = (Instant::now(), 0);
        while !missing.is_empty() {
            ensure!(begin.elapsed() < PATIENCE, "{} are not held yet", missing.len());
            match timeout(AGAIN, self.0.message()).await {
                Ok(told) => {
                    let told = told?.context("a watch that ended")?;
                    for holder in told.holders.iter().filter(|holder| holder.mac == mac) {
                        missing.remove(&holder.address);
                    }
                }
                Err(_) => {
                    again += missing.len();
                    let missing: Result<Vec<Ipv4Addr>, _> = missing.iter().map(|text| text.parse()).collect();
                    announce_slowly(member, &missing?).await?;
                }
            }
        }
        Ok(again)
    }
}

async fn announce_slowly(member: &Announcer, havips: &[Ipv4Addr]) -> Result<()> {
    for some in havips.chunks(TOGETHER) {
        some.iter().try_for_each(|havip| member.announce(*havip))?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
