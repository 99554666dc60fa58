//! Gateways come and go: an unbind waits for the registered ones.

use super::State;
use crate::{
    Event, Position, Rejection,
    event::GatewayFacts,
    name::{GatewayName, RegionId},
};

pub(super) fn register(
    state: &State,
    region: &RegionId,
    gateway: &GatewayName,
    equal_to: Position,
) -> Result<Vec<Event>, Rejection> {
    match state.gateway(gateway) {
        Some(known) if known.registered => Ok(Vec::new()),
        // Its kernels may still have what nobody waited for since: an EIP that has been given to somebody else.
        Some(known) if equal_to < known.at.position => {
            let (name, at) = (format!("regions/{region}/gateways/{gateway}"), known.at);
            let message = format!(
                "{gateway} was decommissioned at {at}, and its kernels are equal to {equal_to}: \
                 it has to take everything out first"
            );
            Err(Rejection::precondition("DECOMMISSIONED", "equal_to", message).because_of(name))
        }
        _ => Ok(vec![Event::GatewayRegistered(facts(region, gateway))]),
    }
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
