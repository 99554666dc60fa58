//! Rules of an EIP: an address of a pool that is free, and no releasing while a binding holds it.

use std::{net::IpAddr, time::Duration};

use super::{AllocateEip, CoolingEip, Entry, Facts, ReleaseEip, State, UpdateEip, hold::held, quotas};
use crate::{
    Event, Rejection, Timestamp,
    event::{EipDescribed, EipDetails, EipFacts, EipReleased},
    humane::Humane,
    id::PoolId,
    name::{Label, Scope},
};

const ADDRESS: &str = "eip.address";
const POOL: &str = "eip.pool";

pub(super) fn allocate(state: &State, command: &AllocateEip) -> Result<Vec<Event>, Rejection> {
    let (pool, address) = match command.address {
        Some(address) => (pool_of(state, command, address)?, address),
        None => lowest_free(state, command)?,
    };
    let display_name = display_name(command.display_name.as_ref(), address)?;
    state.eips.check_id(command.id)?;
    check_name(state, &command.scope, &display_name, address)?;
    quotas::check_eips(state, command, address)?;
    let eip = EipFacts {
        id: command.id,
        project: command.scope.project.clone(),
        region: command.scope.region.clone(),
        pool,
        address,
        display_name,
    };
    Ok(vec![Event::EipAllocated(EipDescribed { eip, details: command.details.clone() })])
}

/// What is said already is not said again.
pub(super) fn update(state: &State, command: &UpdateEip) -> Result<Vec<Event>, Rejection> {
    let before = &state.eips.require_at(&command.scope, command.id, "eip.name", command.expected)?.facts;
    let mut eip = before.eip.clone();
    if let Some(name) = &command.display_name {
        eip.display_name = display_name(name.as_ref(), eip.address)?;
    }
    let EipDetails { description, labels, delete_protection } = before.details.clone();
    let details = EipDetails {
        description: command.description.clone().unwrap_or(description),
        labels: command.labels.clone().unwrap_or(labels),
        delete_protection: command.delete_protection.unwrap_or(delete_protection),
    };
    if eip.display_name != before.eip.display_name {
        check_name(state, &command.scope, &eip.display_name, eip.address)?;
    }
    let after = EipDescribed { eip, details };
    Ok(if after == *before { Vec::new() } else { vec![Event::EipUpdated(after)] })
}

pub(super) fn release(state: &State, command: &ReleaseEip) -> Result<Vec<Event>, Rejection> {
    let entry = state.eips.require_at(&command.scope, command.id, "name", command.expected)?;
    if entry.facts.details.delete_protection {
        let message = "the EIP is protected; switch its delete_protection off first";
        return Err(
            Rejection::precondition("DELETE_PROTECTED", "name", message).because_of(entry.facts.name())
        );
    }
    match state.eip_held_by(command.id) {
        Some(binding) => Err(held(state, binding, "EIP_HELD", "name", "the EIP is bound; unbind it first")),
        None => Ok(vec![Event::EipReleased(released(state, &entry.facts.eip, command.now))]),
    }
}

fn released(state: &State, eip: &EipFacts, now: Timestamp) -> EipReleased {
    let cooling = state.pools.get(eip.pool).map(|pool| pool.facts.cooling);
    let cooling_until = cooling.filter(|cooling| !cooling.is_zero()).map(|cooling| now.plus(cooling));
    EipReleased { eip: eip.clone(), cooling_until }
}

fn pool_of(state: &State, command: &AllocateEip, address: IpAddr) -> Result<PoolId, Rejection> {
    let block = state.pool_blocks.range(..=address).next_back().map(|(_, block)| block);
    let found = block.filter(|(cidr, _)| cidr.contains(&address)).map(|(_, pool)| *pool);
    if let Some(asked) = command.pool {
        let pool = state.pools.require(&command.scope.region, asked, POOL)?;
        if found != Some(asked) {
            let message = format!(
                "{address} is not in the pool {}; leave the address or the pool out",
                pool.facts.name()
            );
            return Err(Rejection::invalid(ADDRESS, message));
        }
    }
    let Some(pool) = found else {
        let message = format!("no pool of the region has {address}; leave it out to get a free one");
        return Err(Rejection::precondition("NOT_IN_A_POOL", ADDRESS, message));
    };
    check_free(state, command, address)?;
    check_cool(state, command, address)?;
    check_gives(state, ADDRESS, pool)?;
    Ok(pool)
}

