//! The peer: `mooringd`, the same four services in one process, over segment files.

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use super::binds::{self, Asked, Measured, Sizes, System};
use super::machine::Processes;
use super::report::Report;
use crate::server::{Mooringd, Options};

/// What it is called beside another's figures.
pub const NAME: &str = "mooringd";

/// Measures it, alone on its own log, for a benchmark that asks so much of it.
pub fn measure(
    runtime: &Runtime,
    (bench, asked): (&'static str, &'static [Asked]),
    sizes: &Sizes,
    report: &mut Report,
) -> Result<Vec<Measured>> {
    let server = Mooringd::alone(Options::default())?;
    let processes = Processes::default()
        .and(NAME, server.pid().context("mooringd does not run")?)
        .and("the clients", std::process::id());
    let (resource, binding) = (server.address().to_owned(), server.address().to_owned());
    let system = System { bench, asked, name: NAME, resource, binding, processes };
    runtime.block_on(binds::measure(&system, sizes, None, report)).context(server.log())
}
