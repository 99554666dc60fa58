//! Showing that nothing came: a packet is seen to enter the gateway, and then not to have left it.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use anyhow::Result;

use super::{Frame, Sniffer, ping};
use crate::lab::{self, Lab, Namespace};
use crate::wait::wait_for;

/// Watchers before and behind the gateway, and at the client.
pub struct Watch<'a> {
    lab: &'a Lab,
    inside: Sniffer,
    outside: Sniffer,
    client: Sniffer,
}

/// Bytes of the echo request that marks the end of a watch: no other packet has this size.
const MARK: usize = 777;
/// For what should happen at once and may be slow on a busy machine.
const SOON: Duration = Duration::from_secs(5);
/// Where a sender tries its luck.
const UDP_PORTS: [u16; 4] = [53, 80, 443, 7000];

impl<'a> Watch<'a> {
    /// Starts to watch.
    pub fn start(lab: &'a Lab) -> Result<Watch<'a>> {
        Ok(Watch {
            lab,
            inside: Sniffer::start(&lab.gateway, "in0")?,
            outside: Sniffer::start(&lab.core, "gateway")?,
            client: Sniffer::start(&lab.client, "eth0")?,
        })
    }

    /// Sends UDP and ICMP from `source` in `vm`, whose MAC is `mac`, to the client. Returns the number of packets once
    /// the gateway got them.
    pub fn send(&self, vm: &Namespace, mac: &str, source: Ipv4Addr) -> Result<usize> {
        let before = self.entered(mac, source);
        vm.run(|| -> std::io::Result<()> {
            let socket = UdpSocket::bind((source, 0))?;
            for port in UDP_PORTS {
                socket.send_to(b"let me out", SocketAddrV4::new(lab::CLIENT, port))?;
            }
            Ok(())
        })??;
        // Nobody answers; that the gateway got it is what counts.
        let _ = ping(vm, source, lab::CLIENT, 56, Duration::from_millis(20));
        wait_for("the packets to reach the gateway", SOON, || match self.entered(mac, source) - before {
            all if all > UDP_PORTS.len() => Ok(all),
            some => Err(format!("{some}")),
        })
    }

    /// How many packets from this MAC with this source came to the gateway.
    fn entered(&self, mac: &str, source: Ipv4Addr) -> usize {
        let from = |frame: &Frame| sent_by(frame, source) && frame.source_mac_text() == mac;
        self.inside.select(|frame| !frame.outgoing && from(frame)).len()
    }

    /// The frames that left the gateway, or reached the client by it, and that `bad` accepts. Waits until everything
    /// the gateway sent before this call has passed the watchers.
    pub fn passed(&self, bad: impl Fn(&Frame) -> bool) -> Result<Vec<Frame>> {
        ping(&self.lab.gateway, lab::GATEWAY_OUTSIDE, lab::CLIENT, MARK, SOON)?;
        let marked = |frame: &Frame| {
            frame.ip().is_some_and(|ip| ip.source == lab::GATEWAY_OUTSIDE && ip.ports == (8, 0))
                && frame.payload.len() == 28 + MARK
        };
        self.outside.wait_for("the mark behind the gateway", SOON, marked)?;
        self.client.wait_for("the mark at the client", SOON, marked)?;
        // What the client sends to and gets by its second address belongs to the plain router.
        let plain = |frame: &Frame| frame.mentions(lab::CLIENT_PLAIN);
        let mut frames = self.outside.select(|frame| !frame.outgoing && bad(frame) && !plain(frame));
        frames.extend(self.client.select(|frame| bad(frame) && !plain(frame)));
        Ok(frames)
    }
}

/// Whether this is an IPv4 packet from `source`.
pub fn sent_by(frame: &Frame, source: Ipv4Addr) -> bool {
    frame.ip().is_some_and(|ip| ip.source == source)
}

/// Whether a private address of the laboratory stands anywhere in it.
pub fn is_private(frame: &Frame) -> bool {
    [lab::HAVIP, lab::HAVIP_2, lab::VM_A, lab::VM_B, lab::HOST_C]
        .iter()
        .any(|address| frame.mentions(*address))
}

/// What went where, for messages.
pub fn shown(frames: &[Frame]) -> String {
    let lines = frames.iter().take(5).map(|frame| match frame.ip() {
        Some(ip) => format!("{} -> {} protocol {}", ip.source, ip.destination, ip.protocol),
        None => format!("{:?}", frame.arp()),
    });
    lines.collect::<Vec<_>>().join("; ")
}
