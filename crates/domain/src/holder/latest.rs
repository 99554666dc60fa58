//! The latest claim of each HAVIP that health was handed, also where it changed nothing: a holder that announces itself
//! again writes no event, and yet an older claim of another member must not overtake it.
//!
//! Kept in memory alone: after a restart the order of what the log has is left, and gateways ask where they see otherwise.

use std::{collections::HashMap, net::IpAddr};

use super::{Sighting, State};
use crate::{
    Timestamp,
    event::ClaimFacts,
    id::{HavipId, VpcId},
};

/// See the module.
#[derive(Debug, Default)]
pub struct Latest {
    seen: HashMap<HavipId, Timestamp>,
}

impl Latest {
    /// Takes note of a claim, and returns when the latest one before it was seen.
    pub fn consider(
        &mut self,
        state: &State,
        vpc: VpcId,
        address: IpAddr,
        claim: &ClaimFacts,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let havip = state.at(vpc, address)?;
        if !havip.members.contains_key(&claim.mac) {
            return None;
        }
        let observed_at = Sighting::from(claim).at_most(now).observed_at;
        if self.seen.len() > state.count() {
            self.seen.retain(|havip, _| state.get(*havip).is_some());
        }
        let latest = self.seen.entry(havip.facts.id).or_insert(observed_at);
        let before = *latest;
        // One that lies in the future was noted before the clock was set back.
        *latest = if before.is_ahead_of(now) { observed_at } else { before.max(observed_at) };
        Some(before)
    }
}
