//! A packet as a person describes it.

use std::net::Ipv4Addr;

use super::{
    checksum::checksum,
    errors::message,
    packet::{HEADER, ICMP, ICMP_HEADER, Packet, TCP, UDP},
};

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An ICMP echo request.
    Echo,
    /// An ICMP message of this kind and code that is no error.
    Icmp(u8, u8),
    /// An ICMP error of this kind and code, about another packet.
    Error(u8, u8, Quote),
    /// TCP or UDP with its ports, or any other protocol without.
    Other {
        /// As in the IP header.
        protocol: u8,
        /// Source and destination.
        ports: (u16, u16),
    },
}

/// The packet that an error is about, as its sender got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Its source.
    pub source: Ipv4Addr,
    /// Its destination.
    pub destination: Ipv4Addr,
    /// As in its IP header.
    pub protocol: u8,
    /// Its ports.
    pub ports: (u16, u16),
}

/// A packet to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Make {
    /// Its source.
    pub source: Ipv4Addr,
    /// Its destination.
    pub destination: Ipv4Addr,
    /// What it carries.
    pub content: Content,
    /// How many routers it may pass.
    pub ttl: u8,
    /// Its length in bytes with all headers; `None`: what the headers need.
    pub length: Option<u16>,
    /// It must not be cut into fragments.
    pub whole: bool,
}

/// The description is of no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPacket {
    /// Its headers alone are longer.
    #[error("its headers alone have {0} bytes")]
    TooShort(usize),
}

impl Make {
    /// The packet, with every checksum as it must be.
    pub fn packet(&self) -> Result<Packet, NotAPacket> {
        let ends = (self.source, self.destination);
        let (protocol, mut payload) = match &self.content {
            Content::Echo => (ICMP, message(8, 0, 0x0001_0001, &[])),
            Content::Icmp(kind, code) => (ICMP, message(*kind, *code, 0, &[])),
            Content::Error(kind, code, quote) => {
                let quoted = with_ports((quote.source, quote.destination), quote.protocol, quote.ports, 0);
                let quoted = Packet::whole(0, 1, (quote.source, quote.destination), quote.protocol, &quoted);
                (ICMP, message(*kind, *code, 0, &quoted.0))
            }
            Content::Other { protocol, ports } => (*protocol, with_ports(ends, *protocol, *ports, 0)),
        };
        let headers = HEADER + payload.len();
        if let Some(length) = self.length.map(usize::from) {
            let data = length.checked_sub(headers).ok_or(NotAPacket::TooShort(headers))?;
            payload = match &self.content {
                Content::Other { protocol, ports } => with_ports(ends, *protocol, *ports, data),
                _ => lengthened(payload, data),
            };
        }
        let mut packet = Packet::whole(0, self.ttl, ends, protocol, &payload);
        if self.whole {
            packet.set_number(6, 0x4000);
            packet.set_number(10, 0);
            let sum = checksum(&packet.0[..HEADER]);
            packet.set_number(10, sum);
        }
        Ok(packet)
    }
}

/// An ICMP message with so much more data.
fn lengthened(mut message: Vec<u8>, data: usize) -> Vec<u8> {
    message.resize(message.len() + data, 0);
    message[2..4].fill(0);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// What stands behind the IP header: a TCP or UDP header with its checksum, or eight bytes of nothing, and the data.
fn with_ports(ends: (Ipv4Addr, Ipv4Addr), protocol: u8, ports: (u16, u16), data: usize) -> Vec<u8> {
    const SYN: [u8; 12] = [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0x10, 0];
    let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    let sum_at = match protocol {
        TCP => {
            bytes.extend(SYN);
            bytes.extend([0; 4]);
            Some(16)
        }
        UDP => {
            bytes.extend(u16::try_from(8 + data).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend([0; 2]);
            Some(6)
        }
        _ => {
            bytes = vec![0; ICMP_HEADER];
            None
        }
    };
    bytes.resize(bytes.len() + data, 0);
    if let Some(at) = sum_at {
        let mut pseudo = [ends.0.octets(), ends.1.octets()].concat();
        pseudo.extend([0, protocol]);
        pseudo.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
        pseudo.extend(&bytes);
        let sum = checksum(&pseudo);
        bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}
