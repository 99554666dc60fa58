//! Holds that no request in the log stands behind: a hold is asked for while its request is being stored, and whoever
//! asked may have died in between.

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use crate::{
    Commit, Decider, Event, Rejection, Stream,
    id::{BindingId, EipId, HavipId},
};

/// Follows requests and holds. It decides nothing.
#[derive(Clone, Copy, Debug)]
pub enum UnclaimedCore {}

/// There is nothing to be asked of it.
#[derive(Clone, Copy, Debug)]
pub enum Nothing {}

/// The holds and requests that wait for each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Unclaimed {
    holds: OrdMap<BindingId, (EipId, HavipId)>,
    requests: OrdSet<BindingId>,
}

impl Unclaimed {
    /// Who holds without a request, in id order.
    pub fn bindings(&self) -> impl Iterator<Item = BindingId> + use<'_> {
        self.holds.keys().copied()
    }

    /// Whether one of them, another than `binding`, has the EIP or the HAVIP.
    pub fn is_in_the_way(&self, binding: BindingId, eip: EipId, havip: HavipId) -> bool {
        let touches = |(held_eip, held_havip): &(EipId, HavipId)| *held_eip == eip || *held_havip == havip;
        self.holds.iter().any(|(id, held)| *id != binding && touches(held))
    }
}

impl Decider for UnclaimedCore {
    const STREAM: Stream = Stream::Binding;
    const STATE_VERSION: u32 = 1;
    const READS: &'static [Stream] = &[Stream::Resource, Stream::Binding];
    type State = Unclaimed;
    type Command = Nothing;

    fn decide(_: &Unclaimed, command: &Nothing) -> Result<Vec<Event>, Rejection> {
        match *command {}
    }

    fn evolve(state: &mut Unclaimed, commit: &Commit) {
        for event in &commit.events {
            match event {
                Event::HoldPlaced(facts) if state.requests.remove(&facts.binding).is_none() => {
                    state.holds.insert(facts.binding, (facts.eip.id, facts.havip.id));
                }
                Event::HoldReleased(released) => forget(state, released.binding),
                Event::BindRequested(request) if state.holds.remove(&request.binding).is_none() => {
                    state.requests.insert(request.binding);
                }
                Event::BindFailed(failed) => forget(state, failed.request.binding),
                _ => {}
            }
        }
    }
}

fn forget(state: &mut Unclaimed, binding: BindingId) {
    state.holds.remove(&binding);
    state.requests.remove(&binding);
}
