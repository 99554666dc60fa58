//! What resource's own events make of its state. Nothing is decided here, and nothing refused.

use std::net::IpAddr;

use super::{
    AddressOwner, CoolingEip, Facts, FreeRanges, Held, RELEASED_ARE_REMEMBERED, State,
    address_rules::host_range,
};
use crate::{
    Commit, CommitPosition, Event, Timestamp,
    event::{
        BindingFacts, EipDescribed, EipReleased, HavipCreated, HavipFacts, PoolCreated, SubnetCreated,
        VnicCreated, VpcCreated,
    },
    id::{BindingId, PoolId},
};

/// At most this many released bindings are remembered, the oldest go first.
const MAX_RELEASED: usize = 1_000_000;

pub(super) fn evolve(state: &mut State, commit: &Commit) {
    for event in &commit.events {
        match event {
            Event::PoolCreated(pool) => pool_created(state, pool, commit.at),
            Event::PoolUpdated(pool) => pool_updated(state, pool, commit.at),
            Event::PoolDeleted(pool) => pool_deleted(state, pool),
            Event::VpcCreated(vpc) => vpc_created(state, vpc, commit.at),
            Event::SubnetCreated(subnet) => subnet_created(state, subnet, commit.at),
            Event::VnicCreated(vnic) => vnic_created(state, vnic, commit.at),
            Event::VpcDeleted(vpc) => drop(state.vpcs.remove(vpc.id)),
            Event::SubnetUpdated(subnet) => subnet_updated(state, subnet, commit.at),
            Event::SubnetDeleted(subnet) => subnet_deleted(state, subnet),
            Event::VnicDeleted(vnic) => vnic_deleted(state, vnic),
            Event::HavipCreated(havip) => havip_created(state, havip, commit.at),
            Event::HavipUpdated(havip) => havip_updated(state, havip, commit.at),
            Event::HavipDeleted(havip) => havip_deleted(state, havip),
            Event::EipAllocated(eip) => eip_allocated(state, eip, commit.at),
            Event::EipUpdated(eip) => state.eips.replace(eip.clone(), commit.at),
            Event::EipReleased(released) => eip_released(state, released, commit.at),
            Event::QuotasChanged(changed) => state.quotas.changed(changed, commit.at),
            Event::HoldPlaced(facts) => hold_placed(state, facts, commit.at),
            Event::HoldReleased(released) => hold_released(state, released.binding, commit.recorded_at),
            _ => {}
        }
    }
    forget_released(state, commit.recorded_at);
    cool_no_more(state, commit.recorded_at);
}

fn pool_created(state: &mut State, pool: &PoolCreated, at: CommitPosition) {
    give_blocks(state, pool);
    state.pools.insert(pool.clone(), at);
}

/// Its blocks, and of them what nobody has.
fn give_blocks(state: &mut State, pool: &PoolCreated) {
    let mut free = FreeRanges::default();
    for cidr in &pool.cidrs {
        free.give(cidr.network(), cidr.broadcast());
        let taken = state.eip_by_address.range(cidr.network()..=cidr.broadcast());
        taken.for_each(|(address, _)| free.take(*address));
        state.cooling.within(cidr).for_each(|address| free.take(address));
        state.pool_blocks.insert(cidr.network(), (*cidr, pool.id));
    }
    state.pool_free.insert(pool.id, free);
}

fn take_blocks(state: &mut State, pool: &PoolCreated) {
    for cidr in &pool.cidrs {
        state.pool_blocks.remove(&cidr.network());
    }
    state.pool_free.remove(&pool.id);
}

fn pool_updated(state: &mut State, pool: &PoolCreated, at: CommitPosition) {
    let Some(before) = state.pools.get(pool.id).map(|entry| entry.facts.clone()) else { return };
    if before.cidrs != pool.cidrs {
        take_blocks(state, &before);
        give_blocks(state, pool);
    }
    state.pools.replace(pool.clone(), at);
}

