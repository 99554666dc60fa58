//! Changes of the place's two links: a link that goes down takes neighbours and routes with it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::{Fault, Place, kernel::attribute as read};

const OPERATION: &str = "listen to changes of links";
/// The group of all changes of links.
const RTMGRP_LINK: u32 = 1;
/// Behind the netlink header (16 bytes) and the link's own (16).
const ATTRIBUTES: usize = 32;
const IFLA_IFNAME: u16 = 3;
const DATAGRAM: usize = 64 << 10;
/// The most that is taken at a time: with one of ours among them, the rest says nothing new.
const MOST: usize = 1024;

/// A netlink socket that hears of links.
#[derive(Debug)]
pub(super) struct Links {
    socket: Socket,
    names: [String; 2],
    buffer: Vec<u8>,
}

impl AsFd for Links {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Links {
    pub(super) fn open(place: &Place) -> Result<Self, Fault> {
        let fault = |source| Fault::kernel(OPERATION, "CAP_NET_ADMIN", source);
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(fault)?;
        socket.bind(&SocketAddr::new(0, RTMGRP_LINK)).map_err(fault)?;
        socket.set_non_blocking(true).map_err(fault)?;
        Ok(Self { socket, names: [place.inside.clone(), place.outside.clone()], buffer: vec![0; DATAGRAM] })
    }

    /// Whether one of the two changed, or may have.
    pub(super) fn changed(&mut self) -> Result<bool, Fault> {
        let mut changed = false;
        for _ in 0..MOST {
            match self.socket.recv(&mut &mut self.buffer[..], 0) {
                Ok(size) => changed |= self.is_ours(size),
                Err(source) if source.raw_os_error() == Some(libc::ENOBUFS) => changed = true,
                Err(source)
                    if matches!(source.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
                {
                    break;
                }
                Err(source) => return Err(Fault::kernel(OPERATION, "CAP_NET_ADMIN", source)),
            }
        }
        Ok(changed)
    }

    fn is_ours(&self, size: usize) -> bool {
        let attributes = self.buffer.get(ATTRIBUTES..size).unwrap_or_default();
        let name = read::text(attributes, IFLA_IFNAME);
        name.is_some_and(|name| self.names.iter().any(|ours| ours == name))
    }
}
