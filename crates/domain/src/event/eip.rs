//! What a project says about its EIP. Apart from the facts that other streams' events repeat: those are few.

use serde::{Deserialize, Serialize};

use super::EipFacts;
use crate::{
    Timestamp,
    labels::{Description, Labels},
};

/// What only resource knows of an EIP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EipDetails {
    /// For people.
    pub description: Description,
    /// For programs.
    pub labels: Labels,
    /// It can't be released until this is switched off.
    pub delete_protection: bool,
}

/// All there is to know of an EIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EipDescribed {
    /// What others repeat.
    pub eip: EipFacts,
    /// The rest.
    pub details: EipDetails,
}

/// An EIP went back to its pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EipReleased {
    /// What it was.
    pub eip: EipFacts,
    /// Until when only its project gets the address again. `None`: anybody may have it at once.
    pub cooling_until: Option<Timestamp>,
}