/// Refuses a pool from which nothing new is allocated.
fn check_gives(state: &State, field: &'static str, pool: PoolId) -> Result<(), Rejection> {
    let draining = state.pools.get(pool).filter(|pool| pool.facts.draining);
    draining.map_or(Ok(()), |pool| {
        let message = "nothing new is allocated from this pool: it is being drained; name another or none";
        Err(Rejection::precondition("POOL_DRAINING", field, message).because_of(pool.facts.name()))
    })
}

fn check_free(state: &State, command: &AllocateEip, address: IpAddr) -> Result<(), Rejection> {
    let Some(other) = state.eip_at(address) else { return Ok(()) };
    let message = format!("{address} is allocated; choose another or leave it out to get a free one");
    let rejection = Rejection::exists("ADDRESS_TAKEN", ADDRESS, message);
    // Who else has it is none of another project's business.
    Err(if other.facts.parent() == command.scope {
        rejection.because_of(other.facts.name())
    } else {
        rejection
    })
}

/// Refuses what cools to everybody but the project that had it: to that it is as free as any other.
fn check_cool(state: &State, command: &AllocateEip, address: IpAddr) -> Result<(), Rejection> {
    let others = |entry: &&Entry<CoolingEip>| entry.facts.parent() != command.scope;
    let Some(cooling) = state.cooling.at(address, command.now).filter(others) else { return Ok(()) };
    let until = cooling.facts.until;
    let left = Humane(Duration::from_secs(until.since(command.now).as_secs() + 1));
    // Who had it is none of another project's business.
    let message = format!(
        "{address} is kept for who had it until {until}, {left} from now; choose another or leave it out"
    );
    Err(Rejection::precondition("ADDRESS_COOLING", ADDRESS, message).with("cooling_ends_at", until.0))
}

/// One that is kept for the project before any other: who gives back and takes again in turn takes no second address away.
fn lowest_free(state: &State, command: &AllocateEip) -> Result<(PoolId, IpAddr), Rejection> {
    // What has cooled since the last commit is free as well.
    let free_in = |pool: PoolId| {
        let over = state.cooling.over(command.now).filter(|(of, _)| *of == pool).map(|(_, address)| address);
        let free = state.pool_free.get(&pool).and_then(|free| free.lowest());
        over.chain(free).min().map(|free| (pool, free))
    };
    let kept_in = |pool: PoolId| {
        let kept = state.cooling.kept_for(&command.scope, command.now);
        kept.filter(|(of, _)| *of == pool).map(|(_, address)| address).min().map(|kept| (pool, kept))
    };
    let region = &command.scope.region;
    match command.pool {
        Some(asked) => {
            let pool = state.pools.require(region, asked, POOL)?;
            check_gives(state, POOL, asked)?;
            kept_in(asked).or_else(|| free_in(asked)).ok_or_else(|| {
                let message = "every address of this pool is allocated or cools; name another pool";
                Rejection::exhausted("POOL_EXHAUSTED", POOL, message).because_of(pool.facts.name())
            })
        }
        None => {
            let giving = || state.pools.list(region, None).filter(|pool| !pool.facts.draining);
            // Who wants an IPv6 address says so by its pool. Of a pool that has both kinds, IPv4 comes first.
            let first = |of: &dyn Fn(PoolId) -> Option<(PoolId, IpAddr)>| {
                giving().filter_map(|pool| of(pool.facts.id)).find(|(_, address)| address.is_ipv4())
            };
            first(&kept_in).or_else(|| first(&free_in)).ok_or_else(|| {
                let message = format!(
                    "no pool of regions/{region} that is not being drained has a free IPv4 address; name a pool that has IPv6 addresses, or add a pool"
                );
                Rejection::exhausted("POOL_EXHAUSTED", POOL, message)
            })
        }
    }
}

/// An EIP may be called by its own address, and by no other.
fn check_name(state: &State, scope: &Scope, label: &Label, own: IpAddr) -> Result<(), Rejection> {
    const FIELD: &str = "eip.display_name";
    match label.as_str().parse::<IpAddr>() {
        Ok(address) if address == own => state.eips.check_name_free(scope, label, FIELD),
        _ => state.eips.check_name(scope, label, FIELD),
    }
}

fn display_name(asked: Option<&Label>, address: IpAddr) -> Result<Label, Rejection> {
    match asked {
        Some(label) => Ok(label.clone()),
        None => {
            let label = address.to_string().parse();
            label.map_err(|error| Rejection::invalid("eip.display_name", format!("{error}")))
        }
    }
}
