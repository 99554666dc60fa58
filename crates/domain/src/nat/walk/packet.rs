//! An IPv4 packet, byte by byte, as far as a gateway looks at it.

use std::net::Ipv4Addr;

use super::checksum::checksum;

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const UDP_LITE: u8 = 136;

/// Bytes of an IP header without options.
pub(super) const HEADER: usize = 20;
/// Bytes of an ICMP header.
pub(super) const ICMP_HEADER: usize = 8;

/// An IPv4 packet. Whatever is read beyond its end is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet(pub Vec<u8>);

/// What a flow is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// Who sends.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// As in the IP header.
    pub protocol: u8,
    /// Source and destination port; an echo's id in both; 0 where a protocol has none.
    pub ports: (u16, u16),
}

impl Tuple {
    /// The way back.
    pub const fn back(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            protocol: self.protocol,
            ports: (self.ports.1, self.ports.0),
        }
    }
}

impl Packet {
    /// Why a kernel would not even look at it; `None` if it would.
    pub fn flaw(&self) -> Option<&'static str> {
        let length = usize::from(self.number(2).unwrap_or(0));
        if self.0.len() < HEADER || self.0[0] >> 4 != 4 {
            Some("it is no IPv4 packet")
        } else if self.header() < HEADER || length < self.header() || length > self.0.len() {
            Some("its lengths do not fit")
        } else if checksum(&self.0[..self.header()]) != 0 {
            Some("the checksum of its header is wrong")
        } else {
            None
        }
    }

    /// Bytes of the header.
    pub fn header(&self) -> usize {
        usize::from(self.0.first().map_or(0, |first| first & 0x0f)) * 4
    }

    /// Who sent it.
    pub fn source(&self) -> Ipv4Addr {
        self.address(12).unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// To whom.
    pub fn destination(&self) -> Ipv4Addr {
        self.address(16).unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// As in the IP header: 1 ICMP, 6 TCP, 17 UDP.
    pub fn protocol(&self) -> u8 {
        self.0.get(9).copied().unwrap_or(0)
    }

    /// How many routers it may still pass.
    pub fn ttl(&self) -> u8 {
        self.0.get(8).copied().unwrap_or(0)
    }

    /// Whether it must not be cut into fragments.
    pub fn is_whole(&self) -> bool {
        self.number(6).is_some_and(|field| field & 0x4000 != 0)
    }

    /// In eight bytes: where in the whole this fragment begins.
    pub fn fragment(&self) -> u16 {
        self.number(6).unwrap_or(0) & 0x1fff
    }

    /// The kind of an ICMP message.
    pub fn icmp_kind(&self) -> Option<u8> {
        (self.protocol() == ICMP && self.fragment() == 0).then(|| self.0.get(self.header()).copied())?
    }

    /// Whether it is an ICMP message about another packet, which nobody answers with one.
    pub fn is_error(&self) -> bool {
        matches!(self.icmp_kind(), Some(3 | 4 | 5 | 11 | 12))
    }

    /// The packet that an ICMP error quotes, as far as it does.
    pub fn quoted(&self) -> Option<Self> {
        let quoted = || self.0.get(self.header() + ICMP_HEADER..).filter(|quoted| quoted.len() >= HEADER);
        self.is_error().then(|| quoted().map(|quoted| Self(quoted.to_vec())))?
    }

    /// What its flow is known by.
    pub fn tuple(&self) -> Tuple {
        let at = |offset| self.number(self.header() + offset).unwrap_or(0);
        let ports = match self.protocol() {
            _ if self.fragment() > 0 => (0, 0),
            ICMP => (at(4), at(4)),
            TCP | UDP | UDP_LITE | 132 => (at(0), at(2)),
            _ => (0, 0),
        };
        let (source, destination) = (self.source(), self.destination());
        Tuple { source, destination, protocol: self.protocol(), ports }
    }

    /// The address at this place.
    pub(super) fn address(&self, at: usize) -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = self.0.get(at..at + 4)?.try_into().ok()?;
        Some(bytes.into())
    }

    /// The 16 bits at this place.
    pub(super) fn number(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(self.0.get(at..at + 2)?.try_into().ok()?))
    }

    pub(super) fn set_number(&mut self, at: usize, number: u16) {
        if let Some(bytes) = self.0.get_mut(at..at + 2) {
            bytes.copy_from_slice(&number.to_be_bytes());
        }
    }

    /// Where the checksum stands that covers the addresses too, from the IP header; `None` where there is none.
    pub(super) fn covering(&self) -> Option<usize> {
        let at = match self.protocol() {
            _ if self.fragment() > 0 => return None,
            TCP => self.header() + 16,
            UDP if self.number(self.header() + 6) == Some(0) => return None,
            UDP | UDP_LITE => self.header() + 6,
            _ => return None,
        };
        (at + 2 <= self.0.len()).then_some(at)
    }
}
