//! What a host has learned about the path to another.

use std::net::Ipv4Addr;

use anyhow::Result;

use crate::lab::Namespace;

/// The path MTU in bytes that the kernel in `ns` has learned for packets from `from` to `to`; `None` if it has
/// learned none.
pub fn learned_mtu(ns: &Namespace, from: Ipv4Addr, to: Ipv4Addr) -> Result<Option<u32>> {
    let route = ns.output(&format!("ip route get {to} from {from}"))?;
    let mut words = route.split_whitespace().skip_while(|word| *word != "mtu").skip(1);
    Ok(words.next().and_then(|mtu| mtu.parse().ok()))
}
