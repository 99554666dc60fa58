//! When elements came into nftables' sets, as the kernel tells: with the time at which it was read, which is later than the
//! change.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use mooring_dataplane::urgent::go_first;
use mooring_domain::Timestamp;
use nix::sys::{
    socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType},
    socket::{MsgFlags, bind, recv, setsockopt, socket, sockopt},
    time::{TimeVal, TimeValLike as _},
};

use super::worker::{Stop, Worker};
use crate::lab::Namespace;

/// The group of changes of nftables, as a bit.
const NFTABLES: u32 = 1 << (7 - 1);
/// A message's type: nftables' subsystem, and that an element is new.
const NEW_ELEMENT: u16 = 10 << 8 | 12;
/// Bytes of messages that may wait to be read.
const RECEIVE_BUFFER: usize = 64 << 20;

/// Messages about new elements, and when they were read.
type Seen = Arc<Mutex<Vec<(Timestamp, Vec<u8>)>>>;

/// Listens until it is dropped.
pub struct NewElements {
    seen: Seen,
    _worker: Worker,
}

impl NewElements {
    /// Every new element after this is seen.
    pub fn start(ns: &Namespace) -> Result<NewElements> {
        let socket = ns.run(open)?.context("listening to changes of nftables")?;
        let seen = Seen::default();
        let its = seen.clone();
        Ok(NewElements { seen, _worker: Worker::start(move |stop| listen(&socket, &its, &stop)) })
    }

    /// Forgets what it has seen.
    pub fn forget(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// When an element with this address was seen first.
    pub fn first(&self, address: Ipv4Addr) -> Option<Timestamp> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |message: &[u8]| message.windows(4).any(|bytes| bytes == address.octets());
        seen.iter().find(|(_, message)| has(message)).map(|(at, _)| *at)
    }
}

fn open() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkNetFilter)?;
    setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(20))?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, NFTABLES))?;
    Ok(socket)
}

fn listen(socket: &OwnedFd, seen: &Mutex<Vec<(Timestamp, Vec<u8>)>>, stop: &Stop) {
    // As soon as whoever changed it: otherwise the time is that at which others left it a processor.
    let _ = go_first(1);
    let mut buffer = vec![0; 256 << 10];
    while !stop.asked() {
        let Ok(length) = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) else { continue };
        let at = mooring_ledger::now();
        let datagram = &buffer[..length];
        if new_element(datagram) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push((at, datagram.to_vec()));
        }
    }
}

/// Whether any message of a datagram says so.
fn new_element(mut datagram: &[u8]) -> bool {
    while let Some(header) = datagram.first_chunk::<16>() {
        let [a, b, c, d, low, high, ..] = *header;
        if u16::from_ne_bytes([low, high]) == NEW_ELEMENT {
            return true;
        }
        let length = (u32::from_ne_bytes([a, b, c, d]) as usize).max(16).next_multiple_of(4);
        datagram = datagram.get(length..).unwrap_or_default();
    }
    false
}
