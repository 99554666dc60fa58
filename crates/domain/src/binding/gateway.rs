//! Gateways come and go: an unbind waits for the registered ones.

use super::State;
use crate::{
    Event, Expected, Position, Rejection,
    event::{GatewayDriftFound, GatewayFacts, OVER_GRPC},
    name::{GatewayName, RegionId},
};

/// How many elements of one drift are recorded by name.
pub const MAX_DIFFERENCES: usize = 20;

/// Whoever reports the same drift twice says so by its request id; nothing else tells two drifts from one.
pub(super) fn drift(state: &State, drift: &GatewayDriftFound) -> Result<Vec<Event>, Rejection> {
    let GatewayFacts { gateway, region } = &drift.gateway;
    if !state.gateway(gateway).is_some_and(|known| known.registered && known.facts.region == *region) {
        let rejection = Rejection::precondition("NOT_REGISTERED", "name", "register the gateway first");
        return Err(rejection.because_of(format!("regions/{region}/gateways/{gateway}")));
    }
    let found = drift.differences.len();
    if found > MAX_DIFFERENCES {
        let message =
            format!("at most {MAX_DIFFERENCES} elements of a drift are recorded, these are {found}");
        return Err(Rejection::invalid("drift.differences", message));
    }
    let message = if drift.mended_at < drift.found_at {
        "a drift is mended after it was found"
    } else if drift.differing < found as u64 {
        "there can't be more elements than there are in all"
    } else if !drift.rules && found == 0 {
        "a drift without rules and without elements is none"
    } else {
        return Ok(vec![Event::GatewayDriftFound(drift.clone())]);
    };
    Err(Rejection::invalid("drift", message))
}

pub(super) fn register(
    state: &State,
    region: &RegionId,
    gateway: &GatewayName,
    equal_to: Position,
) -> Result<Vec<Event>, Rejection> {
    match state.gateway(gateway) {
        _ if gateway.as_str() == OVER_GRPC => {
            Err(Rejection::invalid("name", format!("{OVER_GRPC} stands for claims that no gateway saw")))
        }
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
    expected: Expected,
) -> Result<Vec<Event>, Rejection> {
    let known = state.gateway(gateway).filter(|known| known.facts.region == *region);
    match known {
        None => Err(Rejection::not_found("name", format!("regions/{region}/gateways/{gateway}"))),
        Some(known) if known.registered => {
            expected.check(known.at, gateway)?;
            Ok(vec![Event::GatewayDecommissioned(facts(region, gateway))])
        }
        Some(_) => Ok(Vec::new()),
    }
}

fn facts(region: &RegionId, gateway: &GatewayName) -> GatewayFacts {
    GatewayFacts { gateway: gateway.clone(), region: region.clone() }
}
