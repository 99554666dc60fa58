//! Claims that came before a back-off's end. Nothing is lost by that: at its end the claimant is asked, and its answer is a
//! claim. A holder that announces itself after the claimant was the last one: nobody is asked then. Whoever only answered was
//! asked for another reason, perhaps as the holder that it was: at the end the holder is asked first, as ever.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::{CLOCK_TOLERANCE, QUESTION, Sighting};
use crate::{Timestamp, address::Mac};

/// After a back-off's end: clocks of gateways, and so their ideas of that end, differ a little.
const MARGIN: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    /// Who announced itself; none: somebody answered.
    rival: Option<Sighting>,
    until: Timestamp,
    backoff: Duration,
    asked: bool,
}

/// One VPC's, the latest of each HAVIP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Postponed(BTreeMap<IpAddr, Claim>);

impl Postponed {
    /// Somebody announced itself.
    pub(super) fn announced(&mut self, havip: IpAddr, rival: Sighting, until: Timestamp, backoff: Duration) {
        self.0.insert(havip, Claim { rival: Some(rival), until, backoff, asked: false });
    }

    /// Somebody answered.
    pub(super) fn answered(&mut self, havip: IpAddr, until: Timestamp, backoff: Duration) {
        self.0.entry(havip).or_insert(Claim { rival: None, until, backoff, asked: false });
    }

    /// Whether somebody had announced itself.
    pub(super) fn remove(&mut self, havip: IpAddr) -> bool {
        self.0.remove(&havip).is_some_and(|claim| claim.rival.is_some())
    }

    /// The holder announced itself at that time.
    pub(super) fn overtake(&mut self, havip: IpAddr, at: Timestamp) {
        let before = |claim: &Claim| claim.rival.is_none_or(|rival| rival.observed_at <= at);
        if self.0.get(&havip).is_some_and(before) {
            self.0.remove(&havip);
        }
    }

    /// Each is asked once, and forgotten when it has had time enough to answer.
    pub(super) fn due(
        &mut self,
        now: Timestamp,
        still: impl Fn(IpAddr, Mac) -> bool,
    ) -> Vec<(IpAddr, Option<Mac>)> {
        let mut due = Vec::new();
        self.0.retain(|havip, claim| {
            // No back-off is longer than itself: clocks were set back since.
            if claim.until.since(now) > claim.backoff + CLOCK_TOLERANCE {
                claim.until = now.plus(claim.backoff);
            }
            if now < claim.until.plus(MARGIN) {
                return true;
            }
            let rival = claim.rival.map(|rival| rival.mac);
            if rival.is_some_and(|rival| !still(*havip, rival)) {
                return false;
            }
            if !claim.asked {
                claim.asked = true;
                due.push((*havip, rival));
            }
            now < claim.until.plus(claim.backoff + QUESTION)
        });
        due
    }
}
