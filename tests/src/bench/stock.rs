//! What is bound: pairs of an EIP and a HAVIP, made before anything is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use mooring_proto::resource::v1::{Subnet, Vnic};
use tokio::task::JoinSet;

use crate::client::Client;

/// Calls at once.
const AT_ONCE: usize = 64;
/// Addresses from the subnet's start that stay free: the router's and the vNIC's are among them.
const FIRST: u32 = 0x0a01_0100;

/// Names.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The EIP's.
    pub eip: String,
    /// The HAVIP's.
    pub havip: String,
}

struct Made {
    subnet: Subnet,
    vnic: Vnic,
    next: AtomicUsize,
    pairs: usize,
}

/// Makes so many pairs, at most 60 000, in one subnet and with one member.
pub async fn pairs(resource: &Client, pairs: usize) -> Result<Arc<[Pair]>> {
    resource.pool("100.64.0.0/16").await?;
    let vpc = resource.vpc("blue").await?;
    let subnet = resource.subnet(&vpc, "web", "10.1.0.0/16").await?;
    let vnic = resource.vnic(&subnet, "vm-a", "02:00:00:00:01:0a", "10.1.0.9").await?;
    let made = Arc::new(Made { subnet, vnic, next: AtomicUsize::new(0), pairs });
    let mut making = JoinSet::new();
    for _ in 0..AT_ONCE.min(pairs) {
        making.spawn(make(resource.clone(), made.clone()));
    }
    let mut all = Vec::with_capacity(pairs);
    while let Some(some) = making.join_next().await {
        all.extend(some??);
    }
    Ok(all.into())
}

async fn make(resource: Client, made: Arc<Made>) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    loop {
        let number = made.next.fetch_add(1, Ordering::Relaxed);
        if number >= made.pairs {
            return Ok(pairs);
        }
        let address = std::net::Ipv4Addr::from_bits(FIRST + u32::try_from(number)?).to_string();
        let name = format!("havip-{number}");
        let havip = resource.havip(&made.subnet, &name, &address, &[&made.vnic]).await;
        let havip = havip.with_context(|| name)?;
        let eip = resource.eip().await.context("an EIP")?;
        pairs.push(Pair { eip: eip.name, havip: havip.name });
    }
}
