//! Neighbours and routes that somebody puts, changes or takes away: what is ours among them may be no more.
//!
//! Who did it is not looked at: our own changes are told too, and whoever knows what should be there sees no difference.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsFd, BorrowedFd},
};

use mooring_domain::address::Mac;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::sys::socket::{setsockopt, sockopt};

use super::Seen;
use crate::{
    Fault,
    kernel::link::{LOCAL_TABLE, Link, PROTOCOL},
};

const OPERATION: &str = "listen to changes of neighbours and routes";
/// The groups of all changes of neighbours, and of IPv4 routes.
const RTMGRP_NEIGH: u32 = 4;
const RTMGRP_IPV4_ROUTE: u32 = 0x40;
/// Room for our own changes at once; beyond it everything is read again.
const BUFFER: usize = 4 << 20;
const DATAGRAM: usize = 64 << 10;

/// A netlink socket that hears of neighbours and routes.
#[derive(Debug)]
pub(super) struct Entries {
    socket: Socket,
    buffer: Vec<u8>,
}

impl AsFd for Entries {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Entries {
    pub(super) fn open() -> Result<Self, Fault> {
        let fault = |source| Fault::kernel(OPERATION, "CAP_NET_ADMIN", source);
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(fault)?;
        setsockopt(&socket, sockopt::RcvBufForce, &BUFFER).map_err(|errno| fault(errno.into()))?;
        socket.bind(&SocketAddr::new(0, RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE)).map_err(fault)?;
        socket.set_non_blocking(true).map_err(fault)?;
        Ok(Self { socket, buffer: vec![0; DATAGRAM] })
    }

    /// Take at most so many changes.
    pub(super) fn take(
        &mut self,
        most: usize,
        inside: Option<Link>,
        seen: &mut Vec<Seen>,
    ) -> Result<(), Fault> {
        for _ in 0..most {
            match self.socket.recv(&mut &mut self.buffer[..], 0) {
                Ok(size) => seen.extend(change(self.buffer.get(..size).unwrap_or_default(), inside)),
                Err(source) if source.raw_os_error() == Some(libc::ENOBUFS) => seen.push(Seen::LinkChanged),
                Err(source)
                    if matches!(source.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
                {
                    break;
                }
                Err(source) => return Err(Fault::kernel(OPERATION, "CAP_NET_ADMIN", source)),
            }
        }
        Ok(())
    }
}

/// The kernel sends each change in a datagram of its own. What cannot be read is none that we could have made.
fn change(datagram: &[u8], inside: Option<Link>) -> Option<Seen> {
    let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(datagram).ok()?;
    let NetlinkPayload::InnerMessage(message) = message.payload else { return None };
    match message {
        RouteNetlinkMessage::NewNeighbour(entry) => neighbour(&entry, inside, true),
        RouteNetlinkMessage::DelNeighbour(entry) => neighbour(&entry, inside, false),
        RouteNetlinkMessage::NewRoute(entry) => route(&entry, true),
        RouteNetlinkMessage::DelRoute(entry) => route(&entry, false),
        _ => None,
    }
}

/// The neighbours that the kernel learns by itself have no protocol; there are many of them, and none was ever ours.
fn neighbour(entry: &NeighbourMessage, inside: Option<Link>, there: bool) -> Option<Seen> {
    let (mut address, mut mac, mut protocol) = (None, None, None);
    for attribute in &entry.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => address = Some(*found),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.as_slice().try_into().ok().map(Mac),
            NeighbourAttribute::Protocol(found) => protocol = Some(*found),
            _ => {}
        }
    }
    let ours = there && protocol? == PROTOCOL && entry.header.state == NeighbourState::Permanent;
    let here = inside.is_some_and(|link| link.index == entry.header.ifindex);
    here.then_some(Seen::Neighbour { address: address?, mac: mac.filter(|_| ours) })
}

/// Only local routes to one address, and not the kernel's own for the addresses of its links.
fn route(entry: &RouteMessage, there: bool) -> Option<Seen> {
    let header = &entry.header;
    let like_ours = header.table == LOCAL_TABLE
        && header.destination_prefix_length == 32
        && header.protocol != RouteProtocol::Kernel;
    let address: Ipv4Addr = entry.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(*address),
        _ => None,
    })?;
    like_ours.then_some(Seen::Route { address, ours: there && header.protocol == PROTOCOL })
}
