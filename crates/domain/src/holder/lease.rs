//! Holders that announce themselves over gRPC, where they can't on layer 2: what nobody sees again has an end, so they hold a
//! HAVIP for a lease. The same decision as on every claim, by health's clock.

use std::{ops::RangeInclusive, time::Duration};

use super::{Announce, Havip, Sighting, State, Verdict, contest::contested, decide, judge};
use crate::{
    Event, Rejection, Timestamp,
    event::{ClaimFacts, HolderWithdrawn, LeaseRenewed, VnicFacts, Withdrawal},
    humane::Humane,
    id,
    name::{Name, Scope},
};

/// How long a lease may be.
pub const LEASES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

pub(super) fn announce(state: &State, asked: &Announce) -> Result<Option<Event>, Rejection> {
    let havip = state.named(&asked.havip)?;
    may_be_announced(havip)?;
    let vnic = claimant(state, havip, &asked.vnic)?;
    if !LEASES.contains(&asked.lease) {
        let [least, most, is] = [*LEASES.start(), *LEASES.end(), asked.lease].map(Humane);
        let message = format!("must be {least} to {most}, is {is}");
        return Err(Rejection::invalid("lease_ms", message));
    }
    let claim = ClaimFacts { gateway: asked.by.clone(), number: 0, mac: vnic.mac, observed_at: asked.now };
    let present = decide::present(havip, &asked.heard, asked.now);
    Ok(match judge(true, present, Sighting::from(&claim), asked.now) {
        Verdict::Moves => Some(decide::holder_changed(havip, vnic, claim, Some(asked.lease))),
        Verdict::Postponed => contested(havip, vnic.clone(), claim),
        Verdict::Holds => renewed(havip, asked.lease, asked.now),
        Verdict::Overtaken | Verdict::Stranger => None,
    })
}

/// A holder that announces itself often writes seldom: it always has half of its lease left at least. One from before the
/// clock was set back ends too late.
fn renewed(havip: &Havip, lease: Duration, now: Timestamp) -> Option<Event> {
    let holding = havip.holding.as_ref()?;
    let present = holding.lease?;
    let has_half = lease / 2 <= present.ends.since(now);
    let is_young = present.length == lease && has_half && !present.is_ahead_of(now);
    let (havip, holder) = (havip.facts.clone(), holding.vnic.clone());
    (!is_young).then_some(Event::LeaseRenewed(LeaseRenewed { havip, holder, renewed_at: now, lease }))
}

pub(super) fn withdraw(
    state: &State,
    havip: &Name<id::Havip>,
    vnic: &Name<id::Vnic>,
) -> Result<Option<Event>, Rejection> {
    let havip = state.named(havip)?;
    // Also where it may be announced no more: its lease goes on, and whoever has one can let go.
    if havip.holding.as_ref().is_none_or(|holding| holding.lease.is_none()) {
        may_be_announced(havip)?;
    }
    let claimant = claimant(state, havip, vnic)?;
    let Some(holding) = havip.holding.as_ref().filter(|holding| holding.vnic.id == claimant.id) else {
        return Ok(None);
    };
    if holding.lease.is_none() {
        let message = format!(
            "{} was seen on layer 2 and has no lease: it lets go of the HAVIP by no longer having its address",
            claimant.instance
        );
        return Err(Rejection::precondition("NO_LEASE", "vnic", message).because_of(vnic));
    }
    Ok(Some(withdrawn(havip, claimant, Withdrawal::Withdrawn)))
}

/// A service that has just begun, or whose clock was set, gives every holder the time of its lease to announce itself again:
/// no more where the clock was set back, or one that is gone would hold it for as long as that.
pub(super) fn expired(havip: &Havip, since: Timestamp, now: Timestamp) -> Option<Event> {
    let holding = havip.holding.as_ref()?;
    let lease = holding.lease?;
    let again = since.plus(lease.length);
    let ends = if lease.is_ahead_of(now) { again } else { lease.ends.max(again) };
    (ends <= now).then(|| withdrawn(havip, &holding.vnic, Withdrawal::Expired))
}

pub(super) fn withdrawn(havip: &Havip, holder: &VnicFacts, reason: Withdrawal) -> Event {
    let (havip, holder) = (havip.facts.clone(), holder.clone());
    Event::HolderWithdrawn(HolderWithdrawn { havip, holder, reason })
}

fn may_be_announced(havip: &Havip) -> Result<(), Rejection> {
    if havip.rules.announce {
        return Ok(());
    }
    let message =
        format!("{} is announced on layer 2 only; allow it with announce", havip.facts.display_name);
    Err(Rejection::precondition("ANNOUNCE_NOT_ALLOWED", "havip", message).because_of(havip.name()))
}

/// A vNIC that may hold it.
fn claimant<'a>(
    state: &'a State,
    havip: &'a Havip,
    name: &Name<id::Vnic>,
) -> Result<&'a VnicFacts, Rejection> {
    let of = &havip.facts;
    let missing = || Rejection::not_found("vnic", name);
    if name.scope != (Scope { project: of.project.clone(), region: of.region.clone() }) {
        return Err(missing());
    }
    let member = havip.members.iter().find(|member| member.id == name.id);
    let vnic =
        member.or_else(|| state.vnics_of(of.vpc).find(|vnic| vnic.id == name.id)).ok_or_else(missing)?;
    state.may_hold(havip, vnic.mac).ok_or_else(|| {
        let message = format!("{} may not hold {}", vnic.instance, of.display_name);
        Rejection::precondition("NOT_A_MEMBER", "vnic", message).because_of(name)
    })
}
