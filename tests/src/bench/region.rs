//! What `bench bind` and `bench drift` measure: a line whose gateway is that of a `mooringd`, over a log with so many
//! bindings in one VPC, all of them in its kernel. Whoever is inside has every HAVIP.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use mooring_event_log::segments::{Options, Segments};
use tokio::runtime::Runtime;

use super::elements;
use super::program::Program;
use crate::client::Client;
use crate::history::bound::{Addresses, Spare, write_bound};
use crate::lab::Line;
use crate::server::own_folder;
use crate::wait::wait_for;

/// For a kernel to get a million bindings on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);
const ADDRESSES: Addresses = Addresses {
    pool: elements::POOL,
    subnet: elements::SUBNET,
    eip: elements::FIRST_EIP,
    havip: elements::FIRST_HAVIP,
    vnic: (Ipv4Addr::new(10, 0, 0, 2), elements::HOLDER),
};

/// See the module. Fields are dropped in this order: the process before the laboratory.
pub struct Region {
    /// `mooringd`.
    pub program: Program,
    /// Asks it.
    pub client: Client,
    /// Where packets pass.
    pub line: Line,
    /// What is not bound yet.
    pub spare: Vec<Spare>,
    _folder: tempfile::TempDir,
}

impl Region {
    /// With so many bindings, and so many pairs that are none yet.
    pub fn make(runtime: &Runtime, bound: u32, spare: u32) -> Result<Region> {
        let line = Line::new()?;
        // It answers whoever asks for any of them.
        line.inside.ip("route add local 10.0.0.0/8 dev lo\n")?;
        let folder = own_folder()?;
        let data = folder.path().join("data");
        let log = Segments::open(&data.join("log").join("r1"), Options::default(), &[])?.log;
        let spare = runtime.block_on(write_bound(log.as_ref(), ADDRESSES, bound, spare))?;
        log.close();
        let places = folder.path().join("places.toml");
        let netns = line.gateway.name();
        let place = "inside = \"in0\"\noutside = \"out0\"\narp = false\n";
        std::fs::write(&places, format!("[[vpc]]\nname = \"*\"\nnetns = \"{netns}\"\n{place}"))?;
        let (data, places) = (data.to_str().context("a folder")?, places.to_str().context("a folder")?);
        let arguments = ["--data", data, "--region", "r1", "--listen", "127.0.0.1:0"];
        let gateway = ["--gateway", "gw-1", "--places", places];
        let program = Program::start("mooringd", folder.path(), &[&arguments[..], &gateway].concat())?;
        let client = runtime.block_on(Client::connect(&program.address))?;
        let region = Region { program, client, line, spare, _folder: folder };
        region.wait_bound(runtime, u64::from(bound))?;
        Ok(region)
    }

    /// Waits until the kernel has so many bindings.
    pub fn wait_bound(&self, runtime: &Runtime, bound: u64) -> Result<()> {
        wait_for("the bindings to be in the kernel", PATIENCE, || {
            let status = runtime.block_on(self.client.status(false)).map_err(|status| status.to_string())?;
            match status.vpcs.first() {
                Some(vpc) if vpc.applied_position > 0 && vpc.bindings == bound && vpc.fault.is_empty() => {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            }
        })
    }
}
