//! A move: an EIP leaves the HAVIP that it fronts for another, which has been held for it before anything is taken out. A
//! gap is allowed, an overlap never.
//!
//! `BindRequested` with the binding that is left, which stays in use while resource is asked to hold the other HAVIP →
//! `UnbindRequested` of the one that is left → every gateway has taken it out → `Bound` of the new one → the old hold is
//! released → `Unbound` of the one that was left.

use super::{Phase, State, decide, progress};
use crate::{
    Event, Expected, Rejection,
    event::{BindRequested, EipFacts, HavipFacts},
    id::{BindingId, Eip, Havip},
    name::Name,
};

pub(super) fn start(
    state: &State,
    id: BindingId,
    eip: &Name<Eip>,
    havip: &Name<Havip>,
    expected: Expected,
) -> Result<Vec<Event>, Rejection> {
    decide::check_scopes(&eip.scope, &havip.scope)?;
    let Some(left) = state.of_eip(&eip.scope.project, eip.id) else {
        let message = format!("{eip} fronts nothing that it could leave; bind it");
        return Err(Rejection::precondition("EIP_NOT_BOUND", "eip", message));
    };
    let of_havip = state.of_havip(&havip.scope.project, havip.id);
    if let Some(to) = state.moving_to(left.request.binding) {
        return if to.request.havip == havip.id { Ok(Vec::new()) } else { Err(decide::on_the_move(to)) };
    }
    if !matches!(left.phase, Phase::InUse(_)) {
        return Err(decide::under_way(left, eip));
    }
    if left.request.havip == havip.id {
        return Ok(Vec::new());
    }
    expected.check(left.at, left.name())?;
    decide::check_one_eip(of_havip, havip)?;
    decide::check_new(state, id)?;
    Ok(vec![Event::BindRequested(BindRequested {
        moved_from: Some(left.request.binding),
        ..decide::request(id, eip, havip)
    })])
}

/// The other HAVIP is held: the EIP can leave. Only a hold that was taken away could keep the move from its end now; the EIP
/// is free then.
pub(super) fn leave(
    state: &State,
    id: BindingId,
    eip: &EipFacts,
    havip: &HavipFacts,
) -> Result<Vec<Event>, Rejection> {
    let binding = progress::require(state, id)?;
    let left = binding.request.moved_from.and_then(|left| state.get(left));
    match (&binding.phase, left.map(|left| &left.phase)) {
        (Phase::Associating, Some(Phase::InUse(facts))) => {
            progress::check_facts(&binding.request, eip, havip)?;
            Ok(vec![Event::UnbindRequested(facts.clone())])
        }
        _ => Ok(Vec::new()),
    }
}
