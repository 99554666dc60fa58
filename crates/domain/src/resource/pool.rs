//! Rules of a pool: ordinary addresses that no other pool of the region has, no EIP without a block, and no deleting before it is
//! drained and empty.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

use super::{CreatePool, DeletePool, Facts, State, UpdatePool, address_rules::*};
use crate::{Event, Rejection, Timestamp, event::PoolCreated, humane::Humane, id::PoolId};

const CIDRS: &str = "pool.cidrs";

/// How long a released address is kept from others, where the operator does not say.
pub const DEFAULT_COOLING: Duration = Duration::from_hours(24);

/// The longest that it may be.
pub const MAX_COOLING: Duration = Duration::from_hours(24 * 365);

pub(super) fn create(state: &State, command: &CreatePool) -> Result<Vec<Event>, Rejection> {
    check_blocks(&command.cidrs)?;
    check_cooling(command.cooling)?;
    state.pools.check_id(command.id)?;
    state.pools.check_name(&command.region, &command.display_name, "pool.display_name")?;
    for cidr in &command.cidrs {
        check_apart(state, command.id, cidr)?;
    }
    Ok(vec![Event::PoolCreated(PoolCreated {
        id: command.id,
        region: command.region.clone(),
        display_name: command.display_name.clone(),
        cidrs: command.cidrs.clone(),
        cooling: command.cooling,
        draining: false,
    })])
}

pub(super) fn update(state: &State, command: &UpdatePool) -> Result<Vec<Event>, Rejection> {
    let UpdatePool { region, id, expected, change, now } = command;
    let present = &state.pools.require_at(region, *id, "name", *expected)?.facts;
    let mut updated = present.clone();
    updated.draining = change.draining.unwrap_or(present.draining);
    if let Some(label) = change.display_name.as_ref().filter(|label| **label != present.display_name) {
        state.pools.check_name(region, label, "pool.display_name")?;
        updated.display_name = label.clone();
    }
    let cidrs = change.cidrs_edit.of(change.cidrs.as_ref(), || present.cidrs.clone());
    let no_block = |cidr| {
        let what = format!("a block {cidr} of the pool {}", present.display_name);
        Rejection::not_found("remove_cidrs", what)
    };
    if let Some(cidrs) = cidrs.map_err(no_block)? {
        check_blocks(&cidrs)?;
        cidrs.iter().try_for_each(|cidr| check_apart(state, *id, cidr))?;
        check_kept(state, &present.cidrs, &cidrs, *now)?;
        updated.cidrs = cidrs;
    }
    if let Some(cooling) = change.cooling {
        check_cooling(cooling)?;
        updated.cooling = cooling;
    }
    Ok(if updated == *present { Vec::new() } else { vec![Event::PoolUpdated(updated)] })
}

pub(super) fn delete(state: &State, command: &DeletePool) -> Result<Vec<Event>, Rejection> {
    let pool = &state.pools.require_at(&command.region, command.id, "name", command.expected)?.facts;
    if let Some((address, who)) = pool.cidrs.iter().find_map(|cidr| first_in(state, cidr, &[], command.now)) {
        let message =
            format!("{address} of this pool is allocated or cools; a pool is deleted once it is empty");
        return Err(Rejection::precondition("POOL_NOT_EMPTY", "name", message).because_of(who));
    }
    if !pool.draining {
        let message = "the pool gives out addresses; drain it first";
        return Err(Rejection::precondition("POOL_NOT_DRAINING", "name", message));
    }
    Ok(vec![Event::PoolDeleted(pool.clone())])
}

/// Nobody's EIP is taken away with its block, nor what one who released it may have again.
fn check_kept(state: &State, before: &[IpNet], after: &[IpNet], now: Timestamp) -> Result<(), Rejection> {
    let mut changed = before.iter().filter(|cidr| !after.contains(cidr));
    let Some((address, who)) = changed.find_map(|cidr| first_in(state, cidr, after, now)) else {
        return Ok(());
    };
    let message = format!("{address} is allocated or cools; a block is taken away once it is empty");
    Err(Rejection::precondition("POOL_BLOCK_NOT_EMPTY", CIDRS, message).because_of(who))
}

/// The first address of a block that is somebody's and that none of the others has, and the EIP's name.
fn first_in(state: &State, cidr: &IpNet, others: &[IpNet], now: Timestamp) -> Option<(IpAddr, String)> {
    let alone = |address: &IpAddr| !others.iter().any(|other| other.contains(address));
    let allocated = state.eip_by_address.range(cidr.network()..=cidr.broadcast());
    let mut allocated = allocated.filter(|(address, _)| alone(address));
    let eip =
        allocated.next().and_then(|(address, eip)| Some((*address, state.eips.get(*eip)?.facts.name())));
    eip.or_else(|| {
        let mut cooling = state.cooling.within(cidr).filter(alone);
        cooling.find_map(|address| Some((address, state.cooling.at(address, now)?.facts.name())))
    })
}

fn check_blocks(cidrs: &[IpNet]) -> Result<(), Rejection> {
    if cidrs.is_empty() {
        return Err(Rejection::invalid(CIDRS, "a pool needs at least one block, such as 203.0.113.0/28"));
    }
    cidrs.iter().try_for_each(|cidr| check_block(CIDRS, cidr))?;
    match first_overlap(cidrs) {
        Some([one, other]) => Err(Rejection::invalid(CIDRS, format!("{one} and {other} overlap"))),
        None => Ok(()),
    }
}

fn check_cooling(cooling: Duration) -> Result<(), Rejection> {
    if cooling <= MAX_COOLING {
        return Ok(());
    }
    let message =
        format!("an address can't cool for {}, but for {} at most", Humane(cooling), Humane(MAX_COOLING));
    Err(Rejection::invalid("pool.cooling_ms", message))
}

/// A pool's own blocks may be cut otherwise.
fn check_apart(state: &State, own: PoolId, cidr: &IpNet) -> Result<(), Rejection> {
    // Stored blocks are apart: those that overlap this one are the last that begin before its end.
    let last = state.pool_blocks.range(..=cidr.broadcast()).rev().map(|(_, block)| block);
    let mut overlapping = last.take_while(|(other, _)| overlap(other, cidr));
    let Some((other, pool)) = overlapping.find(|(_, pool)| *pool != own) else { return Ok(()) };
    let message = format!("{cidr} overlaps {other} of another pool; pools of a region have no address twice");
    let rejection = Rejection::exists("POOL_OVERLAPS", CIDRS, message);
    Err(match state.pools.get(*pool) {
        Some(entry) => rejection.because_of(entry.facts.name()),
        None => rejection,
    })
}
