//! Flows enough for each of two routers to have some in each direction, and what became of them.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use mooring_tests::probe::{Lane, Outage};

/// For what may be slow on a busy machine.
pub const PATIENT: Duration = Duration::from_secs(20);
/// For an answer of a peer that is there.
pub const SOON: Duration = Duration::from_secs(5);
/// For what must not come.
pub const SHORT: Duration = Duration::from_millis(300);
/// The services' UDP and TCP port.
pub const PORT: u16 = 7000;
/// Flows of one way. That one of two routers has none of 16 in one direction happens once in 30 000 times.
const FLOWS: usize = 16;

/// An address with the services' port.
pub fn at(address: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, PORT)
}

/// As many flows as are needed, from one of the client's addresses.
pub fn lanes(from: Ipv4Addr, to: Ipv4Addr) -> [Lane; FLOWS] {
    [Lane { from, to: at(to) }; FLOWS]
}

/// All flows of one way together.
#[derive(Debug)]
pub struct Total {
    pub sent: usize,
    pub lost: usize,
    /// Of the flow that was hit hardest.
    pub longest: Duration,
    /// Flows that lost something.
    pub hit: usize,
}

/// What became of the flows of one way.
pub fn total(outages: &[Outage]) -> Total {
    Total {
        sent: outages.iter().map(|outage| outage.sent).sum(),
        lost: outages.iter().map(|outage| outage.lost).sum(),
        longest: outages.iter().map(|outage| outage.longest).max().unwrap_or_default(),
        hit: outages.iter().filter(|outage| outage.lost > 0).count(),
    }
}
