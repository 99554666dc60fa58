//! The decision on a claim.
//!
//! Claims are ordered by when gateways saw them. A gateway whose clock is ahead by more than [`CLOCK_TOLERANCE`] is
//! taken to have seen its claim now, and the event says so: a claim from the future would otherwise shut out every
//! later one until that time comes. The same is true of a holder whose claim lies in the future because clocks were set
//! back since: then the order is that in which claims come here.

use std::{net::IpAddr, time::Duration};

use super::{Havip, State};
use crate::{
    Event, Timestamp,
    address::Mac,
    event::{ClaimFacts, ClaimRejected, ClaimRejection, HolderChanged, VnicFacts},
    id::{HavipId, VpcId},
};

/// How far ahead of this service's clock a claim may have been observed.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);

/// At most one rejection per HAVIP and MAC is stored in this time.
pub const REJECTION_INTERVAL: Duration = Duration::from_secs(10);

/// At most this many rejections per HAVIP are stored in that time: a stranger can invent MACs, and each would cost a
/// commit and a place in memory.
pub const MAX_REJECTIONS: usize = 16;

pub(super) fn claim(
    state: &State,
    vpc: VpcId,
    address: IpAddr,
    claim: &ClaimFacts,
    now: Timestamp,
) -> Option<Event> {
    let havip = state.at(vpc, address)?;
    let claim = not_from_the_future(claim, now);
    match havip.members.get(&claim.mac) {
        Some(member) => holder_changed(havip, member, claim, now),
        None => claim_rejected(state, havip, claim, now),
    }
}

fn not_from_the_future(claim: &ClaimFacts, now: Timestamp) -> ClaimFacts {
    let observed_at = if is_ahead(claim, now) { now } else { claim.observed_at };
    ClaimFacts { observed_at, ..claim.clone() }
}

fn is_ahead(claim: &ClaimFacts, now: Timestamp) -> bool {
    claim.observed_at.since(now) > CLOCK_TOLERANCE
}

fn holder_changed(havip: &Havip, member: &VnicFacts, claim: ClaimFacts, now: Timestamp) -> Option<Event> {
    if let Some(present) = &havip.holding {
        let holds_already = present.vnic.id == member.id;
        let overtaken = claim.observed_at < present.claim.observed_at && !is_ahead(&present.claim, now);
        if holds_already || overtaken {
            return None;
        }
    }
    Some(Event::HolderChanged(HolderChanged {
        havip: havip.facts.clone(),
        holder: member.clone(),
        previous: havip.holding.as_ref().map(|present| present.vnic.clone()),
        claim,
    }))
}

fn claim_rejected(state: &State, havip: &Havip, claim: ClaimFacts, now: Timestamp) -> Option<Event> {
    if was_said(state, havip.facts.id, claim.mac, now) {
        return None;
    }
    let vnic = state.vnics.get(&(havip.facts.vpc, claim.mac)).cloned();
    let reason = if vnic.is_some() { ClaimRejection::NotAMember } else { ClaimRejection::UnknownMac };
    Some(Event::ClaimRejected(ClaimRejected { havip: havip.facts.clone(), claim, vnic, reason }))
}

fn was_said(state: &State, havip: HavipId, mac: Mac, now: Timestamp) -> bool {
    let recent = |at: &Timestamp| now.since(*at) < REJECTION_INTERVAL;
    if state.rejected.get(&(havip, mac)).is_some_and(recent) {
        return true;
    }
    let of_havip = state.rejected.range((havip, Mac([0; 6]))..=(havip, Mac([0xff; 6])));
    of_havip.filter(|(_, at)| recent(at)).count() >= MAX_REJECTIONS
}
