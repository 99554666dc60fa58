//! What a bind or an unbind would come to: every step is decided as it would be, by binding's core and by resource, and none
//! is taken.

use bytes::Bytes;
use mooring_domain::{
    Decider, Event, Rejection,
    binding::{BindingCore, Command, State},
};
use mooring_ledger::{Ledger, Outcome, Refused, suppose};
use mooring_proto::{
    binding::v1::{self as api, UnbindResponse},
    preview,
    status::{Unserved, from_unserved},
    stored,
};
use tonic::{Response, Status};

use crate::{
    answer,
    grpc::failed,
    reports::Reports,
    resource::{Pair, Refusal, Resource},
    there::There,
};

pub(crate) struct Validated<'a> {
    pub(crate) ledger: &'a Ledger<BindingCore>,
    pub(crate) reports: &'a Reports,
    pub(crate) resource: Resource,
    pub(crate) there: &'a There,
}

/// The state goes on under whoever only asks.
fn changed_meanwhile() -> Status {
    from_unserved(Unserved::Unavailable)
}

/// What would be stored next.
fn next(state: &mut State, command: &Command) -> Result<Vec<Event>, Rejection> {
    let events = BindingCore::decide(state, command)?;
    suppose::<BindingCore>(state, &events);
    Ok(events)
}

impl Validated<'_> {
    /// The binding as it would be IN_USE, or why it would fail. `requested` is the first step.
    pub(crate) async fn bind(
        &self,
        requested: &Outcome,
        pair: &Pair,
    ) -> Result<Response<api::Binding>, Status> {
        let mut state = requested.state_after(self.ledger);
        let (hold, held) = self.resource.validate_hold(pair).await?;
        let (eip, havip) = match hold {
            Ok(facts) => facts,
            Err(refusal) => return Err(self.would_fail(&state, pair, &refusal).await),
        };
        let bound = next(&mut state, &Command::Confirm { binding: pair.binding, eip, havip });
        let bound = bound.map_err(|rejection| match state.get(pair.binding) {
            Some(binding) => failed(binding, rejection.reason, &rejection.message),
            None => changed_meanwhile(),
        })?;
        let binding = state.get(pair.binding).ok_or_else(changed_meanwhile)?;
        Ok(then(requested.answer(answer::binding(binding, &state, self.reports)), held, &bound))
    }

    /// The new binding as it would be IN_USE, or why it would fail. `requested` is the first step.
    pub(crate) async fn moved(&self, requested: &Outcome) -> Result<Response<api::Binding>, Status> {
        let mut state = requested.state_after(self.ledger);
        let request = requested.events.iter().find_map(|event| match event {
            Event::BindRequested(request) => Some(request),
            _ => None,
        });
        let request = request.ok_or_else(changed_meanwhile)?;
        let (binding, pair) = (request.binding, Pair::from(request));
        let left = request.moved_from.ok_or_else(changed_meanwhile)?;
        let (hold, held) = self.resource.validate_hold(&pair).await?;
        let (eip, havip) = match hold {
            Ok(facts) => facts,
            Err(refusal) => return Err(self.would_fail(&state, &pair, &refusal).await),
        };
        let leave = Command::Leave { binding, eip: eip.clone(), havip: havip.clone() };
        let mut own = next(&mut state, &leave).map_err(Refused::from)?;
        own.extend(next(&mut state, &Command::Confirm { binding, eip, havip }).map_err(Refused::from)?);
        let released = self.resource.validate_release(left).await?;
        let unbound = next(&mut state, &Command::Complete { binding: left }).map_err(Refused::from)?;
        let binding = state.get(binding).ok_or_else(changed_meanwhile)?;
        let answer = requested.answer(answer::binding(binding, &state, self.reports));
        Ok(then(then(answer, held, &own), released, &unbound))
    }

    /// What would be answered once every gateway has taken it out.
    pub(crate) async fn unbind(&self, requested: &Outcome) -> Result<Response<UnbindResponse>, Status> {
        let mut state = requested.state_after(self.ledger);
        let binding = requested.events.iter().find_map(|event| match event {
            Event::UnbindRequested(facts) => Some(facts.binding),
            _ => None,
        });
        let binding = binding.ok_or_else(changed_meanwhile)?;
        let released = self.resource.validate_release(binding).await?;
        let unbound = next(&mut state, &Command::Complete { binding }).map_err(Refused::from)?;
        Ok(then(requested.answer(UnbindResponse::default()), released, &unbound))
    }

    async fn would_fail(&self, state: &State, pair: &Pair, refusal: &Refusal) -> Status {
        let known = |other| self.ledger.view().state.get(other).is_some();
        match (refusal.held_by, state.get(pair.binding)) {
            // What a request that came to nothing still holds is let go of, for a bind that is meant.
            (Some(other), Some(_)) if !known(other) => {
                let message = "what another request has held is being let go of; retry";
                Refused::from(Rejection::in_transition("EIP_IN_TRANSITION", "eip", message)).into()
            }
            (_, Some(binding)) if refusal.reason == "NOT_FOUND" => {
                self.there.missing(&refusal.message, (&binding.eip(), &binding.havip())).await
            }
            (_, Some(binding)) => failed(binding, &refusal.reason, &refusal.message),
            (_, None) => changed_meanwhile(),
        }
    }
}

/// Adds the later steps to what would be stored.
fn then<T>(mut answer: Response<T>, by_resource: Vec<Bytes>, own: &[Event]) -> Response<T> {
    let own = own.iter().map(stored::encode);
    preview::put(answer.metadata_mut(), by_resource.into_iter().chain(own));
    answer
}
