//! One VPC with so many bindings, for kernels that are filled without any log: each HAVIP has an EIP, and one MAC holds all.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use ipnet::IpNet;
use mooring_dataplane::Place;
use mooring_domain::Position;
use mooring_domain::address::Mac;
use mooring_domain::nat::VpcDesired;

use crate::lab::Namespace;

/// Where EIPs come from.
pub const POOL: &str = "11.0.0.0/8";
/// The VPC's subnet.
pub const SUBNET: &str = "10.0.0.0/8";
/// The first EIP.
pub const FIRST_EIP: Ipv4Addr = Ipv4Addr::new(11, 1, 0, 0);
/// The HAVIP behind it.
pub const FIRST_HAVIP: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 0);
/// Who holds all HAVIPs.
pub const HOLDER: Mac = Mac([2, 0, 0, 0, 1, 0x0a]);

/// So many bindings, the `n`-th EIP before the `n`-th HAVIP.
pub fn desired(bindings: u32) -> Result<VpcDesired> {
    let mut vpc = VpcDesired::new("p1".parse()?, "blue".parse()?, Position(1));
    vpc.subnets.insert(SUBNET.parse()?);
    vpc.nat = (0..bindings).map(|number| (at(FIRST_EIP, number), at(FIRST_HAVIP, number))).collect();
    vpc.holders = (0..bindings).map(|number| (at(FIRST_HAVIP, number), Some(HOLDER))).collect();
    Ok(vpc)
}

/// The blocks that EIPs come from.
pub fn pools() -> Result<BTreeSet<IpNet>> {
    Ok(BTreeSet::from([POOL.parse()?]))
}

/// The `number`-th address from the first one on.
pub fn at(first: Ipv4Addr, number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() + number))
}

/// A gateway's namespace between `in0` and `out0`; nobody answers ARP for an EIP.
pub fn place(gateway: &Namespace) -> Place {
    Place {
        netns: Some(gateway.name().to_owned()),
        inside: "in0".to_owned(),
        outside: "out0".to_owned(),
        arp: false,
        hairpin: false,
    }
}
