//! Rules of a HAVIP: an address of its own, members of its own subnet, and no deleting while a binding holds it.

mod update;

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use super::{
    CreateHavip, DeleteHavip, Facts, State, address_rules::check_host, hold::held, quotas,
    vnic::check_address_free,
};
use crate::{
    Event, Rejection,
    event::{Damping, HavipCreated, HavipFacts, SubnetCreated, VnicFacts},
    humane::Humane,
    id::{SubnetId, VnicId},
    name::{Name, Scope},
};

pub(super) use update::update;

/// At most this many vNICs may claim one HAVIP, whatever the quota says.
pub const MAX_MEMBERS: usize = 100;

/// The longest that a new holder may keep a HAVIP whoever else claims it.
pub const MAX_DAMPING: Duration = Duration::from_secs(600);

const MEMBERS: &str = "havip.members";

pub(super) fn create(state: &State, command: &CreateHavip) -> Result<Vec<Event>, Rejection> {
    check_members(&command.scope, &command.members)?;
    check_damping(command.rules.damping)?;
    let subnet = &state.subnets.require(&command.scope, command.subnet, "havip.subnet")?.facts;
    let address = address(state, subnet, command.address)?;
    let members = members(state, &command.scope, command.subnet, &command.members)?;
    state.havips.check_id(command.id)?;
    state.havips.check_name(&command.scope, &command.display_name, "havip.display_name")?;
    quotas::check_havips(state, &command.scope, subnet.vpc)?;
    quotas::check_members(state, &command.scope, &[], &members)?;
    let havip = HavipFacts {
        id: command.id,
        project: command.scope.project.clone(),
        region: command.scope.region.clone(),
        vpc: subnet.vpc,
        subnet: command.subnet,
        address,
        display_name: command.display_name.clone(),
    };
    Ok(vec![Event::HavipCreated(HavipCreated { havip, members, rules: command.rules })])
}

pub(super) fn delete(state: &State, command: &DeleteHavip) -> Result<Vec<Event>, Rejection> {
    let entry = state.havips.require_at(&command.scope, command.id, "name", command.expected)?;
    match state.havip_held_by(command.id) {
        Some(binding) => {
            Err(held(state, binding, "HAVIP_HELD", "name", "the HAVIP is bound; unbind its EIP first"))
        }
        None => Ok(vec![Event::HavipDeleted(entry.facts.havip.clone())]),
    }
}

fn check_members(scope: &Scope, members: &[VnicId]) -> Result<(), Rejection> {
    if members.len() > MAX_MEMBERS {
        let message = format!("{} members are too many, {MAX_MEMBERS} at most", members.len());
        return Err(Rejection::invalid(MEMBERS, message));
    }
    let mut seen = BTreeSet::new();
    match members.iter().find(|id| !seen.insert(**id)) {
        Some(twice) => {
            let name = Name { scope: scope.clone(), id: *twice };
            Err(Rejection::invalid(MEMBERS, format!("{name} is there twice")))
        }
        None => Ok(()),
    }
}

fn check_damping(damping: Damping) -> Result<(), Rejection> {
    let Damping { step, cap } = damping;
    let message = if damping == Damping::OFF {
        return Ok(());
    } else if step > cap {
        format!("its step ({}) must be at most its cap ({})", Humane(step), Humane(cap))
    } else if step.is_zero() {
        format!("a cap of {} without a step; both are 0 where it is off", Humane(cap))
    } else if cap > MAX_DAMPING {
        format!("its cap ({}) must be at most {}", Humane(cap), Humane(MAX_DAMPING))
    } else {
        return Ok(());
    };
    Err(Rejection::invalid("havip.damping", message))
}

fn address(state: &State, subnet: &SubnetCreated, asked: Option<IpAddr>) -> Result<IpAddr, Rejection> {
    const FIELD: &str = "havip.address";
    if let Some(address) = asked {
        check_host(FIELD, subnet, address)?;
        check_address_free(state, FIELD, subnet.vpc, address)?;
        return Ok(address);
    }
    let free = state.subnet_free.get(&subnet.id).and_then(|free| free.highest());
    free.ok_or_else(|| {
        let message = format!("no address of {} is free", subnet.cidr);
        Rejection::exhausted("SUBNET_EXHAUSTED", FIELD, message).because_of(subnet.name())
    })
}

fn members(
    state: &State,
    scope: &Scope,
    subnet: SubnetId,
    members: &[VnicId],
) -> Result<Vec<VnicFacts>, Rejection> {
    members.iter().map(|id| member(state, scope, subnet, *id)).collect()
}

fn member(state: &State, scope: &Scope, subnet: SubnetId, id: VnicId) -> Result<VnicFacts, Rejection> {
    let vnic = &state.vnics.require(scope, id, MEMBERS)?.facts;
    if vnic.subnet != subnet {
        let message = "a member must be in the HAVIP's subnet: its announcements reach no other";
        return Err(Rejection::precondition("OTHER_SUBNET", MEMBERS, message).because_of(vnic.name()));
    }
    Ok(vnic.vnic.clone())
}
