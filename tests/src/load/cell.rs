//! A few EIPs and HAVIPs, the clients that bind them to each other, and what these were told.

use std::net::Ipv4Addr;

use mooring_proto::resource::v1::{Subnet, Vnic};
use tonic::Status;

use crate::client::Client;
use crate::linearizable::{Recorder, Violation, check};

/// How many of what a cell has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// EIPs.
    pub eips: usize,
    /// HAVIPs.
    pub havips: usize,
    /// Clients. One alone makes only calls that change something, and never gives up: each that is acknowledged must be in
    /// the log. Several make whatever they like.
    pub clients: usize,
}

/// A cell.
pub struct Cell {
    /// Its shape.
    pub shape: Shape,
    /// Names of its EIPs.
    pub eips: Vec<String>,
    /// Names of its HAVIPs.
    pub havips: Vec<String>,
    /// What was asked and answered.
    pub history: Recorder,
}

impl Cell {
    /// Allocates its EIPs and creates its HAVIPs, at the next of `addresses`: nothing is bound, nothing was asked.
    pub async fn create(
        client: &Client,
        shape: Shape,
        subnet: &Subnet,
        members: &[&Vnic],
        addresses: &mut impl Iterator<Item = Ipv4Addr>,
    ) -> Result<Cell, Status> {
        let (mut eips, mut havips) = (Vec::new(), Vec::new());
        for _ in 0..shape.eips {
            eips.push(client.eip().await?.name);
        }
        for address in addresses.take(shape.havips) {
            let havip = client.havip(subnet, &format!("at-{address}"), &address.to_string(), members).await?;
            havips.push(havip.name);
        }
        Ok(Cell { shape, eips, havips, history: Recorder::default() })
    }

    /// Whether what its clients were told can have happened.
    pub fn check(&self) -> Result<usize, Box<Violation>> {
        check(self.shape.eips, &self.history.operations())
    }
}
