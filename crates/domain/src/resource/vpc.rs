//! Rules of a VPC: its name is its own, and it is deleted last of what is in it.

use std::net::IpAddr;

use super::{CreateVpc, Delete, Facts, State};
use crate::{Event, Rejection, event::VpcCreated, id::Vpc};

pub(super) fn create(state: &State, command: &CreateVpc) -> Result<Vec<Event>, Rejection> {
    state.vpcs.check_id(command.id)?;
    state.vpcs.check_name(&command.scope, &command.display_name, "vpc.display_name")?;
    Ok(vec![Event::VpcCreated(VpcCreated {
        id: command.id,
        project: command.scope.project.clone(),
        region: command.scope.region.clone(),
        display_name: command.display_name.clone(),
    })])
}

pub(super) fn delete(state: &State, command: &Delete<Vpc>) -> Result<Vec<Event>, Rejection> {
    let vpc = &state.vpcs.require_at(&command.scope, command.id, "name", command.expected)?.facts;
    let all = (vpc.id, IpAddr::from([0; 4]))..=(vpc.id, IpAddr::from([0xff; 16]));
    let Some((_, (cidr, subnet))) = state.subnet_blocks.range(all).next() else {
        return Ok(vec![Event::VpcDeleted(vpc.clone())]);
    };
    let message = format!("the VPC has subnets, {cidr} among them; delete them first");
    let rejection = Rejection::precondition("VPC_NOT_EMPTY", "name", message);
    Err(match state.subnets.get(*subnet) {
        Some(entry) => rejection.because_of(entry.facts.name()),
        None => rejection,
    })
}
