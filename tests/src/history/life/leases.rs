//! Holders that announce themselves over gRPC, what health finds by looking at holders on a clock (what has settled, whose lease
//! has ended, who may hold a HAVIP no more), and what gateways tell of them behind that.

use std::time::Duration;

use anyhow::Result;
use mooring_domain::{
    Timestamp,
    event::{FailoverTimes, OVER_GRPC},
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
    let excluded = state.excluded().map(|havip| Command::Exclude { havip });
    state.contested().map(settle).chain(state.expired(now).map(expire)).chain(excluded).collect()
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

/// A gateway tells how long it took to follow a holder.
pub(super) fn measured(region: &mut Region, cores: &Cores<'_>) -> Option<Command> {
    let havip = Region::any(&mut region.rng, &region.havips)?.havip;
    let holding = cores.states().holder.get(havip.id)?.holding.clone()?;
    if holding.lease.is_some() {
        return None;
    }
    let after = |micros: u64| Timestamp(holding.claim.observed_at.0 + micros * 1000);
    let times = FailoverTimes {
        claim: holding.claim.clone(),
        started_at: Timestamp(u64::from(region.rng.u8(0..3))),
        decided_at: after(100),
        applied_at: after(region.rng.u64(200..900)),
        stored: holding.at.position,
        followed_at: after(region.rng.u64(2000..9000)),
    };
    Some(Command::Measured { vpc: havip.vpc, address: havip.address, times })
}
