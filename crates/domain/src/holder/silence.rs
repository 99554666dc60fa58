//! A holder that answers no more. Nothing is taken from it for that: it keeps the traffic until somebody else claims the
//! HAVIP, because whoever is not heard may still be reached, and nobody else is there.

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

/// Writes only what is new. Of one that does not hold it any more there is nothing to say.
pub(super) fn reported(havip: &Havip, report: &Report, now: Timestamp) -> Option<Event> {
    let holding = havip.holding.as_ref().filter(|holding| holding.vnic.mac == report.mac)?;
    let heard_at = if report.heard_at.is_ahead_of(now) { now } else { report.heard_at };
    let facts = || facts(havip, holding, report.gateway.clone(), heard_at);
    match (report.silent, &holding.silence) {
        (true, None) => Some(Event::HolderSilent(facts())),
        (false, Some(_)) => Some(Event::HolderHeard(facts())),
        _ => None,
    }
}

/// The holder of a HAVIP announced itself.
pub(super) fn announced(havip: &Havip, claim: &ClaimFacts) -> Option<Event> {
    let holding = havip.holding.as_ref()?;
    let silence = holding.silence.as_ref()?;
    let later = claim.observed_at > silence.since;
    later.then(|| Event::HolderHeard(facts(havip, holding, claim.gateway.clone(), claim.observed_at)))
}

fn facts(havip: &Havip, holding: &Holding, gateway: GatewayName, heard_at: Timestamp) -> HeardFacts {
    HeardFacts { havip: havip.facts.clone(), holder: holding.vnic.clone(), gateway, heard_at }
}

pub(super) fn fell_silent(state: &mut State, facts: &HeardFacts, at: CommitPosition) {
    let silence = Silence { since: facts.heard_at, gateway: facts.gateway.clone(), at };
    set(state, facts, Some(silence));
}

pub(super) fn was_heard(state: &mut State, facts: &HeardFacts) {
    set(state, facts, None);
}

fn set(state: &mut State, facts: &HeardFacts, silence: Option<Silence>) {
    let holding = state.havips.get_mut(&facts.havip.id).and_then(|havip| havip.holding.as_mut());
    if let Some(holding) = holding.filter(|holding| holding.vnic.mac == facts.holder.mac) {
        holding.silence = silence;
    }
}
