//! What a gateway decided by itself about the HAVIPs of one VPC, until health's word on the claims is in its fold: a
//! failover waits for nobody, and no older event moves traffic back.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use imbl::OrdMap;

use super::{Present, Sighting, Standing, Verdict, judge, postponed::Postponed};
use crate::{Timestamp, address::Mac, nat::VpcDesired};

/// Health's holders in a gateway's fold, and what the next claims are compared with.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The VPC.
    pub desired: &'a VpcDesired,
    /// What is known of HAVIPs beside who holds them.
    pub observed: &'a OrdMap<IpAddr, Standing>,
}

impl Recorded<'_> {
    pub(super) fn holder(self, havip: IpAddr) -> Option<Mac> {
        self.desired.holders.get(&havip).copied().flatten()
    }

    pub(super) fn may_hold(self, havip: IpAddr, mac: Mac) -> bool {
        self.desired.may_hold(havip, mac)
    }

    fn standing(self, havip: IpAddr) -> Standing {
        self.observed.get(&havip).copied().unwrap_or_default()
    }

    fn held(self, havip: IpAddr) -> Option<Held> {
        let Standing { moved_at, backoff, .. } = self.standing(havip);
        self.holder(havip).map(|mac| Held {
            seen: Sighting { mac, observed_at: moved_at },
            moved_at,
            backoff,
        })
    }
}

/// Who holds a HAVIP, and for how long at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    /// When it was seen last.
    seen: Sighting,
    moved_at: Timestamp,
    backoff: Duration,
}

impl Held {
    fn until(self) -> Timestamp {
        self.moved_at.plus(self.backoff)
    }
}

/// A decision of the gateway's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The claim.
    pub claim: Sighting,
    /// Under which of the gateway's numbers it was handed in to health; `None`: it still has to be.
    pub number: Option<u64>,
}

/// How somebody said that it has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// To everybody, unasked.
    Announced,
    /// To whoever asked.
    Answered,
}

/// One VPC's decisions that health has not covered yet, and the claims that wait for a back-off's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provisional {
    decisions: BTreeMap<IpAddr, (Decision, Held)>,
    postponed: Postponed,
    /// What health knows of claims that wait was taken over.
    begun: bool,
}

impl Provisional {
    /// Decides on a claim that this gateway saw. An address that is no HAVIP of the VPC moves nothing. `how`: whoever only
    /// answers has the address, and yet another one may have announced it since.
    pub fn see(
        &mut self,
        recorded: Recorded<'_>,
        havip: IpAddr,
        (seen, how): (Decision, Said),
        now: Timestamp,
    ) -> Verdict {
        let own = self.decisions.get(&havip).map(|(_, held)| *held);
        let own = own.filter(|held| recorded.may_hold(havip, held.seen.mac));
        let held = own.or_else(|| recorded.held(havip));
        let present = held.map(|held| Present { seen: held.seen, until: held.until() });
        let claim = seen.claim;
        let verdict = judge(recorded.may_hold(havip, claim.mac), present, claim, now);
        match (verdict, held) {
            (Verdict::Moves, _) => {
                let Standing { damping, rival, .. } = recorded.standing(havip);
                let contested = self.postponed.remove(havip) || (own.is_none() && rival.is_some());
                let backoff = damping.next(held.map(|held| held.backoff).unwrap_or_default(), contested);
                let held = Held { seen: claim, moved_at: claim.observed_at, backoff };
                self.decisions.insert(havip, (seen, held));
            }
            // A holder that announces itself again is not to be overtaken by an event that is older.
            (Verdict::Holds, Some(held)) => {
                if how == Said::Announced {
                    self.postponed.overtake(havip, claim.observed_at);
                }
                // What lies in the future was so before clocks were set back.
                let ahead = held.moved_at.is_ahead_of(now);
                let moved_at = if ahead { claim.observed_at } else { held.moved_at };
                self.decisions.insert(havip, (seen, Held { seen: claim, moved_at, ..held }));
            }
            (Verdict::Postponed, Some(held)) => match how {
                Said::Announced => self.postponed.announced(havip, claim, held.until(), held.backoff),
                Said::Answered => self.postponed.answered(havip, held.until(), held.backoff),
            },
            _ => {}
        }
        verdict
    }

    /// Health's word on every claim up to this number is folded. Returns the HAVIPs about which it was another: whoever
    /// holds them now is to be asked.
    pub fn cover(&mut self, number: u64, recorded: Recorded<'_>) -> Vec<IpAddr> {
        let (mut otherwise, postponed) = (Vec::new(), &mut self.postponed);
        self.decisions.retain(|havip, (decision, _)| {
            let covered = decision.number.is_some_and(|own| own <= number);
            if covered && recorded.holder(*havip) != Some(decision.claim.mac) {
                otherwise.push(*havip);
                // Health knew of a holder whose back-off had not ended: the one seen here is asked afterwards.
                let held = recorded.held(*havip).filter(|held| {
                    held.moved_at <= decision.claim.observed_at && decision.claim.observed_at < held.until()
                });
                if let Some(held) = held {
                    postponed.announced(*havip, decision.claim, held.until(), held.backoff);
                }
            }
            !covered
        });
        otherwise
    }

    /// What health was not told of yet; `hand_in` returns the number, if there was room.
    pub fn hand_in(&mut self, mut hand_in: impl FnMut(IpAddr, Sighting) -> Option<u64>) {
        let all = self.decisions.iter_mut().map(|(havip, (decision, _))| (havip, decision));
        for (havip, decision) in all.filter(|(_, decision)| decision.number.is_none()) {
            decision.number = hand_in(*havip, decision.claim);
        }
    }

    /// A gateway that begins takes over what health knows of claims that wait; afterwards it sees more than that itself.
    pub fn begin(&mut self, recorded: Recorded<'_>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        for (havip, standing) in recorded.observed {
            if let Some((rival, held)) = standing.rival.zip(recorded.held(*havip)) {
                self.postponed.announced(*havip, rival, held.until(), held.backoff);
            }
        }
    }

    /// For which HAVIPs a question is due now, and who is to be asked first: whoever claimed it before a back-off's end, or the
    /// holder.
    pub fn due(&mut self, recorded: Recorded<'_>, now: Timestamp) -> Vec<(IpAddr, Option<Mac>)> {
        let decisions = &self.decisions;
        let holder = |havip: IpAddr| match decisions.get(&havip) {
            Some((decision, _)) => Some(decision.claim.mac),
            None => recorded.holder(havip),
        };
        let still = |havip, rival| recorded.may_hold(havip, rival) && holder(havip) != Some(rival);
        let due = self.postponed.due(now, still);
        due.into_iter().map(|(havip, rival)| (havip, rival.or_else(|| holder(havip)))).collect()
    }

    /// Whether there is nothing but health's word.
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }

    /// The decisions that differ from health's word so far.
    pub fn differing(&self, recorded: Recorded<'_>) -> impl Iterator<Item = (IpAddr, Decision)> {
        let differs = move |(havip, decision): &(IpAddr, Decision)| {
            recorded.may_hold(*havip, decision.claim.mac)
                && recorded.holder(*havip) != Some(decision.claim.mac)
        };
        self.decisions.iter().map(|(havip, (decision, _))| (*havip, *decision)).filter(differs)
    }

    /// The VPC as this gateway is to have it.
    pub fn over(&self, recorded: Recorded<'_>) -> VpcDesired {
        let mut desired = recorded.desired.clone();
        for (havip, decision) in self.differing(recorded) {
            desired.holders.insert(havip, Some(decision.claim.mac));
        }
        desired
    }
}
