//! What gateways have told of failovers after the fact: their receipts, and how long failovers took.
//!
//! Nothing is decided on them. Of each HAVIP and of the region only the latest are kept here; the log has all of them.

use std::{net::IpAddr, ops::Bound};

use serde::{Deserialize, Serialize};

use super::State;
use crate::{
    CommitPosition, Event, Position, Timestamp,
    event::{FailoverMeasured, FailoverTimes, VnicFacts},
    id::{HavipId, VpcId},
    name::GatewayName,
    packed::{PackedMap, PackedSet},
};

/// At most this many receipts of a HAVIP are kept.
pub const MOST_OF_A_HAVIP: usize = 256;
/// At most this many receipts of a region are kept.
pub const MOST_RECEIPTS: usize = 20_000;

/// A receipt that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Of what.
    pub havip: HavipId,
    /// Who holds it since.
    pub holder: VnicFacts,
    /// How long it took.
    pub times: FailoverTimes,
}

/// Gateway, when its process was started, the claim's number.
type ReceiptId = (GatewayName, Timestamp, u64);

fn id(times: &FailoverTimes) -> ReceiptId {
    (times.claim.gateway.clone(), times.started_at, times.claim.number)
}

/// The receipts of a region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failovers {
    all: PackedMap<CommitPosition, Receipt>,
    of_havip: PackedSet<(HavipId, CommitPosition)>,
    ids: PackedSet<ReceiptId>,
}

impl Failovers {
    /// All of them, or those of one HAVIP, the latest first; only those before `before` if given.
    pub fn latest(
        &self,
        havip: Option<HavipId>,
        before: Option<CommitPosition>,
    ) -> Box<dyn Iterator<Item = (CommitPosition, &Receipt)> + '_> {
        let end = before.unwrap_or(CommitPosition { position: Position(u64::MAX), index: u32::MAX });
        match havip {
            None => {
                let range = self.all.range((Bound::Unbounded, Bound::Excluded(end)));
                Box::new(range.rev().map(|(at, receipt)| (*at, receipt)))
            }
            Some(havip) => {
                let from = Bound::Included((havip, CommitPosition::default()));
                let range = self.of_havip.range((from, Bound::Excluded((havip, end))));
                Box::new(range.rev().filter_map(|(_, at)| Some((*at, self.all.get(at)?))))
            }
        }
    }

    pub(super) fn enter(&mut self, at: CommitPosition, measured: &FailoverMeasured) {
        let FailoverMeasured { havip, holder, times } = measured;
        self.ids.insert(id(times));
        self.of_havip.insert((havip.id, at));
        let receipt = Receipt { havip: havip.id, holder: holder.clone(), times: times.clone() };
        self.all.insert(at, receipt);
        let too_many = self.latest(Some(havip.id), None).nth(MOST_OF_A_HAVIP).map(|(at, _)| at);
        too_many.into_iter().for_each(|at| self.forget(at));
        if self.all.len() > MOST_RECEIPTS {
            let oldest = self.all.get_min().map(|(at, _)| *at);
            oldest.into_iter().for_each(|at| self.forget(at));
        }
    }

    pub(super) fn forget_havip(&mut self, havip: HavipId) {
        let all: Vec<_> = self.latest(Some(havip), None).map(|(at, _)| at).collect();
        all.into_iter().for_each(|at| self.forget(at));
    }

    fn forget(&mut self, at: CommitPosition) {
        if let Some(receipt) = self.all.remove(&at) {
            self.of_havip.remove(&(receipt.havip, at));
            self.ids.remove(&id(&receipt.times));
        }
    }
}

/// What is written of a receipt: nothing when it is known already, or is of nothing that moved traffic as far as health knows.
pub(super) fn measured(state: &State, vpc: VpcId, address: IpAddr, times: &FailoverTimes) -> Option<Event> {
    let havip = state.at(vpc, address)?;
    let holder = state.may_hold(havip, times.claim.mac)?;
    let moved = Position::default() < times.stored && times.stored <= havip.changed;
    if !moved || state.failovers.ids.contains(&id(times)) {
        return None;
    }
    let (havip, holder, times) = (havip.facts.clone(), holder.clone(), times.clone());
    Some(Event::FailoverMeasured(FailoverMeasured { havip, holder, times }))
}
