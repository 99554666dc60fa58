//! Packet sockets for ARP. The only place that talks to the kernel about link-layer addresses.

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

/// A socket that hears the claims on one link.
pub(crate) fn listener(index: u32) -> Result<Socket, Fault> {
    let socket = sender()?;
    // The filter stands before the socket hears anything, and what does not pass it takes no room.
    socket
        .attach_filter(&claims())
        .map_err(|source| Fault::kernel("attach a packet filter", NET_RAW, source))?;
    bind(&socket, index)?;
    Ok(socket)
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

/// Replies, and requests whose sender is their target. (Offsets are from the ARP header.)
fn claims() -> [SockFilter; 9] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_WORD: u16 = 0x20;
    const STORE: u16 = 0x02;
    const LOAD_X: u16 = 0x61;
    const EQUALS: u16 = 0x15;
    const EQUALS_X: u16 = 0x1d;
    const RETURN: u16 = 0x06;
    const WHOLE: u32 = 0xffff;
    [
        SockFilter::new(LOAD_HALF, 0, 0, 6),
        SockFilter::new(EQUALS, 5, 0, 2),
        SockFilter::new(LOAD_WORD, 0, 0, 24),
        SockFilter::new(STORE, 0, 0, 0),
        SockFilter::new(LOAD_X, 0, 0, 0),
        SockFilter::new(LOAD_WORD, 0, 0, 14),
        SockFilter::new(EQUALS_X, 0, 1, 0),
        SockFilter::new(RETURN, 0, 0, WHOLE),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
