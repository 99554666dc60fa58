//! A holder that answers no more. Nothing is taken from it for that: it keeps the traffic until somebody else claims the
//! HAVIP, because whoever is not heard may still be reached, and nobody else is there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Havip, Holding, State};
use crate::{
    CommitPosition, Event, Timestamp,
    address::Mac,
    event::{ClaimFacts, HeardFacts},
    name::GatewayName,
};

/// Since when a holder has not been heard, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// By that gateway's clock.
    pub since: Timestamp,
    /// Who probed it.
    pub gateway: GatewayName,
    /// Where that was stored.
    pub at: CommitPosition,
}

/// What a gateway says of a holder that it probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who says it.
    pub gateway: GatewayName,
    /// Whom it means.
    pub mac: Mac,
    /// Whether it answers no more.
    pub silent: bool,
    /// When it was heard last, by the gateway's clock.
    pub heard_at: Timestamp,
}

/// Writes only what is new. Of one that does not hold it any more there is nothing to say, nor of one with a lease: it says
/// itself that it is there, and may not be on layer 2.
pub(super) fn reported(havip: &Havip, report: &Report, now: Timestamp) -> Option<Event> {
    let its_own = |holding: &&Holding| holding.vnic.mac == report.mac && holding.lease.is_none();
    let holding = havip.holding.as_ref().filter(its_own)?;
    let heard_at = if report.heard_at.is_ahead_of(now) { now } else { report.heard_at };
    let facts = || facts(havip, holding, report.gateway.clone(), heard_at);
    match (report.silent, &holding.silence) {
        (true, None) => Some(Event::HolderSilent(facts())),
        (false, Some(_)) => Some(Event::HolderHeard(facts())),
        _ => None,
    }
}

/// The holder of a HAVIP announced itself. A silence that lies in the future was before the clock was set back.
pub(super) fn announced(havip: &Havip, claim: &ClaimFacts, now: Timestamp) -> Option<Event> {
    let holding = havip.holding.as_ref()?;
    let silence = holding.silence.as_ref()?;
    let later = claim.observed_at > silence.since || silence.since.is_ahead_of(now);
    later.then(|| Event::HolderHeard(facts(havip, holding, claim.gateway.clone(), claim.observed_at)))
}

fn facts(havip: &Havip, holding: &Holding, gateway: GatewayName, heard_at: Timestamp) -> HeardFacts {
    HeardFacts { havip: havip.facts.clone(), holder: holding.vnic.clone(), gateway, heard_at }
}

pub(super) fn fell_silent(state: &mut State, facts: &HeardFacts, at: CommitPosition) {
    // Older logs have it of holders with a lease, too.
    if let Some(holding) = holding(state, facts).filter(|holding| holding.lease.is_none()) {
        holding.silence =
            Some(Box::new(Silence { since: facts.heard_at, gateway: facts.gateway.clone(), at }));
    }
}

pub(super) fn was_heard(state: &mut State, facts: &HeardFacts) {
    if let Some(holding) = holding(state, facts) {
        holding.silence = None;
    }
}

fn holding<'a>(state: &'a mut State, facts: &HeardFacts) -> Option<&'a mut Holding> {
    let holding = Arc::make_mut(state.havips.get_mut(&facts.havip.id)?).holding.as_mut()?;
    (holding.vnic.mac == facts.holder.mac).then_some(holding)
}
