//! What health was handed and wrote no event of: when each claimant was seen last, since a holder that announces itself again
//! writes no event, and yet an older claim of another must not overtake it; and how many claims were rejected since one was
//! recorded.
//!
//! Kept in memory alone: after a restart the order of what the log has is left, and gateways ask where they see otherwise.

use std::{collections::HashMap, net::IpAddr};

use super::{Command, Havip, Sighting, State, decide, evolve};
use crate::{
    Event, Timestamp,
    address::Mac,
    event::{ClaimFacts, ClaimRejected},
    id::{HavipId, VpcId},
};

/// So many claimants of one HAVIP are remembered: a whole subnet may claim one.
const CLAIMANTS: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub struct Latest {
    of: HashMap<HavipId, OfHavip>,
}

#[derive(Debug, Default)]
struct OfHavip {
    seen: HashMap<Mac, Timestamp>,
    unrecorded: u64,
}

/// What came before a claim and is in no event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// Each claimant, when it was seen last.
    pub latest: Vec<Sighting>,
    /// How many rejected claims are not recorded.
    pub unrecorded: u64,
}

impl Latest {
    /// Takes note of claims; each becomes a command that says what came before it.
    pub fn commands(
        &mut self,
        state: &State,
        claims: impl IntoIterator<Item = (VpcId, IpAddr, ClaimFacts)>,
        now: Timestamp,
    ) -> Vec<Command> {
        let mut state = state.clone();
        let command = |(vpc, address, claim): (VpcId, IpAddr, ClaimFacts)| {
            let heard = self.consider(&state, (vpc, address), &claim, now);
            let is_stranger = |havip: &Havip| state.may_hold(havip, claim.mac).is_none();
            let stranger = state.at(vpc, address).is_some_and(is_stranger);
            // Those behind it are not to count it when it will be told.
            let told = || decide::claim(&state, vpc, address, &claim, (&heard, now));
            if let Some(Event::ClaimRejected(rejected)) = stranger.then(told).flatten() {
                self.told(&rejected);
                evolve::claim_rejected(&mut state, &rejected, now);
            }
            Command::Claim { vpc, address, claim, heard, now }
        };
        claims.into_iter().map(command).collect()
    }

    fn consider(
        &mut self,
        state: &State,
        (vpc, address): (VpcId, IpAddr),
        claim: &ClaimFacts,
        now: Timestamp,
    ) -> Heard {
        let Some(havip) = state.at(vpc, address) else { return Heard::default() };
        if self.of.len() > state.count() {
            self.of.retain(|havip, _| state.get(*havip).is_some());
        }
        let of = self.of.entry(havip.facts.id).or_default();
        let before = of.heard();
        if state.may_hold(havip, claim.mac).is_none() {
            of.unrecorded += 1;
            return before;
        }
        let observed_at = Sighting::from(claim).at_most(now).observed_at;
        let seen = of.seen.entry(claim.mac).or_insert(observed_at);
        // One that lies in the future was noted before the clock was set back.
        *seen = if seen.is_ahead_of(now) { observed_at } else { (*seen).max(observed_at) };
        let holder = havip.holding.as_ref().map(|holding| holding.vnic.mac);
        of.forget_beyond(CLAIMANTS, holder);
        before
    }

    /// A rejection says how many before it are not recorded. Where it can't be stored, the claims come again.
    fn told(&mut self, rejected: &ClaimRejected) {
        if let Some(of) = self.of.get_mut(&rejected.havip.id) {
            of.unrecorded = of.unrecorded.saturating_sub(rejected.unrecorded + 1);
        }
    }

    /// What is known of a HAVIP's claimants.
    pub fn heard(&self, havip: &Havip) -> Heard {
        self.of.get(&havip.facts.id).map(OfHavip::heard).unwrap_or_default()
    }
}

impl OfHavip {
    /// Of more than so many claimants the one that was seen longest ago is forgotten; never the holder.
    fn forget_beyond(&mut self, most: usize, holder: Option<Mac>) {
        if self.seen.len() > most {
            let others = self.seen.iter().filter(|(mac, _)| Some(**mac) != holder);
            if let Some(mac) = others.min_by_key(|(_, at)| **at).map(|(mac, _)| *mac) {
                self.seen.remove(&mac);
            }
        }
    }

    fn heard(&self) -> Heard {
        let latest =
            self.seen.iter().map(|(mac, observed_at)| Sighting { mac: *mac, observed_at: *observed_at });
        Heard { latest: latest.collect(), unrecorded: self.unrecorded }
    }
}
