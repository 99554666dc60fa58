//! What a HAVIP's owner chose about its holders.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who may hold a HAVIP, and how often it may change hands. The default is what HAVIPs of logs have that say nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderRules {
    /// Any vNIC of the HAVIP's subnet may claim it, also one that is made later; not its members alone.
    pub whole_subnet: bool,
    /// How long a new holder keeps it at least.
    pub damping: Damping,
    /// Who may hold it may announce it over gRPC, too, with a lease.
    pub announce: bool,
}

/// How long a new holder keeps a HAVIP at least: one step, and a step more each time that somebody else claimed it meanwhile,
/// up to a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damping {
    /// Zero: not at all.
    pub step: Duration,
    /// At least a step.
    pub cap: Duration,
}

impl Default for Damping {
    fn default() -> Self {
        Self { step: Duration::from_secs(1), cap: Duration::from_secs(10) }
    }
}

impl Damping {
    /// Whoever claims it holds it.
    pub const OFF: Self = Self { step: Duration::ZERO, cap: Duration::ZERO };

    /// How long the next holder keeps it, after one that had it for this long at least. `contested`: somebody else claimed it
    /// in that time.
    pub fn next(self, backoff: Duration, contested: bool) -> Duration {
        let longer = if contested { backoff.saturating_add(self.step) } else { self.step };
        longer.clamp(self.step, self.cap.max(self.step))
    }
}
