//! Rules of a pool: ordinary addresses that no other pool of the region has.

use std::time::Duration;

use ipnet::IpNet;

use super::{CreatePool, Facts, State, address_rules::*};
use crate::{Event, Rejection, event::PoolCreated};

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
        check_apart(state, cidr)?;
    }
    Ok(vec![Event::PoolCreated(PoolCreated {
        id: command.id,
        region: command.region.clone(),
        display_name: command.display_name.clone(),
        cidrs: command.cidrs.clone(),
        cooling: command.cooling,
    })])
}

fn check_blocks(cidrs: &[IpNet]) -> Result<(), Rejection> {
    if cidrs.is_empty() {
        return Err(Rejection::invalid(CIDRS, "a pool needs at least one block, such as 203.0.113.0/28"));
    }
    cidrs.iter().try_for_each(|cidr| check_block(CIDRS, cidr))?;
    // Blocks are nested or apart, so that of all in order two neighbours overlap if any two do.
    let mut sorted = cidrs.to_vec();
    sorted.sort();
    match sorted.array_windows().find(|[one, other]| overlap(one, other)) {
        Some([one, other]) => Err(Rejection::invalid(CIDRS, format!("{one} and {other} overlap"))),
        None => Ok(()),
    }
}

fn check_cooling(cooling: Duration) -> Result<(), Rejection> {
    if cooling <= MAX_COOLING {
        return Ok(());
    }
    let message = format!("an address can't cool for {cooling:?}, but for {MAX_COOLING:?} at most");
    Err(Rejection::invalid("pool.cooling_ms", message))
}

fn check_apart(state: &State, cidr: &IpNet) -> Result<(), Rejection> {
    // Stored blocks are apart: the last that begins before this one's end is the only one that can overlap.
    let Some((_, (other, pool))) = state.pool_blocks.range(..=cidr.broadcast()).next_back() else {
        return Ok(());
    };
    if !overlap(other, cidr) {
        return Ok(());
    }
    let message = format!("{cidr} overlaps {other} of another pool; pools of a region have no address twice");
    let rejection = Rejection::exists("POOL_OVERLAPS", CIDRS, message);
    Err(match state.pools.get(*pool) {
        Some(entry) => rejection.because_of(entry.facts.name()),
        None => rejection,
    })
}
