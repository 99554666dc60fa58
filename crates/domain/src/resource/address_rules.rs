//! Rules that several kinds of addresses and blocks share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::free_ranges::{next, previous};
use crate::{Rejection, event::SubnetCreated, resource::Facts};

const fn v4(first: [u8; 4], prefix: u8) -> IpNet {
    let [a, b, c, d] = first;
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(first: u128, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from_bits(first), prefix))
}

/// Blocks that are nobody's to give out (RFC 6890), and the word for each.
const SPECIAL: [(IpNet, &str); 10] = [
    (v4([0, 0, 0, 0], 8), "unspecified"),
    (v4([127, 0, 0, 0], 8), "loopback"),
    (v4([169, 254, 0, 0], 16), "link-local"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
    (v6(0, 128), "unspecified"),
    (v6(1, 128), "loopback"),
    (v6(0xffff << 32, 96), "IPv4-mapped"),
    (v6(0xfe80 << 112, 10), "link-local"),
    (v6(0xff << 120, 8), "multicast"),
];

/// Whether two blocks share an address.
pub(super) fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// Two of these blocks that overlap, if any do.
pub(super) fn first_overlap(blocks: &[IpNet]) -> Option<[IpNet; 2]> {
    // Blocks are nested or apart, so that of all in order two neighbours overlap if any two do.
    let mut sorted = blocks.to_vec();
    sorted.sort();
    sorted.array_windows().find(|[one, other]| overlap(one, other)).copied()
}

/// A block of ordinary unicast addresses, written without host bits.
pub(super) fn check_block(field: &'static str, cidr: &IpNet) -> Result<(), Rejection> {
    if *cidr != cidr.trunc() {
        let message = format!("{cidr} has bits set after its prefix; write {}", cidr.trunc());
        return Err(Rejection::invalid(field, message));
    }
    match SPECIAL.iter().find(|(special, _)| overlap(special, cidr)) {
        Some((special, word)) => {
            let message = format!("{cidr} has {word} addresses in it ({special}); choose unicast ones");
            Err(Rejection::invalid(field, message))
        }
        None => Ok(()),
    }
}

/// The lowest and the highest address that something in the block may have. IPv4 gives up the network and the broadcast
/// address, IPv6 the subnet-router anycast address, which is the first.
pub(super) fn host_range(cidr: &IpNet) -> Option<(IpAddr, IpAddr)> {
    let first = next(cidr.network())?;
    let last = if cidr.addr().is_ipv4() { previous(cidr.broadcast())? } else { cidr.broadcast() };
    (first <= last).then_some((first, last))
}

/// Why an address can't be that of a host in the block, if so.
pub(super) fn check_in_block(field: &'static str, cidr: &IpNet, address: IpAddr) -> Result<(), Rejection> {
    let refuse = |why: &str| Err(Rejection::invalid(field, format!("{address} {why} {cidr}")));
    if !cidr.contains(&address) {
        refuse("is outside")
    } else if address == cidr.network() {
        refuse("is the network address of")
    } else if address.is_ipv4() && address == cidr.broadcast() {
        refuse("is the broadcast address of")
    } else {
        Ok(())
    }
}

/// Refuses what can be neither a vNIC's nor a HAVIP's address in this subnet, whoever else is in it.
pub(super) fn check_host(
    field: &'static str,
    subnet: &SubnetCreated,
    address: IpAddr,
) -> Result<(), Rejection> {
    check_in_block(field, &subnet.cidr, address)?;
    if address == subnet.gateway_address {
        let message = format!("{address} is the gateway address of {}", subnet.cidr);
        return Err(Rejection::invalid(field, message));
    }
    if let Some(block) = subnet.reserved.iter().find(|block| block.contains(&address)) {
        let message = format!("{address} is reserved, as all of {block} is; choose another address");
        return Err(Rejection::precondition("ADDRESS_RESERVED", field, message).because_of(subnet.name()));
    }
    Ok(())
}
