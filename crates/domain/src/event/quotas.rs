//! How much of everything a project may have in a region.

use serde::{Deserialize, Serialize};

use crate::name::Scope;

/// The limits of a project in a region. 0: none may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// EIPs.
    pub eips: u64,
    /// HAVIPs in one VPC.
    pub havips_per_vpc: u64,
    /// HAVIPs that one instance is a member of.
    pub havips_per_instance: u64,
    /// Members of one HAVIP.
    pub members_per_havip: u64,
}

impl Default for Limits {
    /// As long as the operator says nothing else.
    fn default() -> Self {
        Self { eips: 20, havips_per_vpc: 5, havips_per_instance: 5, members_per_havip: 10 }
    }
}

/// The operator gave a project other limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotasChanged {
    /// Whose, and where.
    pub scope: Scope,
    /// All of them, after the change.
    pub limits: Limits,
}
