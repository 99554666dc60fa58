//! What events make of health's state: resource's say who may hold what, its own say who does. Nothing is refused.

use std::sync::Arc;

use super::{
    Contest, Havip, Holding, Lease, REJECTION_INTERVAL, State,
    excluded::{exclude, settle_exclusion},
    silence,
    state::Placed,
};
use crate::{
    Commit, CommitPosition, Event, Position, Stream, Timestamp,
    event::{
        ClaimRejected, HavipCreated, HavipFacts, HolderChanged, HolderContested, HolderSettled,
        HolderWithdrawn, LeaseRenewed, VnicCreated, VnicFacts,
    },
    id::HavipId,
    name::Scope,
};

pub(super) fn evolve(state: &mut State, commit: &Commit) {
    for event in &commit.events {
        match event {
            Event::VnicCreated(created) => vnic_created(state, created),
            Event::VnicDeleted(deleted) => vnic_deleted(state, deleted),
            Event::HavipCreated(created) => havip_created(state, created),
            Event::HavipUpdated(updated) => havip_updated(state, updated),
            Event::HavipDeleted(havip) => havip_deleted(state, havip),
            Event::HolderChanged(change) => holder_changed(state, change, commit.at),
            Event::FailoverMeasured(measured) => state.failovers.enter(commit.at, measured),
            Event::ClaimRejected(rejected) => claim_rejected(state, rejected, commit.recorded_at),
            Event::HolderContested(contested) => holder_contested(state, contested),
            Event::HolderSettled(settled) => holder_settled(state, settled),
            Event::HolderWithdrawn(withdrawn) => holder_withdrawn(state, withdrawn),
            Event::LeaseRenewed(renewed) => lease_renewed(state, renewed),
            Event::HolderSilent(facts) => silence::fell_silent(state, facts, commit.at),
            Event::HolderHeard(facts) => silence::was_heard(state, facts),
            _ => {}
        }
    }
    if commit.stream == Stream::Health {
        forget_rejected(state, commit.recorded_at);
    }
}

fn scope_of(havip: &HavipFacts) -> Scope {
    Scope { project: havip.project.clone(), region: havip.region.clone() }
}

fn vnic_created(state: &mut State, created: &VnicCreated) {
    state.vnics.insert(
        (created.vpc, created.vnic.mac),
        Placed { vnic: created.vnic.clone(), subnet: created.subnet },
    );
}

/// A member can't be deleted: only HAVIPs that are open to its subnet can be left without their holder.
fn vnic_deleted(state: &mut State, deleted: &VnicCreated) {
    state.vnics.remove(&(deleted.vpc, deleted.vnic.mac));
    let scope = Scope { project: deleted.project.clone(), region: deleted.region.clone() };
    let held =
        |havip: &&Havip| havip.holding.as_ref().is_some_and(|holding| holding.vnic.id == deleted.vnic.id);
    let held: Vec<_> = state.list(&scope, None).filter(held).map(|havip| havip.facts.id).collect();
    held.into_iter().for_each(|havip| exclude(state, havip));
}

fn havip_created(state: &mut State, created: &HavipCreated) {
    let facts = created.havip.clone();
    state.by_scope.insert(&scope_of(&facts), facts.id);
    state.by_address.insert((facts.vpc, facts.address), facts.id);
    let (members, rules, changed) = (members(created), created.rules, Position::default());
    let havip = Havip { facts, members, rules, holding: None, changed, contest: None, excluded: None };
    state.havips.insert(havip.facts.id, Arc::new(havip));
}

fn members(havip: &HavipCreated) -> Arc<[VnicFacts]> {
    let mut members = havip.members.clone();
    members.sort_by_key(|member| member.mac);
    members.into()
}

fn havip_updated(state: &mut State, updated: &HavipCreated) {
    if let Some(havip) = state.havips.get_mut(&updated.havip.id).map(Arc::make_mut) {
        (havip.facts, havip.members, havip.rules) = (updated.havip.clone(), members(updated), updated.rules);
        exclude(state, updated.havip.id);
    }
}

