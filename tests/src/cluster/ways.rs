//! The ways between the processes of a cluster, each through a proxy if the test wants to spoil them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Part;
use crate::proxy::{Proxy, Weather};

/// Whom a process asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// NATS; its monitoring port is asked directly.
    Nats,
    /// `mooring-resource`
    Resource,
    /// `mooring-binding`
    Binding,
    /// `mooring-health`
    Health,
}

/// Every way, from who asks to who is asked. Empty where no process asks through a proxy.
pub struct Ways {
    spoilable: bool,
    proxies: BTreeMap<(Part, Peer), Proxy>,
}

impl Ways {
    pub(super) fn new(spoilable: bool) -> Ways {
        Ways { spoilable, proxies: BTreeMap::new() }
    }

    /// The address at which `from` finds the peer that listens at `address`.
    pub(super) fn way(&mut self, from: Part, to: Peer, address: &str) -> Result<String> {
        if !self.spoilable {
            return Ok(address.to_owned());
        }
        let proxy = Proxy::start(address)?;
        let address = proxy.address();
        self.proxies.insert((from, to), proxy);
        Ok(address)
    }

    /// One of them.
    pub fn one(&self, from: Part, to: Peer) -> Result<&Proxy> {
        let proxy = self.proxies.get(&(from, to));
        proxy.with_context(|| format!("{from:?} does not ask {to:?} through a proxy"))
    }

    /// All of them.
    pub fn all(&self) -> Vec<(Part, Peer)> {
        self.proxies.keys().copied().collect()
    }

    /// Changes the weather on all that `wanted` picks.
    pub fn weather(&self, weather: Weather, wanted: impl Fn(Part, Peer) -> bool) {
        let ways = self.proxies.iter().filter(|((from, to), _)| wanted(*from, *to));
        ways.for_each(|(_, proxy)| proxy.weather(weather));
    }
}
