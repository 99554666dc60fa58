//! What is measured: binds per second and their latency, how long a start takes, and a failover, on release builds. Every figure stands
//! beside a peer of the same run, because a number of a disturbed machine says nothing by itself.

mod apart;
mod bind;
mod binds;
mod disk;
mod drift;
mod elements;
mod embedded;
mod events;
mod failover;
mod figure;
mod filling;
mod load;
mod machine;
mod packets;
mod program;
mod publishes;
mod region;
mod replay;
mod report;
mod shares;
mod start;
mod stock;

pub use bind::{Binds, bind};
pub use binds::Sizes;
pub use drift::{Drifts, drift};
pub use events::events;
pub use failover::{Failovers, failover};
pub use figure::{Figure, Goal, Peer};
pub use filling::{Loads, load};
pub use packets::{Packets, packets};
pub use replay::replay;
pub use report::Report;
pub use start::start;

use anyhow::Result;

use crate::nats::NatsServer;

/// Binds per second and their latency: of `mooringd` over segment files, then of four processes over JetStream.
pub fn jetstream(sizes: &Sizes, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let nats = NatsServer::start()?;
    disk::floor(report)?;
    runtime.block_on(publishes::measure(&nats, sizes.publishes, report))?;
    let peer = embedded::measure(&runtime, sizes, report)?;
    apart::measure(&runtime, &nats, sizes, &peer, report)
}
