//! The gateway's own ICMP errors about packets that it does not pass on.

use std::net::Ipv4Addr;

use super::{
    Arrival, Fate, Gateway, Stopped,
    checksum::checksum,
    packet::{HEADER, ICMP, ICMP_HEADER, Packet},
};

const UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
const TIME_EXCEEDED: u8 = 11;
/// An error is no longer than every host takes (RFC 1812), all headers included.
const LONGEST: usize = 576;
/// As Linux marks its errors: "internetwork control".
const PRECEDENCE: u8 = 0xc0;
const TTL: u8 = 64;

/// The error about a packet that got as far as this, if there is one.
pub(super) fn about(gateway: &Gateway, packet: &Packet, fate: &Fate, arrival: &Arrival) -> Option<Packet> {
    let (kind, code, rest) = match fate {
        Fate::Dropped(Stopped::Expired) => (TIME_EXCEEDED, 0, 0),
        Fate::Dropped(Stopped::TooLarge(mtu)) => (UNREACHABLE, FRAGMENTATION_NEEDED, u32::from(*mtu)),
        _ => return None,
    };
    // Nobody answers an error, or any but the first fragment, with an error.
    if packet.is_error() || packet.fragment() > 0 {
        return None;
    }
    let to = packet.source();
    let unknown = Ipv4Addr::UNSPECIFIED;
    let side = gateway.route(to).unwrap_or(arrival.side);
    let from = gateway.address_towards(to, side).unwrap_or(unknown);
    let quoted = &packet.0[..packet.0.len().min(LONGEST - HEADER - ICMP_HEADER)];
    Some(Packet::whole(PRECEDENCE, TTL, (from, to), ICMP, &message(kind, code, rest, quoted)))
}

/// An ICMP message with its checksum.
pub(super) fn message(kind: u8, code: u8, rest: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend(rest.to_be_bytes());
    bytes.extend(data);
    let sum = checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

impl Packet {
    /// In one piece, without options, between two addresses, with the checksum of its header.
    pub(super) fn whole(
        service: u8,
        ttl: u8,
        (source, destination): (Ipv4Addr, Ipv4Addr),
        protocol: u8,
        payload: &[u8],
    ) -> Self {
        let length = u16::try_from(HEADER + payload.len()).unwrap_or(u16::MAX);
        let mut bytes = vec![0x45, service];
        bytes.extend(length.to_be_bytes());
        bytes.extend([0, 0, 0, 0, ttl, protocol, 0, 0]);
        bytes.extend(source.octets());
        bytes.extend(destination.octets());
        let sum = checksum(&bytes);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes.extend(payload);
        Self(bytes)
    }
}
