//! Rules of a subnet: a block of its own in its VPC, the router's address in it, and no deleting while something is in it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{CreateSubnet, Delete, Facts, State, address_rules::*};
use crate::{
    Event, Rejection,
    event::SubnetCreated,
    id::{Subnet, VpcId},
};

const CIDR: &str = "subnet.cidr";

pub(super) fn create(state: &State, command: &CreateSubnet) -> Result<Vec<Event>, Rejection> {
    check_size(&command.cidr)?;
    check_block(CIDR, &command.cidr)?;
    let gateway_address = gateway_address(command)?;
    state.vpcs.require(&command.scope, command.vpc, "subnet.vpc")?;
    state.subnets.check_id(command.id)?;
    state.subnets.check_name(&command.scope, &command.display_name, "subnet.display_name")?;
    check_apart(state, command.vpc, &command.cidr)?;
    Ok(vec![Event::SubnetCreated(SubnetCreated {
        id: command.id,
        vpc: command.vpc,
        project: command.scope.project.clone(),
        region: command.scope.region.clone(),
        display_name: command.display_name.clone(),
        cidr: command.cidr,
        gateway_address,
    })])
}

pub(super) fn delete(state: &State, command: &Delete<Subnet>) -> Result<Vec<Event>, Rejection> {
    let subnet = &state.subnets.require_at(&command.scope, command.id, "name", command.expected)?.facts;
    let block = (subnet.vpc, subnet.cidr.network())..=(subnet.vpc, subnet.cidr.broadcast());
    let Some(((_, address), owner)) = state.addresses.range(block).next() else {
        return Ok(vec![Event::SubnetDeleted(subnet.clone())]);
    };
    let (word, name) = state.named(*owner);
    let message = format!("a {word} of the subnet has {address}; delete what is in the subnet first");
    let rejection = Rejection::precondition("SUBNET_NOT_EMPTY", "name", message);
    Err(match name {
        Some(name) => rejection.because_of(name),
        None => rejection,
    })
}

fn check_size(cidr: &IpNet) -> Result<(), Rejection> {
    let (most, least) = if cidr.addr().is_ipv4() { (8, 29) } else { (48, 125) };
    if (most..=least).contains(&cidr.prefix_len()) {
        return Ok(());
    }
    Err(Rejection::invalid(CIDR, format!("the prefix of {cidr} is not between /{most} and /{least}")))
}

fn gateway_address(command: &CreateSubnet) -> Result<IpAddr, Rejection> {
    const FIELD: &str = "subnet.gateway_address";
    match command.gateway_address {
        Some(address) => check_in_block(FIELD, &command.cidr, address).map(|()| address),
        None => host_range(&command.cidr)
            .map(|(first, _)| first)
            .ok_or_else(|| Rejection::invalid(CIDR, format!("{} has no host address", command.cidr))),
    }
}

fn check_apart(state: &State, vpc: VpcId, cidr: &IpNet) -> Result<(), Rejection> {
    // Stored blocks are apart: the last that begins before this one's end is the only one that can overlap.
    let first = (vpc, IpAddr::from([0; 4]));
    let Some((_, (other, subnet))) = state.subnet_blocks.range(first..=(vpc, cidr.broadcast())).next_back()
    else {
        return Ok(());
    };
    if !overlap(other, cidr) {
        return Ok(());
    }
    let message = format!("{cidr} overlaps {other}, another subnet of the VPC; choose a block apart from it");
    let rejection = Rejection::exists("SUBNET_OVERLAPS", CIDR, message);
    Err(match state.subnets.get(*subnet) {
        Some(entry) => rejection.because_of(entry.facts.name()),
        None => rejection,
    })
}
