//! MAC addresses. IP addresses and blocks are `std::net::IpAddr` and `ipnet::IpNet`.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The MAC address of a vNIC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Whether one interface can own it: neither multicast nor broadcast nor all zeros.
    pub fn is_unicast(self) -> bool {
        self.0[0] & 1 == 0 && self.0 != [0; 6]
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a MAC address is six pairs of hexadecimal digits with colons between them")]
pub struct NotAMac;

impl FromStr for Mac {
    type Err = NotAMac;
    fn from_str(text: &str) -> Result<Self, NotAMac> {
        let mut octets = [0; 6];
        let mut pairs = text.split(':');
        for octet in &mut octets {
            let is_pair = |pair: &&str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
            let pair = pairs.next().filter(is_pair).ok_or(NotAMac)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| NotAMac)?;
        }
        if pairs.next().is_some() { Err(NotAMac) } else { Ok(Self(octets)) }
    }
}

/// The text is no block of addresses: which part of it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABlock {
    /// There is no length.
    #[error("a block is an address, a slash and a prefix length, such as 10.0.1.0/24")]
    NoLength,
    /// What stands before the slash.
    #[error("what stands before the slash is no IP address")]
    Address,
    /// What stands behind it.
    #[error("the prefix length of an IPv{version} block is a number from 0 to {most}")]
    Length {
        /// 4 or 6.
        version: u8,
        /// The bits of an address.
        most: u8,
    },
}

/// A block of addresses out of text.
pub fn block(text: &str) -> Result<IpNet, NotABlock> {
    let (address, length) = text.split_once('/').ok_or(NotABlock::NoLength)?;
    let address: IpAddr = address.parse().map_err(|_| NotABlock::Address)?;
    let (version, most) = if address.is_ipv4() { (4, 32) } else { (6, 128) };
    let length = length.parse().ok().and_then(|length| IpNet::new(address, length).ok());
    length.ok_or(NotABlock::Length { version, most })
}
