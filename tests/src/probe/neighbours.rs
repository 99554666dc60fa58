//! What the kernel says of a namespace's neighbours, with the time at which it was read: the change itself was earlier.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use mooring_dataplane::urgent::go_first;
use mooring_domain::Timestamp;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute},
};
use nix::sys::{
    socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType},
    socket::{MsgFlags, bind, recv, setsockopt, socket, sockopt},
    time::{TimeVal, TimeValLike as _},
};

use super::worker::{Stop, Worker};
use crate::lab::Namespace;

/// The group of changes of neighbours.
const RTMGRP_NEIGH: u32 = 4;
/// Bytes of messages that may wait to be read.
const RECEIVE_BUFFER: usize = 64 << 20;

/// Where a neighbour leads now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Led {
    /// When that was read.
    pub at: Timestamp,
    /// Whose neighbour it is.
    pub address: Ipv4Addr,
    /// To whom.
    pub mac: [u8; 6],
}

/// Listens until it is dropped.
pub struct Neighbours {
    seen: Arc<Mutex<Vec<Led>>>,
    _worker: Worker,
}

impl Neighbours {
    /// Every change after this is seen.
    pub fn start(ns: &Namespace) -> Result<Neighbours> {
        let socket = ns.run(open)?.context("listening to changes of neighbours")?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let its = seen.clone();
        Ok(Neighbours { seen, _worker: Worker::start(move |stop| listen(&socket, &its, &stop)) })
    }

    /// What was read so far, once.
    pub fn take(&self) -> Vec<Led> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn open() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(20))?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, RTMGRP_NEIGH))?;
    Ok(socket)
}

fn listen(socket: &OwnedFd, seen: &Mutex<Vec<Led>>, stop: &Stop) {
    // As soon as whoever changed it: otherwise the time is that at which others left it a processor.
    let _ = go_first(1);
    let mut buffer = vec![0; 64 << 10];
    while !stop.asked() {
        let Ok(length) = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) else { continue };
        let at = mooring_ledger::now();
        let led = led(at, &buffer[..length]);
        seen.lock().unwrap_or_else(PoisonError::into_inner).extend(led);
    }
}

/// The kernel sends each change in a datagram of its own.
fn led(at: Timestamp, datagram: &[u8]) -> Option<Led> {
    let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(datagram).ok()?;
    let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(entry)) = message.payload else {
        return None;
    };
    let (mut address, mut mac) = (None, None);
    for attribute in &entry.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => address = Some(*found),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.as_slice().try_into().ok(),
            _ => {}
        }
    }
    Some(Led { at, address: address?, mac: mac? })
}