fn pool_deleted(state: &mut State, pool: &PoolCreated) {
    if state.pools.remove(pool.id).is_some() {
        take_blocks(state, pool);
        state.pool_allocated.remove(&pool.id);
    }
}

fn vpc_created(state: &mut State, vpc: &VpcCreated, at: CommitPosition) {
    state.vpcs.insert(vpc.clone(), at);
}

fn subnet_created(state: &mut State, subnet: &SubnetCreated, at: CommitPosition) {
    state.subnet_free.insert(subnet.id, free_in(state, subnet));
    state.subnet_blocks.insert((subnet.vpc, subnet.cidr.network()), (subnet.cidr, subnet.id));
    state.subnets.insert(subnet.clone(), at);
}

/// What of its host addresses is neither the router's nor reserved, and nobody has.
fn free_in(state: &State, subnet: &SubnetCreated) -> FreeRanges {
    let mut free = FreeRanges::default();
    if let Some((first, last)) = host_range(&subnet.cidr) {
        free.give(first, last);
    }
    free.take(subnet.gateway_address);
    subnet.reserved.iter().for_each(|block| free.take_all(block.network(), block.broadcast()));
    let block = (subnet.vpc, subnet.cidr.network())..=(subnet.vpc, subnet.cidr.broadcast());
    state.addresses.range(block).for_each(|((_, address), _)| free.take(*address));
    free
}

fn subnet_updated(state: &mut State, subnet: &SubnetCreated, at: CommitPosition) {
    if state.subnets.get(subnet.id).is_some() {
        state.subnet_free.insert(subnet.id, free_in(state, subnet));
        state.subnets.replace(subnet.clone(), at);
    }
}

fn vnic_created(state: &mut State, created: &VnicCreated, at: CommitPosition) {
    let vnic = &created.vnic;
    if let Some(free) = state.subnet_free.get_mut(&created.subnet) {
        free.take(vnic.address);
    }
    state.addresses.insert((created.vpc, vnic.address), AddressOwner::Vnic(vnic.id));
    state.macs.insert((created.vpc, vnic.mac), vnic.id);
    state.vnics.insert(created.clone(), at);
}

fn subnet_deleted(state: &mut State, subnet: &SubnetCreated) {
    if state.subnets.remove(subnet.id).is_some() {
        state.subnet_free.remove(&subnet.id);
        state.subnet_blocks.remove(&(subnet.vpc, subnet.cidr.network()));
    }
}

fn vnic_deleted(state: &mut State, deleted: &VnicCreated) {
    let vnic = &deleted.vnic;
    if state.vnics.remove(vnic.id).is_none() {
        return;
    }
    state.addresses.remove(&(deleted.vpc, vnic.address));
    state.macs.remove(&(deleted.vpc, vnic.mac));
    if let Some(free) = state.subnet_free.get_mut(&deleted.subnet) {
        free.give(vnic.address, vnic.address);
    }
}

fn havip_created(state: &mut State, created: &HavipCreated, at: CommitPosition) {
    let havip = &created.havip;
    if let Some(free) = state.subnet_free.get_mut(&havip.subnet) {
        free.take(havip.address);
    }
    state.addresses.insert((havip.vpc, havip.address), AddressOwner::Havip(havip.id));
    state.quotas.havip_came(created);
    join(state, created);
    state.havips.insert(created.clone(), at);
}

fn havip_updated(state: &mut State, updated: &HavipCreated, at: CommitPosition) {
    let Some(before) = state.havips.get(updated.havip.id).map(|entry| entry.facts.clone()) else { return };
    state.quotas.havip_went(&before);
    state.quotas.havip_came(updated);
    leave(state, &before);
    join(state, updated);
    state.havips.replace(updated.clone(), at);
}

fn join(state: &mut State, havip: &HavipCreated) {
    state.memberships.extend(havip.members.iter().map(|vnic| (vnic.id, havip.havip.id)));
}

