//! Rules of a subnet: a block of its own in its VPC, the router's address in it, and no deleting while something is in it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{CreateSubnet, Delete, Facts, State, UpdateSubnet, address_rules::*};
use crate::{
    Event, Rejection,
    event::SubnetCreated,
    id::{Subnet, VpcId},
};

const CIDR: &str = "subnet.cidr";
const RESERVED: &str = "subnet.reserved";

/// At most this many reserved blocks in one subnet.
const MAX_RESERVED: usize = 32;

pub(super) fn create(state: &State, command: &CreateSubnet) -> Result<Vec<Event>, Rejection> {
    check_size(&command.cidr)?;
    check_block(CIDR, &command.cidr)?;
    let gateway_address = gateway_address(command)?;
    check_reserved(&command.cidr, &command.reserved)?;
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
        reserved: command.reserved.clone(),
    })])
}

pub(super) fn update(state: &State, command: &UpdateSubnet) -> Result<Vec<Event>, Rejection> {
    let UpdateSubnet { scope, id, expected, change } = command;
    let present = &state.subnets.require_at(scope, *id, "subnet.name", *expected)?.facts;
    let mut updated = present.clone();
    if let Some(label) = change.display_name.as_ref().filter(|label| **label != present.display_name) {
        state.subnets.check_name(scope, label, "subnet.display_name")?;
        updated.display_name = label.clone();
    }
    let reserved = change.reserved_edit.of(change.reserved.as_ref(), || present.reserved.clone());
    let not_reserved = |block| {
        let what = format!("a reserved block {block} of the subnet {}", present.display_name);
        Rejection::not_found("remove_reserved", what)
    };
    if let Some(reserved) = reserved.map_err(not_reserved)? {
        check_reserved(&present.cidr, &reserved)?;
        reserved.iter().try_for_each(|block| check_nobody_in(state, present.vpc, block))?;
        updated.reserved = reserved;
    }
    Ok(if updated == *present { Vec::new() } else { vec![Event::SubnetUpdated(updated)] })
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

/// Blocks of the subnet, without host bits, apart from each other.
fn check_reserved(cidr: &IpNet, reserved: &[IpNet]) -> Result<(), Rejection> {
    if reserved.len() > MAX_RESERVED {
        let message = format!("{} blocks are too many, {MAX_RESERVED} at most", reserved.len());
        return Err(Rejection::invalid(RESERVED, message));
    }
    reserved.iter().try_for_each(|block| check_block(RESERVED, block))?;
    if let Some(outside) = reserved.iter().find(|block| !cidr.contains(*block)) {
        return Err(Rejection::invalid(RESERVED, format!("{outside} is not in {cidr}")));
    }
    match first_overlap(reserved) {
        Some([one, other]) => Err(Rejection::invalid(RESERVED, format!("{one} and {other} overlap"))),
        None => Ok(()),
    }
}

/// Who has an address keeps it.
fn check_nobody_in(state: &State, vpc: VpcId, block: &IpNet) -> Result<(), Rejection> {
    let all = (vpc, block.network())..=(vpc, block.broadcast());
    let Some(((_, address), owner)) = state.addresses.range(all).next() else { return Ok(()) };
    let (word, name) = state.named(*owner);
    let message = format!("a {word} has {address}; {block} can't be reserved before that is deleted");
    let rejection = Rejection::precondition("RESERVED_IN_USE", RESERVED, message);
    Err(match name {
        Some(name) => rejection.because_of(name),
        None => rejection,
    })
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
