//! Pools that come late, get other blocks, are drained, give out addresses again, and go, if they are empty.

use std::time::Duration;

use anyhow::Result;
use mooring_domain::{
    Expected,
    id::PoolId,
    resource::{Command, CreatePool, DeletePool, PoolChange, UpdatePool},
};

use super::region::{REGION, Region};
use crate::history::cores::Cores;

/// What the names of those begin with that are drained and go: a region always gives out addresses.
const LATE: &str = "late-";
/// As many of them as there are at once.
const POOLS: usize = 3;

/// Something comes, changes or goes.
pub(super) fn come_or_go(region: &mut Region, cores: &mut Cores<'_>) -> Result<Option<Command>> {
    let late: Vec<_> =
        region.pools.iter().filter(|pool| pool.display_name.as_str().starts_with(LATE)).cloned().collect();
    let (number, of) = (region.number(), REGION.parse()?);
    // Blocks that are apart more often than not.
    let block = |number: u32| format!("198.51.100.{}/30", number % 16 * 16).parse();
    if late.len() < POOLS && region.rng.u32(0..3) == 0 {
        let (id, display_name) = (PoolId::new(cores.id()), format!("{LATE}{number}").parse()?);
        let cidrs = vec![block(number)?];
        return Ok(Some(Command::CreatePool(CreatePool {
            id,
            region: of,
            display_name,
            cidrs,
            cooling: Duration::from_mins(if number % 2 == 0 { 0 } else { 10 }),
        })));
    }
    let Some(pool) = Region::any(&mut region.rng, &late) else { return Ok(None) };
    let (id, expected, now) = (pool.id, Expected::default(), cores.now());
    // Most are drained soon, and then asked to go until they are empty.
    let change = match (region.rng.u32(0..10), pool.draining) {
        (0..7, false) | (0, true) => PoolChange { draining: Some(!pool.draining), ..PoolChange::default() },
        (7 | 8, _) => {
            PoolChange { cidrs: Some(vec![block(number)?, block(number + 7)?]), ..PoolChange::default() }
        }
        _ => return Ok(Some(Command::DeletePool(DeletePool { region: of, id, expected, now }))),
    };
    Ok(Some(Command::UpdatePool(UpdatePool { region: of, id, expected, change, now })))
}
