//! What a gateway knows of a HAVIP beside who holds it, to decide on the next claim as health would.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Sighting;
use crate::{Event, Timestamp, event::Damping};

/// See the module. The default is that of a HAVIP that nobody has held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// How long a new holder keeps it.
    pub damping: Damping,
    /// When the claim was seen that the holder's place rests on.
    pub moved_at: Timestamp,
    /// How long after that it keeps it at least.
    pub backoff: Duration,
    /// Who claimed it in that time, if health knows of somebody.
    pub rival: Option<Sighting>,
    /// Two claim it in turn, and health has not said yet that it has settled.
    pub contested: bool,
    /// Its holder announced itself over gRPC: it is held until its lease ends, whatever is heard on layer 2.
    pub leased: bool,
}

impl Standing {
    /// What an event about the HAVIP makes of it.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::HavipCreated(created) => {
                *self = Self { damping: created.rules.damping, ..Self::default() }
            }
            Event::HavipUpdated(updated) => self.damping = updated.rules.damping,
            Event::HolderChanged(change) => {
                (self.moved_at, self.backoff, self.rival) = (change.claim.observed_at, change.backoff, None);
                self.leased = change.lease.is_some();
            }
            Event::HolderContested(contested) => {
                (self.rival, self.contested) = (Some(Sighting::from(&contested.claim)), true);
            }
            // Whoever claims it next holds it at once.
            Event::HolderWithdrawn(_) => *self = Self { damping: self.damping, ..Self::default() },
            Event::HolderSettled(_) => (self.rival, self.contested) = (None, false),
            _ => {}
        }
    }
}
