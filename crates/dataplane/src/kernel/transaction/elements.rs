//! Elements of sets, as the kernel reads them in a message. Apart, and byte by byte, because there are millions of them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use mooring_domain::address::Mac;
use netlink_packet_core::NLA_F_NESTED;

const ELEMENT: u16 = 1 | NLA_F_NESTED;
const KEY: u16 = 1 | NLA_F_NESTED;
const DATA: u16 = 2 | NLA_F_NESTED;
const FLAGS: u16 = 3;
const VALUE: u16 = 1;
/// The element is the first address behind a range.
const INTERVAL_END: u32 = 1;

/// Elements one behind the other.
#[derive(Debug, Default)]
pub(in crate::kernel) struct Elements {
    bytes: Vec<u8>,
    count: usize,
}

impl Elements {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// In bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn extend(&mut self, others: &Self) {
        self.bytes.extend_from_slice(&others.bytes);
        self.count += others.count;
    }

    pub(in crate::kernel) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// One more.
    pub(in crate::kernel) fn push(&mut self, key: &[u8], data: &[u8], flags: u32) {
        nest(&mut self.bytes, ELEMENT, |bytes| {
            nest(bytes, KEY, |bytes| nest(bytes, VALUE, |bytes| bytes.extend_from_slice(key)));
            if !data.is_empty() {
                nest(bytes, DATA, |bytes| nest(bytes, VALUE, |bytes| bytes.extend_from_slice(data)));
            }
            if flags != 0 {
                nest(bytes, FLAGS, |bytes| bytes.extend_from_slice(&flags.to_be_bytes()));
            }
        });
        self.count += 1;
    }

    fn one(key: &[u8], data: &[u8]) -> Self {
        let mut elements = Self::default();
        elements.push(key, data, 0);
        elements
    }
}

/// An attribute around whatever is written meanwhile. All of ours are multiples of four bytes.
fn nest(bytes: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let begin = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    fill(bytes);
    let length = u16::try_from(bytes.len() - begin).unwrap_or(u16::MAX);
    bytes[begin..begin + 2].copy_from_slice(&length.to_ne_bytes());
    bytes[begin + 2..begin + 4].copy_from_slice(&kind.to_ne_bytes());
}

pub(super) fn single(address: IpAddr) -> Elements {
    Elements::one(&octets(address), &[])
}

pub(super) fn pair(from: IpAddr, to: IpAddr) -> Elements {
    Elements::one(&octets(from), &octets(to))
}

pub(super) fn held(havip: IpAddr, mac: Mac) -> Elements {
    Elements::one(&holding(havip, mac), &[])
}

/// The key of a HAVIP and the MAC that may send from it.
pub(in crate::kernel) fn holding(havip: IpAddr, mac: Mac) -> Vec<u8> {
    [&octets(havip)[..], &mac.0, &[0, 0]].concat()
}

/// Two elements: where the block begins, and the first address behind it.
pub(super) fn range(block: IpNet) -> Elements {
    let IpNet::V4(block) = block else { return Elements::default() };
    let mut elements = Elements::one(&block.network().octets(), &[]);
    // A block that ends with the last address of all has nothing behind it.
    if let Some(behind) = u32::from(block.broadcast()).checked_add(1) {
        elements.push(&Ipv4Addr::from(behind).octets(), &[], INTERVAL_END);
    }
    elements
}

pub(in crate::kernel) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}
