//! Packet sockets for ARP. The only place that talks to the kernel about link-layer addresses.

pub(crate) mod filter;

use std::{io, os::fd::AsRawFd};

use mooring_domain::address::Mac;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::Fault;

const NET_RAW: &str = "CAP_NET_RAW";
const ETH_P_ARP: u16 = 0x0806;

/// A socket that can send ARP on any link of its namespace, and hears nothing.
pub(crate) fn sender() -> Result<Socket, Fault> {
    // With protocol 0 the kernel gives it no packets.
    Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(0)))
        .map_err(|source| Fault::kernel("open a packet socket", NET_RAW, source))
}

/// A socket that hears on one link what passes the filter.
pub(crate) fn listener(index: u32, filter: &[SockFilter]) -> Result<Socket, Fault> {
    let socket = sender()?;
    // The filter stands before the socket hears anything.
    attach(&socket, filter)?;
    bind(&socket, index)?;
    Ok(socket)
}

/// Hear from now on what passes this filter.
pub(crate) fn attach(socket: &Socket, filter: &[SockFilter]) -> Result<(), Fault> {
    socket.attach_filter(filter).map_err(|source| Fault::kernel("attach a packet filter", NET_RAW, source))
}

/// How many messages found no room in the socket's queue since this was asked last.
pub(crate) fn dropped(socket: &Socket) -> Result<u32, Fault> {
    let mut counts = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: `counts` and `length` live through the call, and the length is that of `counts`.
    #[allow(unsafe_code, reason = "neither nix nor socket2 asks a packet socket for its counts")]
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut counts).cast(),
            &raw mut length,
        )
    };
    checked(answer as isize, "ask a packet socket for its counts")?;
    Ok(counts.tp_drops)
}

/// Hear this link from now on, and no other.
pub(crate) fn bind(socket: &Socket, index: u32) -> Result<(), Fault> {
    let address = address(index, Mac([0; 6]));
    // SAFETY: `address` is a whole `sockaddr_ll` that lives through the call, and its size is given.
    #[allow(unsafe_code, reason = "neither nix nor socket2 makes a link-layer address")]
    let answer = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    checked(answer as isize, "listen for ARP")
}

/// Send an ARP message on a link, to a MAC. The kernel writes the Ethernet header, with the link's MAC as source.
pub(crate) fn send(socket: &Socket, index: u32, to: Mac, message: &[u8]) -> Result<(), Fault> {
    let address = address(index, to);
    // SAFETY: `message` and `address` live through the call, and their sizes are given.
    #[allow(unsafe_code, reason = "neither nix nor socket2 makes a link-layer address")]
    let answer = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            message.as_ptr().cast(),
            message.len(),
            0,
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    checked(answer, "send ARP")
}

fn checked(answer: isize, operation: &str) -> Result<(), Fault> {
    if answer < 0 { Err(Fault::kernel(operation, NET_RAW, io::Error::last_os_error())) } else { Ok(()) }
}

fn address(index: u32, mac: Mac) -> libc::sockaddr_ll {
    let mut bytes = [0; 8];
    bytes[..6].copy_from_slice(&mac.0);
    libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: ETH_P_ARP.to_be(),
        sll_ifindex: index.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: bytes,
    }
}
