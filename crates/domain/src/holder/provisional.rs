//! What a gateway decided by itself about the HAVIPs of one VPC, until health's word on the claims is in its fold: a
//! failover waits for nobody, and no older event moves traffic back.

use std::{collections::BTreeMap, net::IpAddr};

use imbl::OrdMap;

use super::{Sighting, Verdict, judge};
use crate::{Timestamp, address::Mac, nat::VpcDesired};

/// Health's holders in a gateway's fold, and when the claims that they rest on were seen.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The VPC.
    pub desired: &'a VpcDesired,
    /// HAVIP → when the claim of its holder was seen, by the clock of the gateway that saw it.
    pub observed: &'a OrdMap<IpAddr, Timestamp>,
}

impl Recorded<'_> {
    fn holder(self, havip: IpAddr) -> Option<Mac> {
        self.desired.holders.get(&havip).copied().flatten()
    }

    fn may_hold(self, havip: IpAddr, mac: Mac) -> bool {
        self.desired.members.get(&havip).is_some_and(|members| members.contains(&mac))
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

/// One VPC's decisions that health has not covered yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provisional {
    decisions: BTreeMap<IpAddr, Decision>,
}

impl Provisional {
    /// Decides on a claim that this gateway saw. An address that is no HAVIP of the VPC moves nothing.
    pub fn see(&mut self, recorded: Recorded<'_>, havip: IpAddr, seen: Decision, now: Timestamp) -> Verdict {
        let own = self.decisions.get(&havip).filter(|own| recorded.may_hold(havip, own.claim.mac));
        let present = match own {
            Some(own) => Some(own.claim),
            None => recorded.holder(havip).map(|mac| Sighting {
                mac,
                observed_at: recorded.observed.get(&havip).copied().unwrap_or_default(),
            }),
        };
        let may_hold = recorded.may_hold(havip, seen.claim.mac);
        let verdict = judge(may_hold, present, seen.claim, now);
        // A holder that announces itself again is not to be overtaken by an event that is older.
        if matches!(verdict, Verdict::Moves | Verdict::Holds) {
            self.decisions.insert(havip, seen);
        }
        verdict
    }

    /// Health's word on every claim up to this number is folded. Returns the HAVIPs about which it was another: whoever
    /// holds them now is to be asked.
    pub fn cover(&mut self, number: u64, recorded: Recorded<'_>) -> Vec<IpAddr> {
        let mut otherwise = Vec::new();
        self.decisions.retain(|havip, decision| {
            let covered = decision.number.is_some_and(|own| own <= number);
            if covered && recorded.holder(*havip) != Some(decision.claim.mac) {
                otherwise.push(*havip);
            }
            !covered
        });
        otherwise
    }

    /// What health was not told of yet; `hand_in` returns the number, if there was room.
    pub fn hand_in(&mut self, mut hand_in: impl FnMut(IpAddr, Sighting) -> Option<u64>) {
        for (havip, decision) in self.decisions.iter_mut().filter(|(_, decision)| decision.number.is_none()) {
            decision.number = hand_in(*havip, decision.claim);
        }
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
        self.decisions.iter().map(|(havip, decision)| (*havip, *decision)).filter(differs)
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