fn havip_deleted(state: &mut State, havip: &HavipFacts) {
    leased(state, havip.id, None);
    settle_exclusion(state, havip.id);
    if state.havips.remove(&havip.id).is_none() {
        return;
    }
    state.by_scope.remove(&scope_of(havip), &havip.id);
    state.by_address.remove(&(havip.vpc, havip.address));
    state.contested.remove(&havip.id);
    state.failovers.forget_havip(havip.id);
}

/// Also after a deletion that this stream's writer had not seen yet: there is nothing to change then.
fn holder_changed(state: &mut State, change: &HolderChanged, at: CommitPosition) {
    leased(state, change.havip.id, None);
    if let Some(havip) = state.havips.get_mut(&change.havip.id).map(Arc::make_mut) {
        let (vnic, claim, backoff) = (change.holder.clone(), change.claim.clone(), change.backoff);
        havip.holding = Some(Holding { vnic, claim, at, backoff, lease: None, silence: None });
        havip.changed = at.position;
        if let Some((contest, previous)) = havip.contest.as_mut().zip(change.previous.clone()) {
            **contest = Contest { rival: previous, seen: change.claim.observed_at, postponed: false };
        }
    }
    let observed_at = change.claim.observed_at;
    let lease = change.lease.map(|length| Lease { length, ends: observed_at.plus(length) });
    leased(state, change.havip.id, lease);
    settle_exclusion(state, change.havip.id);
    // It may have been excluded before this, unseen by whoever decided it.
    exclude(state, change.havip.id);
}

/// The holder's lease from now on, also in the order in which leases end.
pub(super) fn leased(state: &mut State, id: HavipId, lease: Option<Lease>) {
    let Some(holding) = state.havips.get_mut(&id).map(Arc::make_mut).and_then(|havip| havip.holding.as_mut())
    else {
        return;
    };
    let before = std::mem::replace(&mut holding.lease, lease);
    state.leases.change(id, before, lease);
}

fn lease_renewed(state: &mut State, renewed: &LeaseRenewed) {
    let lease = Lease { length: renewed.lease, ends: renewed.renewed_at.plus(renewed.lease) };
    leased(state, renewed.havip.id, Some(lease));
}

fn holder_withdrawn(state: &mut State, withdrawn: &HolderWithdrawn) {
    let id = withdrawn.havip.id;
    settle_exclusion(state, id);
    held_by_nobody(state, id);
}

pub(super) fn held_by_nobody(state: &mut State, id: HavipId) {
    leased(state, id, None);
    if let Some(havip) = state.havips.get_mut(&id).map(Arc::make_mut) {
        (havip.holding, havip.contest) = (None, None);
        state.contested.remove(&id);
    }
}

fn holder_contested(state: &mut State, contested: &HolderContested) {
    if let Some(havip) = state.havips.get_mut(&contested.havip.id).map(Arc::make_mut) {
        let (rival, seen) = (contested.rival.clone(), contested.claim.observed_at);
        havip.contest = Some(Box::new(Contest { rival, seen, postponed: true }));
        state.contested.insert(contested.havip.id);
    }
}

fn holder_settled(state: &mut State, settled: &HolderSettled) {
    if let Some(havip) = state.havips.get_mut(&settled.havip.id).map(Arc::make_mut) {
        havip.contest = None;
        state.contested.remove(&settled.havip.id);
    }
}

pub(super) fn claim_rejected(state: &mut State, rejected: &ClaimRejected, at: Timestamp) {
    let (havip, mac) = (rejected.havip.id, rejected.claim.mac);
    if let Some(before) = state.rejected.insert((havip, mac), at) {
        state.rejected_in_order.remove(&(before, havip, mac));
    }
    state.rejected_in_order.insert((at, havip, mac));
}

fn forget_rejected(state: &mut State, now: Timestamp) {
    while let Some((at, havip, mac)) = state.rejected_in_order.get_min().copied() {
        if now.since(at) < REJECTION_INTERVAL {
            return;
        }
        state.rejected_in_order.remove(&(at, havip, mac));
        state.rejected.remove(&(havip, mac));
    }
}
