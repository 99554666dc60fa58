//! UDP packets as quickly as one core can send them, each with addresses and ports of its own.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::frame::checksum;
use super::storm;
use super::worker::{Stop, Worker};
use crate::lab::Namespace;

/// Frames handed to the kernel at once.
const BATCH: usize = 64;
/// Ethernet, IPv4, UDP and 18 bytes: the smallest frame of a real link.
const LENGTH: usize = 60;
const IP: usize = 14;
const UDP: usize = IP + 20;

/// What the packets look like.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Sent from this MAC.
    pub from_mac: [u8; 6],
    /// To this one.
    pub to_mac: [u8; 6],
    /// The first source, and how many from it on are drawn from.
    pub sources: (Ipv4Addr, u32),
    /// The first destination, and how many from it on are drawn from.
    pub destinations: (Ipv4Addr, u32),
    /// How many flows there are with each pair of addresses. `None`: each packet is a flow of its own.
    pub flows: Option<u16>,
}

/// Sends from its start until it is dropped.
pub struct Flood {
    sent: Arc<AtomicU64>,
    _worker: Worker,
}

impl Flood {
    /// Sends such packets through `eth0` of a namespace, from this core alone.
    pub fn start(ns: &Namespace, stream: Stream, core: usize) -> Result<Flood> {
        let socket =
            ns.run(|| storm::open("eth0"))?.with_context(|| format!("a flood from {}", ns.role()))?;
        go_past_the_queue(&socket)?;
        let sent = Arc::new(AtomicU64::new(0));
        let its = sent.clone();
        let worker = Worker::start(move |stop| {
            let mut cores = CpuSet::new();
            let _ = cores.set(core);
            let _ = sched_setaffinity(Pid::from_raw(0), &cores);
            Frames::new(stream).send(&socket, &its, &stop);
        });
        Ok(Flood { sent, _worker: worker })
    }

    /// How many went out so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// Frames go straight to the link.
#[allow(unsafe_code, reason = "no crate we have knows this option")]
fn go_past_the_queue(socket: &OwnedFd) -> Result<()> {
    let on: libc::c_int = 1;
    let (level, option) = (libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS);
    // SAFETY: the value is a whole `int`, and the length is its own.
    let set = unsafe {
        let length = size_of::<libc::c_int>() as libc::socklen_t;
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), length)
    };
    ensure!(set == 0, "PACKET_QDISC_BYPASS: {}", std::io::Error::last_os_error());
    Ok(())
}

/// A batch of frames.
struct Frames {
    stream: Stream,
    random: fastrand::Rng,
    bytes: Vec<[u8; LENGTH]>,
    count: u32,
}

impl Frames {
    fn new(stream: Stream) -> Frames {
        let mut frame = [0; LENGTH];
        frame[..6].copy_from_slice(&stream.to_mac);
        frame[6..12].copy_from_slice(&stream.from_mac);
        frame[12..IP + 2].copy_from_slice(&[8, 0, 0x45, 0]);
        frame[IP + 3] = (LENGTH - IP) as u8;
        (frame[IP + 8], frame[IP + 9]) = (64, 17);
        frame[UDP + 5] = (LENGTH - UDP) as u8;
        // The same packets in every run.
        Frames { stream, random: fastrand::Rng::with_seed(7), bytes: vec![frame; BATCH], count: 0 }
    }

    /// Other addresses and ports in every frame, and the checksums that they need.
    fn draw(&mut self) {
        let Stream { sources, destinations, flows, .. } = self.stream;
        for frame in &mut self.bytes {
            self.count = self.count.wrapping_add(1);
            let mut drawn = |(first, many): (Ipv4Addr, u32)| match many {
                1 => first.to_bits(),
                many => first.to_bits() + self.random.u32(..many),
            };
            let (source, destination) = (drawn(sources).to_be_bytes(), drawn(destinations).to_be_bytes());
            let ports = match flows {
                Some(flows) => 1024 + self.count % u32::from(flows),
                // 60 000 source ports; then the next destination port.
                None => 1024 + self.count % 60_000 + (self.count / 60_000 % 60_000) * 65_536,
            };
            frame[IP + 12..IP + 16].copy_from_slice(&source);
            frame[IP + 16..UDP].copy_from_slice(&destination);
            frame[UDP..UDP + 2].copy_from_slice(&(ports as u16).to_be_bytes());
            frame[UDP + 2..UDP + 4].copy_from_slice(&((ports >> 16) as u16 + 1).to_be_bytes());
            (frame[IP + 10], frame[IP + 11], frame[UDP + 6], frame[UDP + 7]) = (0, 0, 0, 0);
            let sum = checksum(&frame[IP..UDP]).to_be_bytes();
            frame[IP + 10..IP + 12].copy_from_slice(&sum);
            let sum = udp_checksum(frame).to_be_bytes();
            frame[UDP + 6..UDP + 8].copy_from_slice(&sum);
        }
    }

    fn send(&mut self, socket: &OwnedFd, sent: &AtomicU64, stop: &Stop) {
        while !stop.asked() {
            self.draw();
            sent.fetch_add(send_all(socket, &mut self.bytes), Ordering::Relaxed);
        }
    }
}

/// Of the packet with its pseudo header; its payload is zeros.
fn udp_checksum(frame: &[u8; LENGTH]) -> u16 {
    let length = (LENGTH - UDP) as u8;
    let mut summed = [0; 20];
    summed[..8].copy_from_slice(&frame[IP + 12..UDP]);
    (summed[9], summed[11]) = (17, length);
    summed[12..].copy_from_slice(&frame[UDP..UDP + 8]);
    match checksum(&summed) {
        0 => 0xffff,
        sum => sum,
    }
}

/// How many of them the kernel took.
#[allow(unsafe_code, reason = "nix borrows the frames for as long as its headers live")]
fn send_all(socket: &OwnedFd, frames: &mut [[u8; LENGTH]]) -> u64 {
    let mut slices: Vec<libc::iovec> = frames
        .iter_mut()
        .map(|frame| libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: LENGTH })
        .collect();
    let mut headers: Vec<libc::mmsghdr> = slices
        .iter_mut()
        .map(|slice| {
            // SAFETY: zeros are a header without address, control data and flags.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_iov = slice;
            header.msg_hdr.msg_iovlen = 1;
            header
        })
        .collect();
    // SAFETY: as many headers as there are, each with one slice; both live until the call returns.
    let taken = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), headers.len() as u32, 0) };
    u64::try_from(taken).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_has_addresses_within_what_was_asked_for_and_right_checksums() {
        let stream = Stream {
            from_mac: [2; 6],
            to_mac: [4; 6],
            sources: (Ipv4Addr::new(198, 51, 100, 1), 1),
            destinations: (Ipv4Addr::new(11, 1, 0, 0), 1000),
            flows: None,
        };
        let mut frames = Frames::new(stream);
        frames.draw();
        let mut ports = std::collections::BTreeSet::new();
        for frame in &frames.bytes {
            assert_eq!(checksum(&frame[IP..UDP]), 0);
            let pseudo = [&frame[IP + 12..UDP], &[0, 17, 0, 26], &frame[UDP..]].concat();
            assert_eq!(checksum(&pseudo), 0);
            assert_eq!(frame[IP + 12..IP + 16], [198, 51, 100, 1]);
            assert_eq!(frame[IP + 16..IP + 18], [11, 1]);
            assert!(ports.insert(frame[UDP..UDP + 4].to_vec()), "each is a flow of its own");
        }
    }
}
