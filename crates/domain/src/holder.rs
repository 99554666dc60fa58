//! health: who holds which HAVIP, decided from claims. A holder is observed; nobody elects it.
//!
//! Members and addresses come from the resource stream. One pure function decides a claim, wherever it is asked.

mod command;
mod contest;
mod decide;
mod evolve;
mod excluded;
mod failovers;
mod judge;
mod latest;
mod lease;
mod leases;
mod postponed;
mod provisional;
mod silence;
mod standing;
mod state;

pub use command::{Announce, Command};
pub use contest::QUESTION;
pub use decide::{MAX_REJECTIONS, REJECTION_INTERVAL};
pub use failovers::{Failovers, MOST_OF_A_HAVIP, MOST_RECEIPTS, Receipt};
pub use judge::{CLOCK_TOLERANCE, Present, Sighting, Verdict, judge};
pub use latest::{Heard, Latest};
pub use lease::LEASES;
pub use provisional::{Decision, Provisional, Recorded, Said};
pub use silence::{Report, Silence};
pub use standing::Standing;
pub use state::{Contest, Havip, Holding, Lease, State};

use crate::{Commit, Decider, Event, Rejection, Stream, event::HavipFacts};

/// The core of health.
#[derive(Clone, Copy, Debug)]
pub enum HolderCore {}

impl Decider for HolderCore {
    const STREAM: Stream = Stream::Health;
    const STATE_VERSION: u32 = 8;
    const READS: &'static [Stream] = &[Stream::Resource, Self::STREAM];
    type State = State;
    type Command = Command;

    fn decide(state: &State, command: &Command) -> Result<Vec<Event>, Rejection> {
        let event = match command {
            Command::Claim { vpc, address, claim, heard, now } => {
                decide::claim(state, *vpc, *address, claim, (heard, *now))
            }
            Command::Settle { havip, heard, since, now } => {
                state.get(*havip).and_then(|havip| contest::settled(havip, heard, *since, *now))
            }
            Command::Announce(asked) => lease::announce(state, asked)?,
            Command::Withdraw { havip, vnic } => lease::withdraw(state, havip, vnic)?,
            Command::Expire { havip, since, now } => {
                state.get(*havip).and_then(|havip| lease::expired(havip, *since, *now))
            }
            Command::Exclude { havip } => state.get(*havip).and_then(excluded::excluded),
            Command::Report { vpc, address, report, now } => {
                state.at(*vpc, *address).and_then(|havip| silence::reported(havip, report, *now))
            }
            Command::Measured { vpc, address, times } => failovers::measured(state, *vpc, *address, times),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(state: &mut State, commit: &Commit) {
        evolve::evolve(state, commit);
    }
}

/// The HAVIP of whose holder an event tells, or that it makes, changes or deletes.
pub fn concerned(event: &Event) -> Option<&HavipFacts> {
    match event {
        Event::HavipCreated(havip) | Event::HavipUpdated(havip) => Some(&havip.havip),
        Event::HavipDeleted(havip) => Some(havip),
        Event::HolderChanged(changed) => Some(&changed.havip),
        Event::HolderContested(contested) => Some(&contested.havip),
        Event::HolderSettled(settled) => Some(&settled.havip),
        Event::HolderWithdrawn(withdrawn) => Some(&withdrawn.havip),
        Event::LeaseRenewed(renewed) => Some(&renewed.havip),
        Event::HolderSilent(facts) | Event::HolderHeard(facts) => Some(&facts.havip),
        _ => None,
    }
}
