//! Claims that came before a back-off's end. Nothing is lost by that: at its end the claimant is asked, and its answer is a
//! claim. A holder that announces itself after the claimant was the last one: nobody is asked then.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::{QUESTION, Sighting};
use crate::{Timestamp, address::Mac};

/// After a back-off's end: clocks of gateways, and so their ideas of that end, differ a little.
const MARGIN: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    rival: Sighting,
    until: Timestamp,
    backoff: Duration,
    asked: bool,
}

/// One VPC's, the latest of each HAVIP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Postponed(BTreeMap<IpAddr, Claim>);

impl Postponed {
    pub(super) fn insert(&mut self, havip: IpAddr, rival: Sighting, until: Timestamp, backoff: Duration) {
        self.0.insert(havip, Claim { rival, until, backoff, asked: false });
    }

    /// Whether there was one.
    pub(super) fn remove(&mut self, havip: IpAddr) -> bool {
        self.0.remove(&havip).is_some()
    }

    /// The holder announced itself at that time.
    pub(super) fn overtake(&mut self, havip: IpAddr, at: Timestamp) {
        if self.0.get(&havip).is_some_and(|claim| claim.rival.observed_at <= at) {
            self.0.remove(&havip);
        }
    }

    /// Each is asked once, and forgotten when it has had time enough to answer.
    pub(super) fn due(&mut self, now: Timestamp, still: impl Fn(IpAddr, Mac) -> bool) -> Vec<(IpAddr, Mac)> {
        let mut due = Vec::new();
        self.0.retain(|havip, claim| {
            if now < claim.until.plus(MARGIN) {
                return true;
            }
            if !still(*havip, claim.rival.mac) {
                return false;
            }
            if !claim.asked {
                claim.asked = true;
                due.push((*havip, claim.rival.mac));
            }
            now < claim.until.plus(claim.backoff + QUESTION)
        });
        due
    }
}