fn leave(state: &mut State, havip: &HavipCreated) {
    for vnic in &havip.members {
        state.memberships.remove(&(vnic.id, havip.havip.id));
    }
}

fn havip_deleted(state: &mut State, havip: &HavipFacts) {
    let Some(before) = state.havips.remove(havip.id) else { return };
    state.quotas.havip_went(&before);
    leave(state, &before);
    state.addresses.remove(&(havip.vpc, havip.address));
    if let Some(free) = state.subnet_free.get_mut(&havip.subnet) {
        free.give(havip.address, havip.address);
    }
}

fn eip_allocated(state: &mut State, described: &EipDescribed, at: CommitPosition) {
    let eip = &described.eip;
    if let Some(free) = state.pool_free.get_mut(&eip.pool) {
        free.take(eip.address);
    }
    state.pool_allocated.insert(eip.pool, state.allocated(eip.pool) + 1);
    state.cooling.end(eip.address);
    state.eip_by_address.insert(eip.address, eip.id);
    state.quotas.eip_came(described.parent());
    state.eips.insert(described.clone(), at);
}

fn eip_released(state: &mut State, released: &EipReleased, at: CommitPosition) {
    let eip = &released.eip;
    let Some(described) = state.eips.remove(eip.id) else { return };
    state.quotas.eip_went(&described.parent());
    state.eip_by_address.remove(&eip.address);
    if let Some(allocated) = state.pool_allocated.get_mut(&eip.pool) {
        *allocated = allocated.saturating_sub(1);
    }
    match released.cooling_until {
        Some(until) => state.cooling.begin(CoolingEip { described, until }, at),
        None => give_back(state, eip.pool, eip.address),
    }
}

/// Of a block that is gone by now nothing is given back.
fn give_back(state: &mut State, pool: PoolId, address: IpAddr) {
    let block = state.pool_blocks.range(..=address).next_back().map(|(_, block)| *block);
    if !block.is_some_and(|(cidr, of)| of == pool && cidr.contains(&address)) {
        return;
    }
    if let Some(free) = state.pool_free.get_mut(&pool) {
        free.give(address, address);
    }
}

fn cool_no_more(state: &mut State, now: Timestamp) {
    loop {
        let Some((pool, address)) = state.cooling.over(now).next() else { return };
        state.cooling.end(address);
        give_back(state, pool, address);
    }
}

fn hold_placed(state: &mut State, facts: &BindingFacts, at: CommitPosition) {
    let (eip, havip) = (facts.eip.id, facts.havip.id);
    let moved_from = state.eip_held_by.insert(eip, facts.binding);
    state.holds.insert(facts.binding, Held { eip, havip, moved_from, at });
    state.havip_held_by.insert(havip, facts.binding);
}

fn hold_released(state: &mut State, binding: BindingId, at: Timestamp) {
    if let Some(held) = state.holds.remove(&binding) {
        if state.eip_held_by.get(&held.eip) == Some(&binding) {
            // An EIP that did not move after all is held as before.
            match held.moved_from.filter(|before| state.holds.contains_key(before)) {
                Some(before) => drop(state.eip_held_by.insert(held.eip, before)),
                None => drop(state.eip_held_by.remove(&held.eip)),
            }
        }
        state.havip_held_by.remove(&held.havip);
    }
    if let Some(before) = state.released.insert(binding, at) {
        state.released_in_order.remove(&(before, binding));
    }
    state.released_in_order.insert((at, binding));
}

fn forget_released(state: &mut State, now: Timestamp) {
    while let Some((at, binding)) = state.released_in_order.get_min().copied() {
        if now.since(at) <= RELEASED_ARE_REMEMBERED && state.released.len() <= MAX_RELEASED {
            return;
        }
        state.released_in_order.remove(&(at, binding));
        state.released.remove(&binding);
    }
}
