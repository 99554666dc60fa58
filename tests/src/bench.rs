//! What is measured: binds per second and their latency, how long a start takes, and a failover, on release builds. Every figure stands
//! beside a peer of the same run, because a number of a disturbed machine says nothing by itself.

mod apart;
mod bind;
mod binds;
mod calls;
mod claims;
mod disk;
mod drift;
mod echo;
mod elements;
mod embedded;
mod events;
mod failover;
mod figure;
mod filling;
mod load;
mod machine;
mod memory;
mod packets;
mod program;
mod publishes;
mod reads;
mod region;
mod replay;
mod report;
mod rush;
mod shares;
mod size;
mod start;
mod stock;
mod throughput;

pub use bind::{Binds, bind};
pub use binds::Sizes;
pub use claims::{Claims, claims};
pub use drift::{Drifts, drift};
pub use echo::{WORD as ECHO, serve as echo};
pub use events::events;
pub use failover::{Failovers, failover};
pub use figure::{Figure, Goal, Peer};
pub use filling::{Loads, load};
pub use memory::memory;
pub use packets::{Packets, packets};
pub use reads::{Reads, reads};
pub use replay::replay;
pub use report::Report;
pub use size::size;
pub use start::start;
pub use throughput::{Throughput, throughput};

use anyhow::Result;
use binds::Asked;

use crate::nats::NatsServer;

const JETSTREAM: &str = "jetstream";
/// Of binds, with four processes and, as its peer, with `mooringd`.
const ASKED: &[Asked] = &[
    Asked { clients: 256, what: "binds", goal: Goal::AtLeast(3_000.0) },
    Asked { clients: 16, what: "binds, p50", goal: Goal::AtMost(5.0) },
];

/// Binds per second and their latency: of `mooringd` over segment files, then of four processes over JetStream.
pub fn jetstream(sizes: &Sizes, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let nats = NatsServer::start()?;
    disk::floor(report)?;
    runtime.block_on(publishes::measure(&nats, sizes.publishes, report))?;
    let peer = embedded::measure(&runtime, (JETSTREAM, ASKED), sizes, report)?;
    apart::measure(&runtime, &nats, sizes, &peer, report)
}
