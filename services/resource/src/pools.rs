//! What the operator does with a pool that there is: other blocks, another name, draining, and the end of it.

use std::time::Duration;

use ipnet::IpNet;
use mooring_domain::{
    Event, Expected,
    name::parse_regional,
    resource::{Command, DEFAULT_COOLING, DeletePool, Edit, PoolChange, UpdatePool},
};
use mooring_ledger::{Caller, Outcome, Refused, now};
use mooring_proto::{
    answer::resource as answer,
    mask::Mask,
    resource::v1 as api,
    status::{Unserved, bad_name},
};
use tonic::{Response, Status};

use crate::{
    commands::{set, text},
    find,
    grpc::{Resource, changed},
};

/// What may change of a pool by UpdatePool.
const OF_A_POOL: [&str; 3] = ["display_name", "cidrs", "cooling_ms"];

fn blocks(field: &'static str, cidrs: &[String]) -> Result<Vec<IpNet>, Status> {
    cidrs.iter().map(|cidr| text(field, cidr)).collect()
}

/// What UpdatePool changes, and in which pool.
pub(crate) fn change(request: api::UpdatePoolRequest) -> Result<(String, PoolChange), Status> {
    let mask = Mask::parse(request.update_mask.as_ref(), &OF_A_POOL)?;
    let api::Pool { name, display_name, cidrs, cooling_ms, .. } = set("pool", request.pool)?;
    let change = PoolChange {
        display_name: mask
            .value("display_name", !display_name.is_empty(), || text("pool.display_name", &display_name))?,
        cidrs: mask.value("cidrs", !cidrs.is_empty(), || blocks("pool.cidrs", &cidrs))?,
        cidrs_edit: Edit {
            added: blocks("add_cidrs", &request.add_cidrs)?,
            removed: blocks("remove_cidrs", &request.remove_cidrs)?,
        },
        cooling: mask.value("cooling_ms", cooling_ms.is_some(), || {
            Ok(cooling_ms.map_or(DEFAULT_COOLING, Duration::from_millis))
        })?,
        draining: None,
    };
    Ok((name, change))
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
        let (region, _) = parse_regional(name, "pools").map_err(bad_name(field))?;
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
        let (region, _) = parse_regional(name, "pools").map_err(bad_name("name"))?;
        let ledger = self.ledger("name", &region)?;
        let expected = Expected(expected);
        let named = find::named_pool(&ledger.view().state, "name", name);
        let command = named.map(|id| Command::DeletePool(DeletePool { region, id, expected, now: now() }));
        ledger.submit_found(caller, command).await
    }
}
