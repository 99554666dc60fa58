//! A packet that crosses the gateway, and what it must be at the other end to the last byte: every checksum is computed
//! here again and compared.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use mooring_tests::{
    lab::{self, Lab, Namespace},
    probe::{Frame, Sniffer},
};

use crate::{
    bytes::Packet,
    carried::{Carried, EIP, SOON},
};

/// What each router on the way takes off the TTL: two of the internet, and the gateway.
pub const HOPS: u8 = 3;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the EIP.
    In,
    /// From the HAVIP to the client.
    Out,
}

pub const BOTH: [Way; 2] = [Way::In, Way::Out];

/// A packet between these two.
pub type Make<'a> = &'a dyn Fn(Ipv4Addr, Ipv4Addr) -> Packet;

impl Way {
    fn sender(self, lab: &Lab) -> &Namespace {
        if self == Way::In { &lab.client } else { &lab.vm_a }
    }

    fn receiver(self, lab: &Lab) -> &Namespace {
        if self == Way::In { &lab.vm_a } else { &lab.client }
    }

    /// Source and destination as the sender writes them.
    pub fn sent(self) -> (Ipv4Addr, Ipv4Addr) {
        if self == Way::In { (lab::CLIENT, EIP) } else { (lab::HAVIP, lab::CLIENT) }
    }

    /// Source and destination as the receiver sees them.
    pub fn seen(self) -> (Ipv4Addr, Ipv4Addr) {
        if self == Way::In { (lab::CLIENT, lab::HAVIP) } else { (EIP, lab::CLIENT) }
    }
}

/// Sends each of them in this order, and sees each arrive as it would have been made between the addresses at that end.
pub fn cross(net: &Carried, way: Way, packets: &[Make]) -> Result<()> {
    let made = |(source, destination)| -> Vec<_> {
        packets.iter().map(|packet| packet(source, destination)).collect()
    };
    arrive(net, way, &made(way.sent()), &made(way.seen()))
}

/// Sends these, and sees those arrive.
pub fn arrive(net: &Carried, way: Way, sent: &[Packet], expected: &[Packet]) -> Result<()> {
    let sniffer = Sniffer::start(way.receiver(&net.lab), "eth0")?;
    sent.iter().try_for_each(|packet| packet.send(way.sender(&net.lab)))?;
    for packet in expected {
        let expected = Packet { ttl: packet.ttl - HOPS, ..packet.clone() }.bytes();
        let arrived = sniffer.wait_for("the packet", SOON, |frame| datagram(frame) == Some(&expected));
        arrived.with_context(|| {
            let all = sniffer.select(|frame| frame.ip().is_some_and(|ip| ip.source == packet.source));
            let all: Vec<_> = all.iter().filter_map(datagram).map(|bytes| format!("{bytes:02x?}")).collect();
            format!("{way:?}: {expected:02x?} did not come; what did:\n{}", all.join("\n"))
        })?;
    }
    Ok(())
}

/// The frame's IPv4 packet, without what filled the frame up.
pub fn datagram(frame: &Frame) -> Option<&[u8]> {
    frame.ip()?;
    let length = u16::from_be_bytes([*frame.payload.get(2)?, *frame.payload.get(3)?]);
    frame.payload.get(..usize::from(length))
}
