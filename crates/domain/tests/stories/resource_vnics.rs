//! vNICs: a MAC and an address of their own.

use mooring_domain::{
    Rejection,
    address::Mac,
    event::Event,
    rejection::Class,
    resource::{AddressOwner, Command, CreateVnic, ResourceCore},
};

use super::{fixture::*, world::*};

fn create(story: &mut Story<ResourceCore>, command: CreateVnic) -> Result<Vec<Event>, Rejection> {
    story.when(&Command::CreateVnic(command))
}

fn new() -> CreateVnic {
    vnic(9, 1, "10.0.1.19")
}

#[test]
fn a_vnic_has_its_address_and_its_mac_from_then_on() {
    let mut story = world();
    create(&mut story, new()).unwrap();
    assert_eq!(story.state.address_owner(id(1), ip("10.0.1.19")), Some(AddressOwner::Vnic(id(9))));
    assert_eq!(story.state.vnic_by_mac(id(1), mac(9)).unwrap().facts.vnic.id, id(9));
}

#[test]
fn a_mac_that_no_interface_can_own_is_refused() {
    let mut story = world();
    for octets in [[0; 6], [0xff; 6], [1, 0, 0x5e, 0, 0, 1]] {
        invalid(create(&mut story, CreateVnic { mac: Mac(octets), ..new() }), "vnic.mac", "unicast");
    }
    for octets in [[0, 0, 0x5e, 0, 1, 51], [0, 0, 0x5e, 0, 2, 51]] {
        invalid(create(&mut story, CreateVnic { mac: Mac(octets), ..new() }), "vnic.mac", "VRRP virtual MAC");
    }
}

#[test]
fn a_mac_of_the_vpc_is_refused_also_in_another_subnet() {
    let mut story = world();
    let command = CreateVnic { mac: mac(1), ..vnic(9, 2, "10.0.2.19") };
    let first = Some(name("shop", "vnics", 1));
    refused(create(&mut story, command), Class::Exists, "MAC_TAKEN", "vnic.mac", first);
}

#[test]
fn an_address_that_no_vnic_can_have_is_refused() {
    let mut story = world();
    for (address, words) in [
        ("10.0.2.19", "outside"),
        ("fd00::1", "outside"),
        ("10.0.1.0", "network address"),
        ("10.0.1.255", "broadcast address"),
        ("10.0.1.1", "gateway address"),
    ] {
        invalid(create(&mut story, CreateVnic { address: ip(address), ..new() }), "vnic.address", words);
    }
}

#[test]
fn an_address_that_a_vnic_or_a_havip_has_is_refused() {
    let mut story = world();
    for (address, owner) in
        [("10.0.1.11", name("shop", "vnics", 1)), ("10.0.1.50", name("shop", "havips", 1))]
    {
        let result = create(&mut story, CreateVnic { address: ip(address), ..new() });
        refused(result, Class::Exists, "ADDRESS_TAKEN", "vnic.address", Some(owner));
    }
}

#[test]
fn an_instance_has_one_vnic_per_subnet() {
    let mut story = world();
    let first = Some(name("shop", "vnics", 1));
    let result = create(&mut story, CreateVnic { instance: label("vm-1"), ..new() });
    refused(result, Class::Exists, "NAME_TAKEN", "vnic.instance", first);
    let second = CreateVnic { instance: label("vm-1"), ..vnic(9, 2, "10.0.2.19") };
    create(&mut story, second).unwrap();
    let named = story.state.vnics().named(&scope("shop"), &label("vm-1"));
    assert_eq!(named.map(|entry| entry.facts.vnic.id).collect::<Vec<_>>(), [id(1), id(9)]);
}

#[test]
fn a_subnet_that_is_not_the_callers_is_not_found() {
    let mut story = world();
    let result = create(&mut story, CreateVnic { subnet: id(7), ..new() });
    refused(result, Class::NotFound, "NOT_FOUND", "vnic.subnet", None);
    let result = create(&mut story, CreateVnic { scope: scope("bank"), ..new() });
    refused(result, Class::NotFound, "NOT_FOUND", "vnic.subnet", None);
    let result = create(&mut story, CreateVnic { id: id(1), ..new() });
    refused(result, Class::Exists, "ID_TAKEN", "id", None);
}
