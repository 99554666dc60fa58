//! Holders that announce themselves over gRPC, and what health finds by looking at holders on a clock.

use std::time::Duration;

use anyhow::Result;
use mooring_domain::{
    Timestamp,
    event::OVER_GRPC,
    holder::{Announce, Command, Havip, Heard, Report},
    name::{Name, Scope},
};

use super::region::Region;
use crate::history::cores::Cores;

/// What is contested has settled, and leases have ended, or not.
pub(super) fn look(cores: &Cores<'_>) -> Vec<Command> {
    let (now, since) = (cores.now(), Timestamp::default());
    let settle =
        |havip: &Havip| Command::Settle { havip: havip.facts.id, heard: Heard::default(), since, now };
    let state = &cores.states().holder;
    let expire = |havip| Command::Expire { havip, since, now };
    state.contested().map(settle).chain(state.expired(now).map(expire)).collect()
}

/// A member says over gRPC that it holds a HAVIP, or that it does no more, whether it may or not.
pub(super) fn announce_or_withdraw(region: &mut Region, cores: &Cores<'_>) -> Result<Option<Command>> {
    let Some(havip) = Region::any(&mut region.rng, &region.havips) else { return Ok(None) };
    let Some(member) = Region::any(&mut region.rng, &havip.members) else { return Ok(None) };
    let scope = Scope { project: havip.havip.project.clone(), region: havip.havip.region.clone() };
    let (havip, vnic) = (Name { scope: scope.clone(), id: havip.havip.id }, Name { scope, id: member.id });
    if region.rng.u32(0..4) == 0 {
        return Ok(Some(Command::Withdraw { havip, vnic }));
    }
    let lease = Duration::from_millis(region.rng.u64(500..60_000));
    let (by, heard, now) = (OVER_GRPC.parse()?, Heard::default(), cores.now());
    Ok(Some(Command::Announce(Announce { havip, vnic, lease, by, heard, now })))
}

/// A gateway that asks holders says that one answers no more, or does again.
pub(super) fn hear(region: &mut Region, cores: &Cores<'_>) -> Result<Option<Command>> {
    let Some(havip) = Region::any(&mut region.rng, &region.havips) else { return Ok(None) };
    let held = cores.states().holder.get(havip.havip.id).and_then(|havip| havip.holding.as_ref());
    let Some(mac) = held.map(|holding| holding.vnic.mac) else { return Ok(None) };
    let (vpc, address, now) = (havip.havip.vpc, havip.havip.address, cores.now());
    let gateway = format!("gw-{}", region.rng.u8(1..4)).parse()?;
    let report = Report { gateway, mac, silent: region.rng.bool(), heard_at: now };
    Ok(Some(Command::Report { vpc, address, report, now }))
}
