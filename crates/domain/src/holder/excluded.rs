//! A holder that may hold a HAVIP no more, because its members or its rules were changed, or its vNIC deleted. It loses the HAVIP
//! with resource's event, at every reader of the log alike; health's own event then says so to whoever watches holders.

use std::sync::Arc;

use super::{Havip, State, evolve::held_by_nobody, lease::withdrawn};
use crate::{Event, event::Withdrawal, id::HavipId};

pub(super) fn excluded(havip: &Havip) -> Option<Event> {
    havip.excluded.as_ref().map(|vnic| withdrawn(havip, vnic, Withdrawal::Excluded))
}

/// Takes the HAVIP from its holder if that may not hold it.
pub(super) fn exclude(state: &mut State, id: HavipId) {
    let Some(havip) = state.havips.get(&id) else { return };
    let Some(holder) = havip.holding.as_ref().map(|holding| holding.vnic.clone()) else { return };
    if state.may_hold(havip, holder.mac).is_some() {
        return;
    }
    held_by_nobody(state, id);
    if let Some(havip) = state.havips.get_mut(&id).map(Arc::make_mut) {
        havip.excluded = Some(Box::new(holder));
        state.excluded.insert(id);
    }
}

/// There is nothing to be said of it any more.
pub(super) fn settle_exclusion(state: &mut State, id: HavipId) {
    if let Some(havip) = state.havips.get_mut(&id).map(Arc::make_mut) {
        havip.excluded = None;
    }
    state.excluded.remove(&id);
}
