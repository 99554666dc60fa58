//! The peer: `mooringd`, the same four services in one process, over segment files.

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use super::binds::{self, Measured, Sizes, System};
use super::machine::Processes;
use super::report::Report;
use crate::server::{Mooringd, Options};

/// What it is called beside another's figures.
pub const NAME: &str = "mooringd";

/// Measures it, alone on its own log.
pub fn measure(runtime: &Runtime, sizes: &Sizes, report: &mut Report) -> Result<Vec<Measured>> {
    let server = Mooringd::alone(Options::default())?;
    let processes = Processes::default()
        .and(NAME, server.pid().context("mooringd does not run")?)
        .and("the clients", std::process::id());
    let (resource, binding) = (server.address().to_owned(), server.address().to_owned());
    let system = System { name: NAME, resource, binding, processes };
    runtime.block_on(binds::measure(&system, sizes, None, report)).context(server.log())
}
