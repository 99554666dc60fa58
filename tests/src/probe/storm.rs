//! Frames of ARP as anybody on a segment can send them: one, or 100 000 a second.

use std::{
    net::Ipv4Addr,
    os::fd::{AsRawFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    net::if_::if_nametoindex,
    sys::socket::{
        AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike as _, bind, send, socket,
    },
};

use super::worker::{Stop, Worker};
use crate::lab::Namespace;

/// Frames are sent in parts, one in each millisecond.
const PART: Duration = Duration::from_millis(1);
/// The longest that a storm lasts, whoever forgets it.
const LONGEST: Duration = Duration::from_secs(60);

/// A frame of ARP to everybody.
#[derive(Debug, Clone, Copy)]
pub struct ArpFrame {
    /// 1: a request; 2: a reply.
    pub operation: u8,
    /// The MAC in the Ethernet header and in ARP.
    pub mac: [u8; 6],
    /// Who is said to be at that MAC.
    pub sender: Ipv4Addr,
    /// Who is asked for, or told.
    pub target: Ipv4Addr,
}

impl ArpFrame {
    /// `address` announces itself.
    pub fn gratuitous(mac: [u8; 6], address: Ipv4Addr) -> ArpFrame {
        ArpFrame { operation: 1, mac, sender: address, target: address }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let header = [8, 6, 0, 1, 8, 0, 6, 4, 0, self.operation];
        let (sender, target) = (self.sender.octets(), self.target.octets());
        [&[0xff; 6][..], &self.mac, &header, &self.mac, &sender, &[0; 6], &target].concat()
    }
}

/// The bytes of a MAC as text.
pub fn mac_bytes(text: &str) -> Result<[u8; 6]> {
    let mac: mooring_domain::address::Mac = text.parse()?;
    Ok(mac.0)
}

/// Sends frames through `eth0`, one after the other.
pub fn send_frames(ns: &Namespace, frames: &[Vec<u8>]) -> Result<()> {
    let socket = ns.run(|| open("eth0"))?.with_context(|| format!("sending from {}", ns.role()))?;
    for frame in frames {
        send(socket.as_raw_fd(), frame, MsgFlags::empty())?;
    }
    Ok(())
}

/// Sends from its start until it is dropped, a minute at most.
pub struct Storm {
    sent: Arc<AtomicU64>,
    begun: Instant,
    worker: Option<Worker>,
}

impl Storm {
    /// Sends these frames through `eth0` again and again, so many in a second if the machine can.
    pub fn start(ns: &Namespace, frames: Vec<Vec<u8>>, rate: usize) -> Result<Storm> {
        let socket = ns.run(|| open("eth0"))?.with_context(|| format!("a storm from {}", ns.role()))?;
        let sent = Arc::new(AtomicU64::new(0));
        let its = sent.clone();
        let worker = Worker::start(move |stop| blow(&socket, &frames, rate, &its, &stop));
        Ok(Storm { sent, begun: Instant::now(), worker: Some(worker) })
    }

    /// How many frames went out so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// For how long it has lasted.
    pub fn lasted(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Ends it; how many frames went out, and in which time.
    pub fn finish(mut self) -> (u64, Duration) {
        self.worker = None;
        (self.sent(), self.lasted())
    }
}

fn blow(socket: &OwnedFd, frames: &[Vec<u8>], rate: usize, sent: &AtomicU64, stop: &Stop) {
    let begun = Instant::now();
    let mut frames = frames.iter().cycle();
    let mut gone = 0;
    while !stop.asked() && begun.elapsed() < LONGEST {
        let wanted = begun.elapsed().as_secs_f64() * rate as f64;
        // What was missed while others had the processor is not made up for at once.
        let part = (wanted as usize).saturating_sub(gone).min(rate / 100);
        for frame in frames.by_ref().take(part) {
            // A queue that is full drops it, as a switch would.
            sent.fetch_add(
                u64::from(send(socket.as_raw_fd(), frame, MsgFlags::empty()).is_ok()),
                Ordering::Relaxed,
            );
        }
        gone = wanted as usize;
        std::thread::sleep(PART);
    }
}

pub(super) fn open(link: &str) -> nix::Result<OwnedFd> {
    let index = if_nametoindex(link)?;
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: 0,
        sll_ifindex: index.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: it is a whole `sockaddr_ll`, and the length is its own.
    #[allow(unsafe_code, reason = "no crate we have makes a link-layer address")]
    let address = unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) };
    bind(socket.as_raw_fd(), &address.ok_or(nix::errno::Errno::EINVAL)?)?;
    Ok(socket)
}
