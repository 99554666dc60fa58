//! Addresses that cool: given back by a project, and for a while kept from everybody else, so that what is still on its way to
//! the one does not reach the other.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Entry, Facts, Table};
use crate::{
    CommitPosition, Rejection, Timestamp,
    event::EipDescribed,
    id::{EipId, PoolId},
    name::Scope,
    packed::{PackedMap, PackedSet},
};

/// An EIP that was released, as it was, and until when its address cools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoolingEip {
    /// What it was.
    pub described: EipDescribed,
    /// From then on anybody may have its address.
    pub until: Timestamp,
}

/// Why nothing can be done with an EIP that was given back. Only to the project that had it.
pub fn is_cooling(
    field: &'static str,
    name: impl fmt::Display,
    address: impl fmt::Display,
    until: Timestamp,
) -> Rejection {
    let message = format!(
        "{name} was released; {address} is kept for its project until {until}: allocate an EIP with that address to have it again"
    );
    Rejection::precondition("EIP_COOLING", field, message).with("cooling_ends_at", until.0)
}

/// Every address that cools in a region. One whose time is over stays until the next commit: whoever asks says what time it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cooling {
    eips: Table<CoolingEip>,
    by_address: PackedMap<IpAddr, EipId>,
    in_order: PackedSet<(Timestamp, EipId)>,
    of_pools: PackedMap<PoolId, u64>,
}

impl Cooling {
    /// What cools, by project. Its end may be over.
    pub fn eips(&self) -> &Table<CoolingEip> {
        &self.eips
    }

    /// The EIP that had this address, while that cools.
    pub fn at(&self, address: IpAddr, now: Timestamp) -> Option<&Entry<CoolingEip>> {
        let found = self.by_address.get(&address).and_then(|id| self.eips.get(*id));
        found.filter(|entry| entry.facts.until > now)
    }

    /// How many of a pool's addresses cool.
    pub fn count(&self, pool: PoolId, now: Timestamp) -> u64 {
        let over = self.over(now).filter(|(of, _)| *of == pool).count() as u64;
        self.of_pools.get(&pool).copied().unwrap_or_default().saturating_sub(over)
    }

    /// The addresses whose time is over, each with its pool.
    pub fn over(&self, now: Timestamp) -> impl Iterator<Item = (PoolId, IpAddr)> {
        let over = self.in_order.iter().take_while(move |(until, _)| *until <= now);
        over.filter_map(|(_, id)| {
            let eip = &self.eips.get(*id)?.facts.described.eip;
            Some((eip.pool, eip.address))
        })
    }

    /// The addresses that are kept for a project, each with its pool.
    pub(super) fn kept_for<'a>(
        &'a self,
        scope: &Scope,
        now: Timestamp,
    ) -> impl Iterator<Item = (PoolId, IpAddr)> + use<'a> {
        let cooling = self.eips.list(scope, None).filter(move |entry| entry.facts.until > now);
        cooling.map(|entry| {
            let eip = &entry.facts.described.eip;
            (eip.pool, eip.address)
        })
    }

    /// The addresses of a block that cool, or did until now.
    pub(super) fn within(&self, block: &IpNet) -> impl Iterator<Item = IpAddr> {
        self.by_address.range(block.network()..=block.broadcast()).map(|(address, _)| *address)
    }

    pub(super) fn begin(&mut self, cooling: CoolingEip, at: CommitPosition) {
        let eip = &cooling.described.eip;
        self.by_address.insert(eip.address, eip.id);
        self.in_order.insert((cooling.until, eip.id));
        let before = self.of_pools.get(&eip.pool).copied().unwrap_or_default();
        self.of_pools.insert(eip.pool, before + 1);
        self.eips.insert(cooling, at);
    }

    /// Whoever had it: its address cools no more.
    pub(super) fn end(&mut self, address: IpAddr) {
        let Some(gone) = self.by_address.remove(&address).and_then(|id| self.eips.remove(id)) else { return };
        self.in_order.remove(&(gone.until, gone.id()));
        let pool = gone.described.eip.pool;
        let left = self.of_pools.remove(&pool).unwrap_or_default().saturating_sub(1);
        if left > 0 {
            self.of_pools.insert(pool, left);
        }
    }
}
