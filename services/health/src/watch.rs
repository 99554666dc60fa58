//! What a watch of holders tells.

use std::collections::BTreeSet;

use mooring_domain::{
    Event, Position,
    holder::{HolderCore, State, concerned},
    id::{self, HavipId},
    name::{Name, Scope},
};
use mooring_ledger::Watched;
use mooring_proto::{answer::health as answer, health::v1::WatchHoldersResponse};

/// Which HAVIPs are watched.
pub(crate) struct Wanted {
    pub(crate) scope: Scope,
    /// None: all of the scope.
    pub(crate) havip: Option<HavipId>,
}

impl Watched for Wanted {
    type Core = HolderCore;
    type Id = HavipId;
    type Answer = WatchHoldersResponse;

    fn all(&self, state: &State) -> BTreeSet<HavipId> {
        let all = state.list(&self.scope, None).map(|havip| havip.facts.id);
        all.filter(|id| self.havip.is_none_or(|wanted| wanted == *id)).collect()
    }

    fn touched_by(&self, event: &Event) -> Option<HavipId> {
        let havip = concerned(event)?;
        let scope = havip.project == self.scope.project && havip.region == self.scope.region;
        (scope && self.havip.is_none_or(|wanted| wanted == havip.id)).then_some(havip.id)
    }

    fn answer(&self, state: &State, some: &[HavipId], position: Position) -> WatchHoldersResponse {
        let mut answer = WatchHoldersResponse { position: position.0, ..Default::default() };
        for havip in some {
            match state.get(*havip) {
                Some(havip) => answer.holders.push(answer::holder(havip)),
                None => {
                    let name = Name::<id::Havip> { scope: self.scope.clone(), id: *havip };
                    answer.deleted.push(name.to_string());
                }
            }
        }
        answer
    }
}
