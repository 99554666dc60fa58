//! What binding's own events make of its state. Nothing is decided here, and nothing refused.

use std::{sync::Arc, time::Duration};

use super::{Binding, Drifts, Gateway, Phase, State};
use crate::{
    Commit, CommitPosition, Event, Timestamp,
    event::{BindFailed, BindRequested, BindingFacts, GatewayDriftFound, GatewayFacts},
    id::{BindingId, EipId, HavipId},
    name::ProjectId,
};

/// How long a failed binding can be read.
pub const FAILED_ARE_REMEMBERED: Duration = Duration::from_hours(24);

/// How many failed bindings can be read; the oldest go first.
pub const MAX_FAILED: usize = 100_000;

pub(super) fn evolve(state: &mut State, commit: &Commit) {
    for event in &commit.events {
        match event {
            Event::BindRequested(request) => requested(state, request, commit.at),
            Event::Bound(facts) => bound(state, facts, commit.at),
            Event::BindFailed(failed) => bind_failed(state, failed, commit.at, commit.recorded_at),
            Event::UnbindRequested(facts) => unbind_requested(state, facts, commit.at),
            Event::Unbound(facts) => unbound(state, facts.binding),
            Event::GatewayRegistered(facts) => gateway(state, facts, true, commit.at),
            Event::GatewayDecommissioned(facts) => gateway(state, facts, false, commit.at),
            Event::GatewayDriftFound(drift) => drift_found(state, drift, commit.at),
            _ => {}
        }
    }
    forget_failed(state, commit.recorded_at);
}

fn eip_key(request: &BindRequested) -> (EipId, ProjectId) {
    (request.eip, request.eip_project.clone())
}

fn havip_key(request: &BindRequested) -> (HavipId, ProjectId) {
    (request.havip, request.project.clone())
}

fn requested(state: &mut State, request: &BindRequested, at: CommitPosition) {
    let binding = Binding { request: request.clone(), phase: Phase::Associating, at };
    state.by_scope.insert(&binding.scope(), request.binding);
    match request.moved_from {
        // Until it fronts the other, it is the old binding that has taken it.
        Some(left) => drop(state.moves.insert(left, request.binding)),
        None => drop(state.by_eip.insert(eip_key(request), request.binding)),
    }
    state.by_havip.insert(havip_key(request), request.binding);
    state.unfinished.insert(request.binding);
    state.bindings.insert(request.binding, Arc::new(binding));
}

fn bound(state: &mut State, facts: &BindingFacts, at: CommitPosition) {
    state.unfinished.remove(&facts.binding);
    if let Some(binding) = state.bindings.get(&facts.binding) {
        state.by_eip.insert(eip_key(&binding.request), facts.binding);
    }
    moved(state, facts.binding);
    enter(state, facts.binding, Phase::InUse(facts.clone()), at);
}

fn unbind_requested(state: &mut State, facts: &BindingFacts, at: CommitPosition) {
    state.unfinished.insert(facts.binding);
    enter(state, facts.binding, Phase::Unassociating(facts.clone()), at);
}

fn bind_failed(state: &mut State, failed: &BindFailed, at: CommitPosition, now: Timestamp) {
    let id = failed.request.binding;
    let phase = Phase::Failed { reason: failed.reason.clone(), message: failed.message.clone() };
    moved(state, id);
    let_go(state, id);
    enter(state, id, phase, at);
    state.failed_in_order.insert((now, id));
}

fn unbound(state: &mut State, id: BindingId) {
    let_go(state, id);
    forget(state, id);
}

fn enter(state: &mut State, id: BindingId, phase: Phase, at: CommitPosition) {
    if let Some(binding) = state.bindings.get_mut(&id).map(Arc::make_mut) {
        binding.phase = phase;
        binding.at = at;
    }
}

/// A move has come to its end, one way or the other.
fn moved(state: &mut State, to: BindingId) {
    if let Some(left) = state.bindings.get(&to).and_then(|binding| binding.request.moved_from) {
        state.moves.remove(&left);
    }
}

/// A terminal binding takes neither EIP nor HAVIP. An EIP that has moved, or has failed to, is another's.
fn let_go(state: &mut State, id: BindingId) {
    state.unfinished.remove(&id);
    if let Some(binding) = state.bindings.get(&id) {
        let eip = eip_key(&binding.request);
        if state.by_eip.get(&eip) == Some(&id) {
            state.by_eip.remove(&eip);
        }
        state.by_havip.remove(&havip_key(&binding.request));
    }
}

fn forget(state: &mut State, id: BindingId) {
    if let Some(binding) = state.bindings.remove(&id) {
        state.by_scope.remove(&binding.scope(), &id);
    }
}

fn forget_failed(state: &mut State, now: Timestamp) {
    while let Some((at, id)) = state.failed_in_order.get_min().copied() {
        if now.since(at) <= FAILED_ARE_REMEMBERED && state.failed_in_order.len() <= MAX_FAILED {
            return;
        }
        state.failed_in_order.remove(&(at, id));
        forget(state, id);
    }
}

fn gateway(state: &mut State, facts: &GatewayFacts, registered: bool, at: CommitPosition) {
    let drifts = state.gateways.get(&facts.gateway).map_or_else(Drifts::default, |known| known.drifts);
    let gateway = Gateway { facts: facts.clone(), registered, at, drifts };
    state.gateways.insert(facts.gateway.clone(), gateway);
}

fn drift_found(state: &mut State, drift: &GatewayDriftFound, at: CommitPosition) {
    if let Some(known) = state.gateways.get_mut(&drift.gateway.gateway) {
        known.drifts.count += 1 + drift.unrecorded;
        known.drifts.last = Some(at);
    }
}
