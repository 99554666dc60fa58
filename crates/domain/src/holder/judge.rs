//! The one decision on a claim, used by health, whose event is the truth, and by every gateway at once.
//!
//! Claims are ordered by when gateways saw them. A claim from the future would shut out every later one until that time
//! comes: where a holder's claim lies in the future because clocks were set back since, the order is that in which claims
//! come here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, address::Mac, event::ClaimFacts};

/// How far ahead of this machine's clock a claim may have been observed.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);

/// An address announced: by whom, and when a gateway saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The announcer.
    pub mac: Mac,
    /// By the gateway's clock.
    pub observed_at: Timestamp,
}

impl From<&ClaimFacts> for Sighting {
    fn from(claim: &ClaimFacts) -> Self {
        Self { mac: claim.mac, observed_at: claim.observed_at }
    }
}

impl Sighting {
    /// The same, taken to have been seen now where the gateway's clock is ahead of ours.
    pub(super) fn at_most(self, now: Timestamp) -> Self {
        let observed_at = if self.observed_at.is_ahead_of(now) { now } else { self.observed_at };
        Self { observed_at, ..self }
    }
}

impl Timestamp {
    pub(super) fn is_ahead_of(self, now: Self) -> bool {
        self.since(now) > CLOCK_TOLERANCE
    }
}

/// Who holds a HAVIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The holder, when it was seen last.
    pub seen: Sighting,
    /// How long it keeps it at least.
    pub until: Timestamp,
}

/// What a claim comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The announcer holds it from now on.
    Moves,
    /// The announcer holds it already.
    Holds,
    /// The present holder was seen later.
    Overtaken,
    /// The present holder has not kept it for its back-off yet: afterwards the announcer is to be asked.
    Postponed,
    /// The announcer may not hold it.
    Stranger,
}

/// Decides on a claim.
pub fn judge(may_hold: bool, present: Option<Present>, claim: Sighting, now: Timestamp) -> Verdict {
    match present {
        _ if !may_hold => Verdict::Stranger,
        Some(present) if present.seen.mac == claim.mac => Verdict::Holds,
        Some(present) if present.seen.observed_at.is_ahead_of(now) => Verdict::Moves,
        Some(present) if claim.observed_at < present.seen.observed_at => Verdict::Overtaken,
        Some(present) if claim.observed_at < present.until => Verdict::Postponed,
        _ => Verdict::Moves,
    }
}
