//! What the process manager says: confirm, fail, complete. Every step is idempotent by binding id, so that a crash
//! before or after it costs nothing but doing it again.

use std::sync::Arc;

use super::{Binding, Phase, State, decide};
use crate::{
    Event, Rejection,
    event::{BindFailed, BindRequested, BindingFacts, EipFacts, HavipFacts},
    id::BindingId,
};

pub(super) fn confirm(
    state: &State,
    id: BindingId,
    eip: &EipFacts,
    havip: &HavipFacts,
) -> Result<Vec<Event>, Rejection> {
    let binding = require(state, id)?;
    match &binding.phase {
        Phase::Associating => {
            check_facts(&binding.request, eip, havip)?;
            check_left(state, binding)?;
            let facts = BindingFacts { binding: id, eip: eip.clone(), havip: havip.clone() };
            Ok(vec![Event::Bound(facts)])
        }
        Phase::InUse(facts) | Phase::Unassociating(facts) => {
            if (&facts.eip, &facts.havip) == (eip, havip) {
                Ok(Vec::new())
            } else {
                Err(differ(binding))
            }
        }
        Phase::Failed { .. } => Err(out_of_turn(binding, "NOT_ASSOCIATING", "the binding has failed")),
    }
}

pub(super) fn fail(
    state: &State,
    id: BindingId,
    reason: &Arc<str>,
    message: &Arc<str>,
) -> Result<Vec<Event>, Rejection> {
    let binding = require(state, id)?;
    match binding.phase {
        Phase::Associating => Ok(vec![Event::BindFailed(BindFailed {
            request: binding.request.clone(),
            reason: reason.clone(),
            message: message.clone(),
        })]),
        Phase::Failed { .. } => Ok(Vec::new()),
        Phase::InUse(_) | Phase::Unassociating(_) => Err(out_of_turn(
            binding,
            "NOT_ASSOCIATING",
            "the binding was in use: it can be unbound, not fail",
        )),
    }
}

pub(super) fn complete(state: &State, id: BindingId) -> Result<Vec<Event>, Rejection> {
    let Some(binding) = state.get(id) else { return Ok(Vec::new()) };
    match &binding.phase {
        Phase::Unassociating(facts) => match state.goes_after(binding) {
            Some(other) => {
                Err(out_of_turn(other, "NOT_MOVED", "a move of its EIP has not come to its end yet"))
            }
            None => Ok(vec![Event::Unbound(facts.clone())]),
        },
        Phase::Failed { .. } => Ok(Vec::new()),
        Phase::Associating | Phase::InUse(_) => {
            Err(out_of_turn(binding, "NOT_UNASSOCIATING", "nobody has asked to unbind it"))
        }
    }
}

pub(super) fn require(state: &State, id: BindingId) -> Result<&Binding, Rejection> {
    state.get(id).ok_or_else(|| Rejection::not_found("binding", format!("binding {id}")))
}

/// What resource holds must be what was asked: the names in a request are a caller's words, the facts are resource's.
pub(super) fn check_facts(
    request: &BindRequested,
    eip: &EipFacts,
    havip: &HavipFacts,
) -> Result<(), Rejection> {
    let refuse = |reason, message: String| Err(Rejection::precondition(reason, "binding", message));
    if (eip.id, havip.id) != (request.eip, request.havip) {
        return refuse("FACTS_DIFFER", "resource answered about another EIP or HAVIP".into());
    }
    if eip.region != request.region || havip.region != request.region {
        let message = format!("the EIP is in region {}, the HAVIP in {}", eip.region, havip.region);
        return refuse("OTHER_REGION", message);
    }
    if eip.project != request.eip_project || havip.project != request.project {
        return refuse("OTHER_PROJECT", "the EIP or the HAVIP does not belong to the project named".into());
    }
    decide::check_families(eip.address, havip.address)
}

/// What an EIP moves from is being taken out before it fronts anything else.
fn check_left(state: &State, binding: &Binding) -> Result<(), Rejection> {
    match binding.request.moved_from.and_then(|left| state.get(left)) {
        Some(left) if matches!(left.phase, Phase::InUse(_)) => {
            Err(out_of_turn(left, "NOT_UNASSOCIATING", "the binding that the EIP leaves is in use"))
        }
        _ => Ok(()),
    }
}

fn differ(binding: &Binding) -> Rejection {
    out_of_turn(binding, "FACTS_DIFFER", "the binding was confirmed with other facts")
}

fn out_of_turn(binding: &Binding, reason: &'static str, message: &str) -> Rejection {
    Rejection::precondition(reason, "binding", message).because_of(binding.name())
}
