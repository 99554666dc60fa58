//! What the operator does with a pool that there is: other blocks, another name, draining, and the end of it.

use std::time::Duration;

use mooring_domain::{
    Event, Expected,
    id::{Kind as _, Pool as Kind},
    name::{RegionId, parse_regional},
    resource::{Command, DEFAULT_COOLING, DeletePool, Edit, PoolChange, UpdatePool},
};
use mooring_ledger::{Caller, Outcome, Refused, now};
use mooring_proto::{
    answer::resource as answer,
    mask::Mask,
    resource::v1 as api,
    status::{Unserved, bad_name},
    together::{also, together},
};
use tonic::{Response, Status};

use crate::{
    commands::{blocks, few_blocks, set, text},
    find,
    grpc::{Resource, changed},
};

/// What may change of a pool by UpdatePool.
const OF_A_POOL: [&str; 3] = ["display_name", "cidrs", "cooling_ms"];

fn region_of(field: &'static str, name: &str) -> Result<RegionId, Status> {
    parse_regional(name, Kind::COLLECTION).map(|(region, _)| region).map_err(bad_name(field))
}

/// What UpdatePool changes, and in which pool.
pub(crate) fn change(
    caller: &Caller,
    request: api::UpdatePoolRequest,
) -> Result<(String, PoolChange), Status> {
    let mask = together((caller.request_id(), Mask::parse(request.update_mask.as_ref(), &OF_A_POOL)));
    let pool = set("pool", request.pool).map_err(|unset| also(unset, &mask))?;
    let api::Pool { name, display_name, cidrs, cooling_ms, .. } = pool;
    let changes = mask.as_ref().map_or(&Mask::Set, |(_, mask)| mask);
    let label =
        changes.value("display_name", !display_name.is_empty(), || text("pool.display_name", &display_name));
    let all = changes.value("cidrs", !cidrs.is_empty(), || blocks("pool.cidrs", &cidrs));
    let (added, removed) =
        (few_blocks("add_cidrs", &request.add_cidrs), few_blocks("remove_cidrs", &request.remove_cidrs));
    let cooling = || Ok(cooling_ms.map_or(DEFAULT_COOLING, Duration::from_millis));
    let cooling = changes.value("cooling_ms", cooling_ms.is_some(), cooling);
    let (_, _, display_name, cidrs, added, removed, cooling) =
        together((mask, region_of("pool.name", &name), label, all, added, removed, cooling))?;
    let cidrs_edit = Edit { added, removed };
    Ok((name, PoolChange { display_name, cidrs, cidrs_edit, cooling, draining: None }))
}

/// Gives out addresses no more, or again.
pub(crate) fn draining(draining: bool) -> PoolChange {
    PoolChange { draining: Some(draining), ..PoolChange::default() }
}

impl Resource {
    /// `field` names the pool in the request.
    pub(crate) async fn change_pool(
        &self,
        caller: Caller,
        (field, name): (&'static str, &str),
        expected: u64,
        change: PoolChange,
    ) -> Result<Response<api::Pool>, Status> {
        let ((), region) = together((caller.request_id(), region_of(field, name)))?;
        let ledger = self.ledger(field, &region)?;
        let expected = Expected(expected);
        let named = find::named_pool(&ledger.view().state, field, name);
        let command =
            named.map(|id| Command::UpdatePool(UpdatePool { region, id, expected, change, now: now() }));
        let outcome = ledger.submit_found(caller, command).await?;
        let state = ledger.view().state;
        let (pool, at) = match changed(&outcome)? {
            Some((at, Event::PoolUpdated(pool))) => (pool, at),
            Some(_) => return Err(Refused::Unserved(Unserved::Unavailable).into()),
            None => {
                let entry = find::regional(state.pools(), None, field, name)?;
                (entry.facts.clone(), entry.at)
            }
        };
        let id = pool.id;
        Ok(outcome.answer(answer::pool(&pool, at, state.allocated(id), state.cooling().count(id, now()))))
    }

    pub(crate) async fn delete_pool_of(
        &self,
        caller: Caller,
        name: &str,
        expected: u64,
    ) -> Result<Outcome, Status> {
        let ((), region) = together((caller.request_id(), region_of("name", name)))?;
        let ledger = self.ledger("name", &region)?;
        let expected = Expected(expected);
        let named = find::named_pool(&ledger.view().state, "name", name);
        let command = named.map(|id| Command::DeletePool(DeletePool { region, id, expected, now: now() }));
        ledger.submit_found(caller, command).await
    }
}
