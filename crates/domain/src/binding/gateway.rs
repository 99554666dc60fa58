//! Gateways come and go: an unbind waits for the registered ones.

use super::State;
use crate::{
    Event, Rejection,
    event::GatewayFacts,
    name::{GatewayName, RegionId},
};

pub(super) fn register(
    state: &State,
    region: &RegionId,
    gateway: &GatewayName,
) -> Result<Vec<Event>, Rejection> {
    if state.gateway(gateway).is_some_and(|known| known.registered) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::GatewayRegistered(facts(region, gateway))])
}

pub(super) fn decommission(
    state: &State,
    region: &RegionId,
    gateway: &GatewayName,
) -> Result<Vec<Event>, Rejection> {
    let known = state.gateway(gateway).filter(|known| known.facts.region == *region);
    match known {
        None => Err(Rejection::not_found("name", format!("regions/{region}/gateways/{gateway}"))),
        Some(known) if known.registered => Ok(vec![Event::GatewayDecommissioned(facts(region, gateway))]),
        Some(_) => Ok(Vec::new()),
    }
}

fn facts(region: &RegionId, gateway: &GatewayName) -> GatewayFacts {
    GatewayFacts { gateway: gateway.clone(), region: region.clone() }
}
