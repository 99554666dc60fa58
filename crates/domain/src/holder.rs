//! health: who holds which HAVIP, decided from claims. A holder is observed; nobody elects it.
//!
//! Members and addresses come from the resource stream. One pure function decides a claim, wherever it is asked.

mod command;
mod decide;
mod evolve;
mod judge;
mod latest;
mod provisional;
mod state;

pub use command::Command;
pub use decide::{MAX_REJECTIONS, REJECTION_INTERVAL};
pub use judge::{CLOCK_TOLERANCE, Sighting, Verdict, judge};
pub use latest::Latest;
pub use provisional::{Decision, Provisional, Recorded};
pub use state::{Havip, Holding, State};

use crate::{Commit, Decider, Event, Rejection, Stream};

/// The core of health.
#[derive(Clone, Copy, Debug)]
pub enum HolderCore {}

impl Decider for HolderCore {
    const STREAM: Stream = Stream::Health;
    const STATE_VERSION: u32 = 1;
    const READS: &'static [Stream] = &[Stream::Resource, Self::STREAM];
    type State = State;
    type Command = Command;

    fn decide(state: &State, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Command::Claim { vpc, address, claim, latest, now } = command;
        Ok(decide::claim(state, *vpc, *address, claim, (*latest, *now)).into_iter().collect())
    }

    fn evolve(state: &mut State, commit: &Commit) {
        evolve::evolve(state, commit);
    }
}
