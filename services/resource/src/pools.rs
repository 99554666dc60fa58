//! What the operator does with a pool that there is: other blocks, another name, draining, and the end of it.

use std::time::Duration;

use mooring_domain::{
    Event, Expected,
    id::PoolId,
    name::{RegionId, parse_regional},
    resource::{Command, DEFAULT_COOLING, DeletePool, PoolChange, UpdatePool},
};
use mooring_ledger::{Caller, Outcome, Refused, now};
use mooring_proto::{
    answer::resource as answer,
    mask::Mask,
    resource::v1 as api,
    status::{Unserved, bad_field, bad_name},
    together::{also, each, together},
};
use tonic::{Response, Status};

use crate::{
    commands::{block, set, text},
    find,
    grpc::{Resource, changed},
};

/// What may change of a pool by UpdatePool.
const OF_A_POOL: [&str; 3] = ["display_name", "cidrs", "cooling_ms"];

/// Region and id of a pool's name.
fn named(field: &'static str, name: &str) -> Result<(RegionId, PoolId), Status> {
    let (region, last) = parse_regional(name, "pools").map_err(bad_name(field))?;
    let id =
        last.parse().map_err(|_| bad_field(field, "expected regions/{region}/pools/{id}, the id a UUID"))?;
    Ok((region, id))
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
    let blocks = || each(cidrs.iter().map(|cidr| block("pool.cidrs", cidr)));
    let cooling = || Ok(cooling_ms.map_or(DEFAULT_COOLING, Duration::from_millis));
    let cooling = changes.value("cooling_ms", cooling_ms.is_some(), cooling);
    let blocks = changes.value("cidrs", !cidrs.is_empty(), blocks);
    let (_, _, display_name, cidrs, cooling) =
        together((mask, named("pool.name", &name), label, blocks, cooling))?;
    Ok((name, PoolChange { display_name, cidrs, cooling, draining: None }))
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
        let ((), (region, id)) = together((caller.request_id(), named(field, name)))?;
        let ledger = self.ledger(field, &region)?;
        let expected = Expected(expected);
        let outcome = ledger
            .submit(caller, Command::UpdatePool(UpdatePool { region, id, expected, change, now: now() }))
            .await?;
        let state = ledger.view().state;
        let (pool, at) = match changed(&outcome)? {
            Some((at, Event::PoolUpdated(pool))) => (pool, at),
            Some(_) => return Err(Refused::Unserved(Unserved::Unavailable).into()),
            None => {
                let entry = find::regional(state.pools(), None, field, name)?;
                (entry.facts.clone(), entry.at)
            }
        };
        Ok(outcome.answer(answer::pool(&pool, at, state.allocated(id), state.cooling().count(id, now()))))
    }

    pub(crate) async fn delete_pool_of(
        &self,
        caller: Caller,
        name: &str,
        expected: u64,
    ) -> Result<Outcome, Status> {
        let ((), (region, id)) = together((caller.request_id(), named("name", name)))?;
        let ledger = self.ledger("name", &region)?;
        let command = DeletePool { region, id, expected: Expected(expected), now: now() };
        Ok(ledger.submit(caller, Command::DeletePool(command)).await?)
    }
}
