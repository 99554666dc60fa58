//! What the fence dropped, as the kernel's packet log copies it to us.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsFd, BorrowedFd},
};

use mooring_domain::{address::Mac, nat::ruleset::FENCE_GROUP};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_netfilter::{
    NetfilterMessage, NetfilterProtoFamily,
    nflog::{ConfigCmd, ConfigMode, config_request},
};
use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use nix::sys::{
    socket::{setsockopt, sockopt},
    time::TimeVal,
};

use super::Seen;
use crate::{Fault, kernel::attribute as read};

const OPERATION: &str = "listen to what the fence drops";
const NET_ADMIN: &str = "CAP_NET_ADMIN";
const DATAGRAM: usize = 64 << 10;
/// Behind the netlink header (16 bytes) and netfilter's own (4).
const ATTRIBUTES: usize = 20;
const NFULA_HWADDR: u16 = 8;
const NFULA_PAYLOAD: u16 = 9;

/// A netlink socket that is the one listener of the fence's group.
#[derive(Debug)]
pub(super) struct Fenced {
    socket: Socket,
    buffer: Vec<u8>,
}

impl AsFd for Fenced {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Fenced {
    pub(super) fn open() -> Result<Self, Fault> {
        let fault = |source: io::Error| Fault::kernel(OPERATION, NET_ADMIN, source);
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(fault)?;
        socket.bind_auto().map_err(fault)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(5, 0))
            .map_err(|errno| fault(errno.into()))?;
        let config = vec![ConfigCmd::Bind.into(), ConfigMode::PACKET_MAX.into()];
        let request = config_request(NetfilterProtoFamily::IPv4, FENCE_GROUP, config);
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        socket.send(&bytes, 0).map_err(fault)?;
        acknowledged(&socket)?;
        socket.set_non_blocking(true).map_err(fault)?;
        Ok(Self { socket, buffer: vec![0; DATAGRAM] })
    }

    pub(super) fn take(&mut self, most: usize, seen: &mut Vec<Seen>) -> Result<(), Fault> {
        for _ in 0..most {
            let size = match self.socket.recv(&mut &mut self.buffer[..], 0) {
                Ok(size) => size,
                Err(source) if source.raw_os_error() == Some(libc::ENOBUFS) => {
                    seen.push(Seen::Lost);
                    continue;
                }
                Err(source)
                    if matches!(source.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
                {
                    break;
                }
                Err(source) => return Err(Fault::kernel(OPERATION, NET_ADMIN, source)),
            };
            let mut datagram = self.buffer.get(..size).unwrap_or_default();
            while let Some((message, rest)) = split(datagram) {
                seen.extend(fenced(message));
                datagram = rest;
            }
        }
        Ok(())
    }
}

fn acknowledged(socket: &Socket) -> Result<(), Fault> {
    let mut buffer = vec![0; DATAGRAM];
    let size =
        socket.recv(&mut &mut buffer[..], 0).map_err(|source| Fault::kernel(OPERATION, NET_ADMIN, source))?;
    let answer = NetlinkMessage::<NetfilterMessage>::deserialize(buffer.get(..size).unwrap_or_default())
        .map_err(|error| Fault::answer(OPERATION, error.to_string()))?;
    let NetlinkPayload::Error(error) = answer.payload else {
        return Err(Fault::answer(OPERATION, "no acknowledgement"));
    };
    match error.code {
        None => Ok(()),
        Some(_) if matches!(error.to_io().raw_os_error(), Some(libc::EBUSY | libc::EPERM)) => {
            Err(Fault::AlreadyWatched { group: FENCE_GROUP })
        }
        Some(_) => Err(Fault::kernel(OPERATION, NET_ADMIN, error.to_io())),
    }
}

/// The first message of a datagram, and what follows it.
fn split(datagram: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_ne_bytes(*datagram.first_chunk()?) as usize;
    let message = datagram.get(..length).filter(|message| message.len() >= ATTRIBUTES)?;
    Some((message, datagram.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

fn fenced(message: &[u8]) -> Option<Seen> {
    let attributes = message.get(ATTRIBUTES..)?;
    // Two bytes of length and two of nothing stand before the MAC; twelve before the IP source.
    let mac = read::find(attributes, NFULA_HWADDR)?.get(4..10)?.try_into().ok().map(Mac)?;
    let source: [u8; 4] = read::find(attributes, NFULA_PAYLOAD)?.get(12..16)?.try_into().ok()?;
    mac.is_unicast().then_some(Seen::Fenced { address: Ipv4Addr::from(source), mac })
}
