//! What is measured: binds per second and their latency, and how long a start takes, on release builds. Every figure stands
//! beside a peer of the same run, because a number of a disturbed machine says nothing by itself.

mod binds;
mod disk;
mod embedded;
mod figure;
mod load;
mod machine;
mod report;
mod stock;

pub use binds::Sizes;
pub use figure::{Figure, Goal, Peer};
pub use report::Report;

use anyhow::Result;

/// Binds per second and their latency.
pub fn jetstream(sizes: &Sizes, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let floor = disk::floor(report)?;
    embedded::measure(&runtime, sizes, floor, report).map(drop)
}
