//! Sees what members of a VPC announce, and what breaks a gateway's view of them.

use std::{net::Ipv4Addr, os::fd::OwnedFd, sync::Arc, time::Duration};

use mooring_domain::{Timestamp, address::Mac};

use crate::{Fault, Place};

/// One thing seen on the inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A claim: an ARP reply, or an ARP request by which an address announces itself.
    Claim {
        /// The address that the sender says it has.
        address: Ipv4Addr,
        /// The sender, as ARP has it.
        mac: Mac,
        /// When the kernel received it.
        observed_at: Timestamp,
    },
    /// The fence dropped a packet from a HAVIP, sent by a MAC that does not hold it. (Rate limited by the kernel.)
    Fenced {
        /// The HAVIP.
        address: Ipv4Addr,
        /// The sender.
        mac: Mac,
    },
    /// A link went, came or changed: neighbours may be lost. Read and compare again.
    LinkChanged,
    /// So much was seen at once that the kernel threw a part away: claims may be missing. Ask.
    Lost,
}

/// Ends a [`Watcher::wait`] from another thread.
#[derive(Clone, Debug)]
pub struct Waker {
    _event: Option<Arc<OwnedFd>>,
}

impl Waker {
    /// The wait that is going on, or else the next one, returns at once.
    pub fn wake(&self) {}
}

/// Watches the inside of one place: ARP, what the fence dropped, and the links.
#[derive(Debug)]
pub struct Watcher {
    waker: Waker,
}

impl Watcher {
    /// Open the sockets inside the place's namespace.
    pub fn open(_place: &Place) -> Result<Self, Fault> {
        Ok(Self { waker: Waker { _event: None } })
    }

    /// For the thread that will end the waiting.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// What was seen, at most a few hundred things at a time; nothing once `timeout` has passed or a [`Waker`] was used.
    pub fn wait(&mut self, timeout: Duration) -> Result<Vec<Seen>, Fault> {
        let _ = timeout;
        Ok(Vec::new())
    }
}
