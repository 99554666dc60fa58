//! Rules of a vNIC: a MAC and an address that are its own in the VPC, and no deleting while it is a member of a HAVIP.

use std::net::IpAddr;

use super::{CreateVnic, Delete, Facts, State, address_rules::check_host};
use crate::{
    Event, Rejection,
    address::Mac,
    event::{SubnetCreated, VnicCreated, VnicFacts},
    id::{Vnic, VpcId},
};

pub(super) fn create(state: &State, command: &CreateVnic) -> Result<Vec<Event>, Rejection> {
    check_mac(command.mac)?;
    let subnet = &state.subnets.require(&command.scope, command.subnet, "vnic.subnet")?.facts;
    check_host("vnic.address", subnet, command.address)?;
    state.vnics.check_id(command.id)?;
    check_instance(state, command)?;
    check_mac_free(state, subnet, command.mac)?;
    check_address_free(state, "vnic.address", subnet.vpc, command.address)?;
    Ok(vec![Event::VnicCreated(VnicCreated {
        vnic: VnicFacts {
            id: command.id,
            mac: command.mac,
            address: command.address,
            instance: command.instance.clone(),
        },
        vpc: subnet.vpc,
        subnet: command.subnet,
        project: command.scope.project.clone(),
        region: command.scope.region.clone(),
    })])
}

/// Whoever holds a HAVIP that is open to its subnet loses it: that is health's to see.
pub(super) fn delete(state: &State, command: &Delete<Vnic>) -> Result<Vec<Event>, Rejection> {
    let vnic = &state.vnics.require_at(&command.scope, command.id, "name", command.expected)?.facts;
    let Some(havip) = state.memberships(command.id).next() else {
        return Ok(vec![Event::VnicDeleted(vnic.clone())]);
    };
    let havip = &havip.facts;
    let message = format!(
        "{} is a member of the HAVIP {}; take it out of its members first",
        vnic.vnic.instance, havip.havip.display_name
    );
    Err(Rejection::precondition("VNIC_IS_A_MEMBER", "name", message).because_of(havip.name()))
}

fn check_mac(mac: Mac) -> Result<(), Rejection> {
    if !mac.is_unicast() {
        return Err(Rejection::invalid(
            "vnic.mac",
            format!("{mac} is not a unicast MAC: no interface can own it"),
        ));
    }
    // A router in VRRP mode sends from the MAC of its group (RFC 9568, 7.3), whichever instance it runs in.
    if let [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, _] = mac.0 {
        let message =
            format!("{mac} is a VRRP virtual MAC, which moves between instances; give the vNIC's own");
        return Err(Rejection::invalid("vnic.mac", message));
    }
    Ok(())
}

fn check_instance(state: &State, command: &CreateVnic) -> Result<(), Rejection> {
    let mut same_name = state.vnics.named(&command.scope, &command.instance);
    let Some(other) = same_name.find(|entry| entry.facts.subnet == command.subnet) else { return Ok(()) };
    let message = format!("the instance {} has a vNIC in this subnet", command.instance);
    Err(Rejection::exists("NAME_TAKEN", "vnic.instance", message).because_of(other.facts.name()))
}

fn check_mac_free(state: &State, subnet: &SubnetCreated, mac: Mac) -> Result<(), Rejection> {
    let Some(other) = state.vnic_by_mac(subnet.vpc, mac) else { return Ok(()) };
    let message = format!("another vNIC of the VPC has the MAC {mac}");
    Err(Rejection::exists("MAC_TAKEN", "vnic.mac", message).because_of(other.facts.name()))
}

/// Refuses an address that a vNIC or a HAVIP of the VPC has.
pub(super) fn check_address_free(
    state: &State,
    field: &'static str,
    vpc: VpcId,
    address: IpAddr,
) -> Result<(), Rejection> {
    let Some(owner) = state.address_owner(vpc, address) else { return Ok(()) };
    let (word, name) = state.named(owner);
    let message = format!("a {word} of the VPC has {address}; choose a free address");
    let rejection = Rejection::exists("ADDRESS_TAKEN", field, message);
    Err(match name {
        Some(name) => rejection.because_of(name),
        None => rejection,
    })
}
