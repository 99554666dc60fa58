//! Packets byte by byte, with every checksum as it must be: what is sent, and what must come out at the other end.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::Result;
use mooring_tests::{lab::Namespace, probe::checksum};
use socket2::{Domain, Protocol, Socket, Type};

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const SCTP: u8 = 132;

/// An IPv4 packet.
#[derive(Clone)]
pub struct Packet {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    /// The number that fragments of one packet share.
    pub id: u16,
    /// Flags and fragment offset.
    pub fragment: u16,
    pub options: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Packet {
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, payload: Vec<u8>) -> Self {
        Self { source, destination, protocol, ttl: 64, id: 0x4d6f, fragment: 0, options: Vec::new(), payload }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let header = 20 + self.options.len();
        let length = (header + self.payload.len()) as u16;
        let mut bytes = vec![0x40 | (header / 4) as u8, 0];
        bytes.extend(length.to_be_bytes());
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.fragment.to_be_bytes());
        bytes.extend([self.ttl, self.protocol, 0, 0]);
        bytes.extend(self.source.octets());
        bytes.extend(self.destination.octets());
        bytes.extend(&self.options);
        let sum = checksum(&bytes);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// With the checksum of its payload and its addresses at this place, which is zero before.
    pub fn sum(mut self, at: usize) -> Self {
        let mut pseudo = self.source.octets().to_vec();
        pseudo.extend(self.destination.octets());
        pseudo.extend([0, self.protocol]);
        pseudo.extend((self.payload.len() as u16).to_be_bytes());
        pseudo.extend(&self.payload);
        let sum = checksum(&pseudo);
        self.payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        self
    }

    /// Send it as it is, through the namespace's routes.
    pub fn send(&self, ns: &Namespace) -> Result<()> {
        let to = SocketAddrV4::new(self.destination, 0).into();
        ns.run(|| {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))?;
            socket.send_to(&self.bytes(), &to).map(|_| ())
        })??;
        Ok(())
    }
}

/// The UDP datagram of a packet between these two.
pub fn udp(source: SocketAddrV4, destination: SocketAddrV4, data: &[u8]) -> Packet {
    let mut payload = Vec::new();
    payload.extend(source.port().to_be_bytes());
    payload.extend(destination.port().to_be_bytes());
    payload.extend((8 + data.len() as u16).to_be_bytes());
    payload.extend([0, 0]);
    payload.extend(data);
    Packet::new(*source.ip(), *destination.ip(), UDP, payload).sum(6)
}

/// A TCP segment between these two.
pub fn tcp(source: SocketAddrV4, destination: SocketAddrV4, data: &[u8]) -> Packet {
    let mut payload = Vec::new();
    payload.extend(source.port().to_be_bytes());
    payload.extend(destination.port().to_be_bytes());
    payload.extend([0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x10, 0x10, 0, 0, 0, 0, 0]);
    payload.extend(data);
    Packet::new(*source.ip(), *destination.ip(), TCP, payload).sum(16)
}

/// An SCTP packet that asks for an association. Its CRC32c covers no address.
pub fn sctp(source: SocketAddrV4, destination: SocketAddrV4) -> Packet {
    let mut payload = Vec::new();
    payload.extend(source.port().to_be_bytes());
    payload.extend(destination.port().to_be_bytes());
    payload.extend([0; 8]);
    payload.extend([1, 0, 0, 20, 0, 0, 0, 7, 0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1]);
    let crc = crc32c(&payload).to_le_bytes();
    payload[8..12].copy_from_slice(&crc);
    Packet::new(*source.ip(), *destination.ip(), SCTP, payload)
}

fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}

/// An echo request.
pub fn echo(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    Packet::new(source, destination, ICMP, icmp(8, 0, 0x0001_0001, b"mooring"))
}

/// An ICMP message.
pub fn icmp(kind: u8, code: u8, rest: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend(rest.to_be_bytes());
    bytes.extend(data);
    let sum = checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}
