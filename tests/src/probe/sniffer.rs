//! A watcher of every frame on one link.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::frame::Frame;
use super::worker::{Stop, Worker};
use crate::lab::Namespace;
use crate::wait::wait_for;

/// Bytes of frames that may wait to be read.
const RECEIVE_BUFFER: usize = 16 << 20;

/// Watches from its start until it is dropped. Every frame that passes after [`Sniffer::start`] returned is seen.
pub struct Sniffer {
    frames: Arc<Mutex<Vec<Frame>>>,
    _worker: Worker,
}

impl Sniffer {
    /// Watches both directions of `link` in `ns`.
    pub fn start(ns: &Namespace, link: &str) -> Result<Sniffer> {
        let (socket, index) = ns.run(|| open(link))?.with_context(|| format!("watching {link}"))?;
        let frames = Arc::new(Mutex::new(Vec::new()));
        let seen = frames.clone();
        let worker = Worker::start(move |stop| watch(&socket, index, &seen, &stop));
        Ok(Sniffer { frames, _worker: worker })
    }

    /// Every frame so far, in order.
    pub fn frames(&self) -> Vec<Frame> {
        self.lock().clone()
    }

    /// The frames so far that `wanted` accepts.
    pub fn select(&self, wanted: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        self.lock().iter().filter(|frame| wanted(frame)).cloned().collect()
    }

    /// Waits for a frame that `wanted` accepts; one that has already passed counts.
    pub fn wait_for(&self, what: &str, timeout: Duration, wanted: impl Fn(&Frame) -> bool) -> Result<Frame> {
        wait_for(what, timeout, || {
            let frames = self.lock();
            let found = frames.iter().find(|frame| wanted(frame)).cloned();
            found.ok_or_else(|| format!("{} other frames", frames.len()))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Frame>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(link: &str) -> io::Result<(OwnedFd, usize)> {
    let index = if_nametoindex(link)?;
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)?;
    setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(20))?;
    Ok((socket, index as usize))
}

fn watch(socket: &OwnedFd, index: usize, frames: &Mutex<Vec<Frame>>, stop: &Stop) {
    let mut buffer = vec![0; 65_536];
    while !stop.asked() {
        let Ok((length, Some(from))) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut buffer) else {
            continue;
        };
        if from.ifindex() != index {
            continue;
        }
        let outgoing = from.pkttype() == libc::PACKET_OUTGOING;
        if let Some(frame) = Frame::parse(&buffer[..length], outgoing) {
            frames.lock().unwrap_or_else(PoisonError::into_inner).push(frame);
        }
    }
}
