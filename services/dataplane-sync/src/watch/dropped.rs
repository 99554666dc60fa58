//! Claims that were not looked at, counted by reason: since the VPC's worker was started.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mooring_dataplane::Claimants;

/// Why a claim went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Members': the kernel had no room for it.
    Members,
    /// The same member claimed the same HAVIP again before this claim's turn came.
    Repeated,
    /// Strangers': there were too many.
    Strangers,
    /// A stranger's, and too many wait for health. (Members' are handed in when there is room.)
    Unreported,
}

impl Reason {
    const ALL: [Self; 4] = [Self::Members, Self::Repeated, Self::Strangers, Self::Unreported];

    fn word(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Repeated => "repeated",
            Self::Strangers => "strangers",
            Self::Unreported => "unreported",
        }
    }
}

impl From<Claimants> for Reason {
    fn from(claimants: Claimants) -> Self {
        match claimants {
            Claimants::Members => Self::Members,
            Claimants::Strangers => Self::Strangers,
        }
    }
}

/// Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct DroppedClaims(Arc<[AtomicU64; Reason::ALL.len()]>);

impl DroppedClaims {
    pub(crate) fn count(&self, reason: Reason, claims: u32) {
        if let Some(count) = self.0.get(reason as usize) {
            count.fetch_add(claims.into(), Ordering::Relaxed);
        }
    }

    /// Every reason, with its count.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reason::ALL.iter().zip(&*self.0).map(|(reason, count)| (reason.word(), count.load(Ordering::Relaxed)))
    }
}
