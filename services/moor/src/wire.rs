//! Bytes of the API as text: ids, MAC and IP addresses, blocks, times. What has the wrong length is shown as it is.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::{Duration, SystemTime},
};

use mooring_domain::address::Mac;
use mooring_proto::event::v1::{Address, Cidr};
use uuid::Uuid;

/// A UUID of 16 bytes.
pub fn id(octets: &[u8]) -> String {
    Uuid::from_slice(octets).map_or_else(|_| hex(octets), |uuid| uuid.to_string())
}

/// A MAC address of 6 bytes.
pub fn mac(octets: &[u8]) -> String {
    <[u8; 6]>::try_from(octets).map_or_else(|_| hex(octets), |octets| Mac(octets).to_string())
}

/// An IP address of 4 or 16 bytes.
pub fn ip(octets: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        Ipv4Addr::from(v4).to_string()
    } else if let Ok(v6) = <[u8; 16]>::try_from(octets) {
        Ipv6Addr::from(v6).to_string()
    } else {
        hex(octets)
    }
}

/// An address that may be unset.
pub fn address(address: Option<&Address>) -> String {
    address.map_or_else(|| "no address".to_owned(), |address| ip(&address.octets))
}

/// A block.
pub fn cidr(cidr: &Cidr) -> String {
    format!("{}/{}", address(cidr.network.as_ref()), cidr.prefix_length)
}

/// A time in UTC with milliseconds, RFC 3339, from nanoseconds since the Unix epoch.
pub fn time_ms(nanos: u64) -> String {
    humantime::format_rfc3339_millis(instant(nanos)).to_string()
}

/// The same, to the nanosecond.
pub fn time_ns(nanos: u64) -> String {
    humantime::format_rfc3339_nanos(instant(nanos)).to_string()
}

fn instant(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// A hash.
pub fn hash(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn hex(octets: &[u8]) -> String {
    format!("0x{}", hash(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_people_write_them() {
        assert_eq!(ip(&[203, 0, 113, 7]), "203.0.113.7");
        assert_eq!(ip(&[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]), "2001:db8::7");
        assert_eq!(mac(&[2, 0, 0, 0, 0, 10]), "02:00:00:00:00:0a");
        assert_eq!(time_ms(1_795_181_156_123_456_789), "2026-11-20T13:25:56.123Z");
        assert_eq!(time_ns(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn bytes_of_a_wrong_length_are_shown_and_not_hidden() {
        assert_eq!(ip(&[203, 0, 113]), "0xcb0071");
        assert_eq!(mac(&[]), "0x");
        assert_eq!(id(&[1]), "0x01");
        assert_eq!(address(None), "no address");
    }
}
