//! What health knows of one region.

use std::{net::IpAddr, ops::Bound};

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    CommitPosition, Timestamp,
    address::Mac,
    event::{ClaimFacts, HavipFacts, VnicFacts},
    id::{HavipId, VpcId},
    name::Scope,
};

/// Who holds a HAVIP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    /// The holder.
    pub vnic: VnicFacts,
    /// What that rests on.
    pub claim: ClaimFacts,
    /// Where the change was stored.
    pub at: CommitPosition,
}

/// A HAVIP as health sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Havip {
    /// The HAVIP.
    pub facts: HavipFacts,
    /// The vNICs that may claim it, by MAC.
    pub members: OrdMap<Mac, VnicFacts>,
    /// Its holder, `None` until somebody claims it.
    pub holding: Option<Holding>,
}

/// The folded state of a region's health stream, and of what it needs from the resource stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(super) havips: OrdMap<HavipId, Havip>,
    pub(super) by_scope: OrdSet<(Scope, HavipId)>,
    pub(super) by_address: OrdMap<(VpcId, IpAddr), HavipId>,
    pub(super) vnics: OrdMap<(VpcId, Mac), VnicFacts>,
    pub(super) rejected: OrdMap<(HavipId, Mac), Timestamp>,
    pub(super) rejected_in_order: OrdSet<(Timestamp, HavipId, Mac)>,
}

impl State {
    /// The HAVIP with this id, whoever owns it.
    pub fn get(&self, havip: HavipId) -> Option<&Havip> {
        self.havips.get(&havip)
    }

    /// How many HAVIPs there are.
    pub(super) fn count(&self) -> usize {
        self.havips.len()
    }

    /// The HAVIP with this address.
    pub fn at(&self, vpc: VpcId, address: IpAddr) -> Option<&Havip> {
        self.by_address.get(&(vpc, address)).and_then(|id| self.havips.get(id))
    }

    /// A scope's HAVIPs in id order, after `after` if given.
    pub fn list(&self, scope: &Scope, after: Option<HavipId>) -> impl Iterator<Item = &Havip> + use<'_> {
        let from = match after {
            Some(id) => Bound::Excluded((scope.clone(), id)),
            None => Bound::Included((scope.clone(), HavipId::new(Uuid::nil()))),
        };
        let to = Bound::Included((scope.clone(), HavipId::new(Uuid::max())));
        self.by_scope.range((from, to)).filter_map(|(_, id)| self.havips.get(id))
    }
}
