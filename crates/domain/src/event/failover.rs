//! A gateway's receipt of a failover: how long it took to follow a holder, told after the fact.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ClaimFacts, HavipFacts, VnicFacts};
use crate::{Position, Timestamp};

/// When what happened. All times are by the gateway's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverTimes {
    /// What the gateway saw, and when its kernel received that.
    pub claim: ClaimFacts,
    /// When the gateway's process was started: with its name and the claim's number the receipt's id.
    pub started_at: Timestamp,
    /// When the gateway decided that the holder is another one.
    pub decided_at: Timestamp,
    /// When its kernel led there.
    pub applied_at: Timestamp,
    /// The record that says who holds it since.
    pub stored: Position,
    /// When the gateway had that record.
    pub followed_at: Timestamp,
}

impl FailoverTimes {
    /// From the claim on the wire to the kernel.
    pub const fn to_kernel(&self) -> Duration {
        self.applied_at.since(self.claim.observed_at)
    }

    /// From the claim on the wire until the log had it, and the gateway the log.
    pub const fn to_log(&self) -> Duration {
        self.followed_at.since(self.claim.observed_at)
    }
}

/// A gateway followed a holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailoverMeasured {
    /// What is held.
    pub havip: HavipFacts,
    /// Who holds it since.
    pub holder: VnicFacts,
    /// How long that took.
    pub times: FailoverTimes,
}
