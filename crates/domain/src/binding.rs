//! binding: what fronts what. The four rules of a binding, uniqueness in both directions, the way of each binding
//! through its phases, and the gateways that have to follow.
//!
//! The same region · the EIP is free · one EIP per HAVIP · a binding points at the HAVIP: no command has a vNIC in it.
//! F1 holds by construction: this core does not read the stream of health.

mod command;
mod decide;
mod evolve;
mod fronting;
mod gateway;
mod moving;
mod progress;
mod state;

pub use command::Command;
pub use decide::{check_families, check_regions};
pub use evolve::{FAILED_ARE_REMEMBERED, MAX_FAILED};
pub use fronting::{Fronting, FrontingCore, Fronts, Stage};
pub use gateway::MAX_DIFFERENCES;
pub use state::{Binding, Drifts, Gateway, Phase, State};

use crate::{Commit, Decider, Event, Rejection, Stream};

/// The core of binding.
#[derive(Clone, Copy, Debug)]
pub enum BindingCore {}

impl Decider for BindingCore {
    const STREAM: Stream = Stream::Binding;
    const STATE_VERSION: u32 = 5;
    const READS: &'static [Stream] = &[Self::STREAM];
    type State = State;
    type Command = Command;

    fn decide(state: &State, command: &Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Bind { id, eip, havip } => decide::bind(state, *id, eip, havip),
            Command::Move { id, eip, havip, expected } => moving::start(state, *id, eip, havip, *expected),
            Command::Unbind { scope, eip, expected } => decide::unbind(state, scope, *eip, *expected),
            Command::Confirm { binding, eip, havip } => progress::confirm(state, *binding, eip, havip),
            Command::Leave { binding, eip, havip } => moving::leave(state, *binding, eip, havip),
            Command::Fail { binding, reason, message } => progress::fail(state, *binding, reason, message),
            Command::Complete { binding } => progress::complete(state, *binding),
            Command::RegisterGateway { region, gateway, equal_to } => {
                gateway::register(state, region, gateway, *equal_to)
            }
            Command::RecordDrift(drift) => gateway::drift(state, drift),
            Command::DecommissionGateway { region, gateway, expected } => {
                gateway::decommission(state, region, gateway, *expected)
            }
        }
    }

    fn evolve(state: &mut State, commit: &Commit) {
        evolve::evolve(state, commit);
    }
}
