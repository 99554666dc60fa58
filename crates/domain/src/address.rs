//! MAC addresses. IP addresses and blocks are `std::net::IpAddr` and `ipnet::IpNet`.

use std::{fmt, str::FromStr};

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
