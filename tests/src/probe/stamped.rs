//! Packets with the time at which the kernel received them. They are read whenever there is time for it: that changes no
//! time, and disturbs nobody meanwhile.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use mooring_domain::Timestamp;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, Socket, Type};

use super::frame::{Arp, Frame};
use crate::lab::Namespace;

const ETH_P_ARP: u16 = 0x0806;
/// Bytes of packets that may wait to be read.
const RECEIVE_BUFFER: usize = 64 << 20;

/// A socket that keeps what comes until it is read.
pub struct Stamped {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Stamped {
    /// Every ARP message that comes to a namespace, as a frame.
    pub fn arp(ns: &Namespace) -> Result<Stamped> {
        let protocol = Protocol::from(i32::from(ETH_P_ARP.to_be()));
        Stamped::open(ns, || Socket::new(Domain::PACKET, Type::RAW, Some(protocol)))
    }

    /// Every ICMP message to an address of a namespace, with its IP header. It can send, too: as that address, to `peer`
    /// alone, and then it hears nobody else.
    pub fn icmp(ns: &Namespace, address: Ipv4Addr, peer: Option<Ipv4Addr>) -> Result<Stamped> {
        let at = |address| SocketAddrV4::new(address, 0).into();
        Stamped::open(ns, || {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
            socket.bind(&at(address))?;
            peer.map_or(Ok(()), |peer| socket.connect(&at(peer)))?;
            Ok(socket)
        })
    }

    fn open(ns: &Namespace, open: impl FnOnce() -> std::io::Result<Socket> + Send) -> Result<Stamped> {
        let socket = ns.run(open)?.with_context(|| format!("a raw socket in {}", ns.role()))?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)?;
        Ok(Stamped { socket, buffer: vec![0; 2048] })
    }

    /// Sends to the peer.
    pub fn send(&self, message: &[u8]) -> std::io::Result<usize> {
        self.socket.send(message)
    }

    /// Hands over everything that has come since the last time.
    pub fn take(&mut self, mut each: impl FnMut(Timestamp, &[u8])) -> Result<()> {
        let mut control = nix::cmsg_space!(TimeSpec);
        loop {
            let mut slices = [IoSliceMut::new(&mut self.buffer)];
            let flags = MsgFlags::MSG_DONTWAIT;
            let message = recvmsg::<()>(self.socket.as_raw_fd(), &mut slices, Some(&mut control), flags);
            let message = match message {
                // An error that an earlier packet of ours met is told once.
                Err(Errno::EAGAIN | Errno::EHOSTUNREACH | Errno::ENETUNREACH) => return Ok(()),
                other => other?,
            };
            let stamp = message.cmsgs()?.find_map(|control| match control {
                ControlMessageOwned::ScmTimestampns(time) => Some(nanoseconds(time)),
                _ => None,
            });
            let (stamp, length) = (stamp.context("a packet without a time")?, message.bytes);
            each(stamp, &self.buffer[..length]);
        }
    }

    /// The announcements that came since the last time: when, of what, and by whom.
    pub fn claims(&mut self) -> Result<Vec<(Timestamp, Ipv4Addr, [u8; 6])>> {
        let mut claims = Vec::new();
        self.take(|stamp, bytes| {
            let arp = Frame::parse(bytes, false).and_then(|frame| frame.arp());
            let arp = arp.filter(Arp::is_gratuitous);
            claims.extend(arp.map(|arp| (stamp, arp.sender, arp.sender_mac)));
        })?;
        Ok(claims)
    }
}

fn nanoseconds(time: TimeSpec) -> Timestamp {
    Timestamp(time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs())
}
