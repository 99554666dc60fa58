//! Reading a captured Ethernet frame as far as the tests need it.

use std::net::Ipv4Addr;
use std::time::Instant;

/// A captured frame.
#[derive(Debug, Clone)]
pub struct Frame {
    /// When it was read.
    pub at: Instant,
    /// Whether the host sent it (`false`: it arrived).
    pub outgoing: bool,
    /// Source MAC.
    pub source_mac: [u8; 6],
    /// Destination MAC.
    pub destination_mac: [u8; 6],
    /// The frame without its Ethernet header.
    pub payload: Vec<u8>,
    /// EtherType.
    pub ethertype: u16,
}

/// The head of an IPv4 packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip {
    /// Source.
    pub source: Ipv4Addr,
    /// Destination.
    pub destination: Ipv4Addr,
    /// 1 ICMP, 6 TCP, 17 UDP, 112 VRRP.
    pub protocol: u8,
    /// Source and destination port; for ICMP type and code. Zeros in fragments after the first.
    pub ports: (u16, u16),
}

/// An ARP packet for IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// Who says so.
    pub sender_mac: [u8; 6],
    /// What it says it has.
    pub sender: Ipv4Addr,
    /// What is asked for.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Whether this is an announcement and not a question about another.
    pub fn is_gratuitous(&self) -> bool {
        self.sender == self.target
    }
}

impl Frame {
    /// `None` if it is too short for an Ethernet header.
    pub(super) fn parse(bytes: &[u8], outgoing: bool) -> Option<Frame> {
        Some(Frame {
            at: Instant::now(),
            outgoing,
            destination_mac: array(bytes, 0)?,
            source_mac: array(bytes, 6)?,
            ethertype: u16::from_be_bytes(array(bytes, 12)?),
            payload: bytes.get(14..)?.to_vec(),
        })
    }

    /// The source MAC as people write it.
    pub fn source_mac_text(&self) -> String {
        self.source_mac.map(|byte| format!("{byte:02x}")).join(":")
    }

    /// The IPv4 head, if it is an IPv4 packet.
    pub fn ip(&self) -> Option<Ip> {
        let packet = &self.payload;
        if self.ethertype != 0x0800 {
            return None;
        }
        let protocol = *packet.get(9)?;
        let fragment_offset = u16::from_be_bytes(array(packet, 6)?) & 0x1fff;
        let transport = usize::from(packet.first()? & 0x0f) * 4;
        let ports = match (fragment_offset, protocol) {
            (0, 1) => (u16::from(*packet.get(transport)?), u16::from(*packet.get(transport + 1)?)),
            (0, 6 | 17) => (
                u16::from_be_bytes(array(packet, transport)?),
                u16::from_be_bytes(array(packet, transport + 2)?),
            ),
            _ => (0, 0),
        };
        Some(Ip { source: address(packet, 12)?, destination: address(packet, 16)?, protocol, ports })
    }

    /// The ARP packet, if it is one.
    pub fn arp(&self) -> Option<Arp> {
        if self.ethertype != 0x0806 {
            return None;
        }
        Some(Arp {
            operation: u16::from_be_bytes(array(&self.payload, 6)?),
            sender_mac: array(&self.payload, 8)?,
            sender: address(&self.payload, 14)?,
            target: address(&self.payload, 24)?,
        })
    }

    /// Whether this address stands anywhere in an IPv4 packet or ARP, also inside a quoted header of an ICMP error.
    pub fn mentions(&self, private: Ipv4Addr) -> bool {
        matches!(self.ethertype, 0x0800 | 0x0806)
            && self.payload.windows(4).any(|bytes| bytes == private.octets())
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn address(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    array::<4>(bytes, at).map(Ipv4Addr::from)
}

/// The Internet checksum (RFC 1071): what belongs into the field while it is zero; 0 over data that has a right one.
pub fn checksum(bytes: &[u8]) -> u16 {
    let pairs = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = pairs.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}
