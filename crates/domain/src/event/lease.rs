//! What is stored of holders that announce themselves over gRPC.

use std::time::Duration;

use super::{HavipFacts, VnicFacts};
use crate::Timestamp;

/// What stands for the gateway of a claim that none saw: it came over gRPC. No gateway has this name.
pub const OVER_GRPC: &str = "grpc";

/// A holder holds a HAVIP no more, and nobody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderWithdrawn {
    /// Which.
    pub havip: HavipFacts,
    /// Who held it.
    pub holder: VnicFacts,
    /// Why.
    pub reason: Withdrawal,
}

/// Why a holder holds a HAVIP no more, though nobody else claimed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawal {
    /// It said so.
    Withdrawn,
    /// Its lease ended.
    Expired,
    /// It may hold it no more.
    Excluded,
}

impl Withdrawal {
    /// The stable word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Withdrawn => "WITHDRAWN",
            Self::Expired => "EXPIRED",
            Self::Excluded => "EXCLUDED",
        }
    }
}

/// A holder announced itself again, in the second half of its lease or with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRenewed {
    /// What it holds.
    pub havip: HavipFacts,
    /// Who holds it.
    pub holder: VnicFacts,
    /// When it announced itself, by health's clock.
    pub renewed_at: Timestamp,
    /// How long after that it holds it.
    pub lease: Duration,
}
