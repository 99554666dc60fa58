//! Announces addresses by gratuitous ARP, as an instance does, and quicker than programs can be started.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context, Result};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, sendto, socket};

use super::storm::ArpFrame;
use crate::lab::Namespace;

/// A link of an instance.
pub struct Announcer {
    socket: OwnedFd,
    link: LinkAddr,
    /// Its MAC.
    pub mac: [u8; 6],
}

impl Announcer {
    /// Of the link `eth0` of `ns`.
    pub fn new(ns: &Namespace) -> Result<Announcer> {
        ns.run(|| {
            let mut links = getifaddrs()?.filter(|entry| entry.interface_name == "eth0");
            let link = links.find_map(|entry| entry.address?.as_link_addr().copied());
            let link = link.context("there is no eth0")?;
            // It hears one protocol, of which nothing ever comes here.
            let (flags, protocol) = (SockFlag::SOCK_CLOEXEC, SockProtocol::EthLoop);
            let socket = socket(AddressFamily::Packet, SockType::Raw, flags, protocol)?;
            Ok(Announcer { socket, link, mac: link.addr().context("eth0 has no MAC")? })
        })?
    }

    /// "`address` is here", once.
    pub fn announce(&self, address: Ipv4Addr) -> Result<()> {
        let frame = ArpFrame::gratuitous(self.mac, address).bytes();
        sendto(self.socket.as_raw_fd(), &frame, &self.link, MsgFlags::empty())?;
        Ok(())
    }
}
