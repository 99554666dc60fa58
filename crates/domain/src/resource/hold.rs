//! Rules of a hold. A binding holds once and lets go once; what let go can never hold again, whenever a delayed `Hold`
//! arrives, so that a terminal binding never has a hold.

use std::time::Duration;

use super::{Hold, ReleaseHold, State};
use crate::{
    Event, Rejection, Timestamp,
    event::{BindingFacts, EipFacts, HavipFacts, HoldReleased},
    id::{Binding, BindingId},
    name::{Name, Scope},
    resource::Facts,
};

/// How long a released binding's id is remembered, so that a delayed hold is refused.
pub const RELEASED_ARE_REMEMBERED: Duration = Duration::from_hours(24);

/// How much later than the making of the binding's id (a UUIDv7) a new hold may come. After that the release may have
/// been forgotten, so that it must be refused: half of [`RELEASED_ARE_REMEMBERED`] leaves room for clocks that differ.
pub const HOLD_MAY_BE_LATE: Duration = Duration::from_hours(12);

pub(super) fn place(state: &State, command: &Hold) -> Result<Vec<Event>, Rejection> {
    if let Some(holds) = state.hold(command.binding) {
        if (holds.eip, holds.havip) == (command.eip, command.havip) {
            return Ok(Vec::new());
        }
        let message = "the binding holds another EIP or HAVIP";
        return Err(held(state, command.binding, "HOLD_DIFFERS", "binding", message));
    }
    check_not_over(state, command)?;
    let is_theirs = |scope: Scope| {
        scope.region == command.region
            && command.project.as_ref().is_none_or(|project| scope.project == *project)
    };
    let eip = state.eips.get(command.eip).filter(|entry| is_theirs(entry.facts.parent()));
    let eip = eip.ok_or_else(|| Rejection::not_found("eip", format!("EIP {}", command.eip)))?;
    let havip = state.havips.get(command.havip).filter(|entry| is_theirs(entry.facts.parent()));
    let havip = havip.ok_or_else(|| Rejection::not_found("havip", format!("HAVIP {}", command.havip)))?;
    check_free(state, &eip.facts.eip, &havip.facts.havip, command.moved_from)?;
    Ok(vec![Event::HoldPlaced(BindingFacts {
        binding: command.binding,
        eip: eip.facts.eip.clone(),
        havip: havip.facts.havip.clone(),
    })])
}

pub(super) fn release(state: &State, command: &ReleaseHold) -> Result<Vec<Event>, Rejection> {
    if state.released_at(command.binding).is_some() {
        return Ok(Vec::new());
    }
    let held = state.hold(command.binding).and_then(|held| {
        let (eip, havip) = (state.eips.get(held.eip)?, state.havips.get(held.havip)?);
        Some((eip.facts.eip.clone(), havip.facts.havip.clone()))
    });
    let (binding, region) = (command.binding, command.region.clone());
    Ok(vec![Event::HoldReleased(HoldReleased { binding, region, held })])
}

fn check_not_over(state: &State, command: &Hold) -> Result<(), Rejection> {
    if state.released_at(command.binding).is_some() {
        let message = "the binding has let go and can't hold again; bind anew";
        return Err(Rejection::precondition("HOLD_RELEASED", "binding", message));
    }
    let late = made_at(command.binding).is_some_and(|made| command.now.since(made) > HOLD_MAY_BE_LATE);
    if late {
        let message = "the binding is too old to hold for the first time; bind anew";
        return Err(Rejection::precondition("HOLD_TOO_LATE", "binding", message));
    }
    Ok(())
}

fn check_free(
    state: &State,
    eip: &EipFacts,
    havip: &HavipFacts,
    moved_from: Option<BindingId>,
) -> Result<(), Rejection> {
    if let Some(other) = state.eip_held_by(eip.id).filter(|other| Some(*other) != moved_from) {
        let message = format!("the EIP {} is held by another binding", eip.address);
        return Err(held(state, other, "EIP_TAKEN", "eip", &message));
    }
    if let Some(other) = state.havip_held_by(havip.id) {
        let message = format!("the HAVIP {} is held by another binding", havip.address);
        return Err(held(state, other, "HAVIP_TAKEN", "havip", &message));
    }
    Ok(())
}

/// The state forbids it because of what `binding` holds.
pub(super) fn held(
    state: &State,
    binding: BindingId,
    reason: &'static str,
    field: &'static str,
    message: &str,
) -> Rejection {
    let rejection = Rejection::precondition(reason, field, message);
    match scope_of(state, binding) {
        Some(scope) => rejection.because_of(Name::<Binding> { scope, id: binding }),
        None => rejection,
    }
}

/// A binding belongs where its HAVIP does.
fn scope_of(state: &State, binding: BindingId) -> Option<Scope> {
    let held = state.hold(binding)?;
    state.havips.get(held.havip).map(|entry| entry.facts.parent())
}

/// When a UUIDv7 was made; `None` for other ids.
fn made_at(binding: BindingId) -> Option<Timestamp> {
    let (7, Some(made)) = (binding.uuid().get_version_num(), binding.uuid().get_timestamp()) else {
        return None;
    };
    let (seconds, nanos) = made.to_unix();
    Some(Timestamp(seconds.checked_mul(1_000_000_000)?.checked_add(nanos.into())?))
}
