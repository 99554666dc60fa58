//! What health makes of a claim. A gateway whose clock is ahead by more than [`super::CLOCK_TOLERANCE`] is taken to have
//! seen its claim now, and the event says so: a claim from the future would shut out every later one until that time.

use std::{net::IpAddr, time::Duration};

use super::{Havip, Heard, Present, Sighting, State, Verdict, contest::contested, judge, silence::announced};
use crate::{
    Event, Timestamp,
    address::Mac,
    event::{ClaimFacts, ClaimRejected, ClaimRejection, HolderChanged, VnicFacts},
    id::{HavipId, VpcId},
};

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
    (heard, now): (&Heard, Timestamp),
) -> Option<Event> {
    let havip = state.at(vpc, address)?;
    let observed_at = Sighting::from(claim).at_most(now).observed_at;
    let claim = ClaimFacts { observed_at, ..claim.clone() };
    let vnic = state.may_hold(havip, claim.mac);
    let present = present(havip, heard, now);
    match (judge(vnic.is_some(), present, Sighting::from(&claim), now), vnic) {
        (Verdict::Moves, Some(vnic)) => Some(holder_changed(havip, vnic, claim, None)),
        (Verdict::Postponed, Some(rival)) => contested(havip, rival.clone(), claim),
        (Verdict::Holds, _) => announced(havip, &claim, now),
        (Verdict::Stranger, _) => claim_rejected(state, havip, claim, (heard.unrecorded, now)),
        _ => None,
    }
}

/// Who holds it.
pub(super) fn present(havip: &Havip, heard: &Heard, now: Timestamp) -> Option<Present> {
    havip.holding.as_ref().map(|present| Present {
        seen: seen_last(Sighting::from(&present.claim), heard, now),
        until: present.until(),
    })
}

/// The present holder, as of its latest claim that was handed in: it announces itself again without an event.
fn seen_last(present: Sighting, heard: &Heard, now: Timestamp) -> Sighting {
    let its = heard.latest.iter().find(|seen| seen.mac == present.mac).map(|seen| seen.observed_at);
    let latest = its.filter(|latest| !latest.is_ahead_of(now)).unwrap_or_default();
    Sighting { observed_at: present.observed_at.max(latest), ..present }
}

pub(super) fn holder_changed(
    havip: &Havip,
    holder: &VnicFacts,
    claim: ClaimFacts,
    lease: Option<Duration>,
) -> Event {
    let before = havip.holding.as_ref().map(|present| present.backoff).unwrap_or_default();
    Event::HolderChanged(HolderChanged {
        havip: havip.facts.clone(),
        holder: holder.clone(),
        previous: havip
            .holding
            .as_ref()
            .map(|present| present.vnic.clone())
            .or_else(|| havip.excluded.as_deref().cloned()),
        claim,
        backoff: havip.rules.damping.next(before, havip.is_postponed()),
        lease,
    })
}

fn claim_rejected(
    state: &State,
    havip: &Havip,
    claim: ClaimFacts,
    (unrecorded, now): (u64, Timestamp),
) -> Option<Event> {
    if was_said(state, havip.facts.id, claim.mac, now) {
        return None;
    }
    let vnic = state.vnics.get(&(havip.facts.vpc, claim.mac)).map(|placed| placed.vnic.clone());
    let reason = if vnic.is_some() { ClaimRejection::NotAMember } else { ClaimRejection::UnknownMac };
    Some(Event::ClaimRejected(ClaimRejected { havip: havip.facts.clone(), claim, vnic, reason, unrecorded }))
}

fn was_said(state: &State, havip: HavipId, mac: Mac, now: Timestamp) -> bool {
    let recent = |at: &Timestamp| now.since(*at) < REJECTION_INTERVAL;
    if state.rejected.get(&(havip, mac)).is_some_and(recent) {
        return true;
    }
    let of_havip = state.rejected.range((havip, Mac([0; 6]))..=(havip, Mac([0xff; 6])));
    of_havip.filter(|(_, at)| recent(at)).count() >= MAX_REJECTIONS
}
