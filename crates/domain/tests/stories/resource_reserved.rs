//! Addresses of a subnet that nobody may have.

use mooring_domain::{
    Event, Expected, Rejection,
    rejection::Class,
    resource::{
        Command, CreateHavip, CreateSubnet, CreateVnic, Delete, ResourceCore, SubnetChange, UpdateSubnet,
    },
};

use super::{fixture::*, world::*};

fn reserve(story: &mut Story<ResourceCore>, blocks: &[&str]) -> Result<Vec<Event>, Rejection> {
    let reserved = Some(blocks.iter().map(|block| net(block)).collect());
    let change = SubnetChange { reserved, ..SubnetChange::default() };
    let (scope, expected) = (scope("shop"), Expected::default());
    story.when(&Command::UpdateSubnet(UpdateSubnet { scope, id: id(1), expected, change }))
}

fn chosen(story: &mut Story<ResourceCore>, number: u128) -> String {
    match story.given(&Command::CreateHavip(havip(number, None, &[]))) {
        Event::HavipCreated(havip) => havip.havip.address.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn neither_a_vnic_nor_a_havip_takes_a_reserved_address_and_the_free_choice_passes_it_over() {
    let mut story = world();
    reserve(&mut story, &["10.0.1.248/29", "10.0.1.60/31"]).unwrap();
    let subnet = Some(name("shop", "subnets", 1));
    for address in ["10.0.1.248", "10.0.1.254", "10.0.1.60", "10.0.1.61"] {
        let result = story.when(&Command::CreateVnic(CreateVnic { id: id(9), ..vnic(9, 1, address) }));
        refused(result, Class::Precondition, "ADDRESS_RESERVED", "vnic.address", subnet.clone());
        let result = story.when(&Command::CreateHavip(havip(9, Some(address), &[])));
        refused(result, Class::Precondition, "ADDRESS_RESERVED", "havip.address", subnet.clone());
    }
    assert_eq!(chosen(&mut story, 9), "10.0.1.247");
    story.given(&Command::CreateHavip(havip(10, Some("10.0.1.62"), &[])));
}

#[test]
fn what_is_reserved_no_more_is_free_and_what_is_said_again_is_not_written() {
    let mut story = world();
    let before = story.state.clone();
    reserve(&mut story, &["10.0.1.128/25"]).unwrap();
    nothing(reserve(&mut story, &["10.0.1.128/25"]));
    assert_eq!(chosen(&mut story, 9), "10.0.1.127");
    let gone = Delete { scope: scope("shop"), id: id(9), expected: Expected::default() };
    story.given(&Command::DeleteHavip(gone));
    reserve(&mut story, &[]).unwrap();
    let free = |story: &Story<ResourceCore>| story.state.subnets().get(id(1)).unwrap().facts.clone();
    assert_eq!(free(&story), before.subnets().get(id(1)).unwrap().facts);
    assert_eq!(chosen(&mut story, 9), "10.0.1.254");
    assert_eq!(chosen(&mut story, 10), "10.0.1.253");
}

#[test]
fn who_has_an_address_keeps_it() {
    let mut story = world();
    let result = reserve(&mut story, &["10.0.1.8/29"]);
    let first = Some(name("shop", "vnics", 1));
    refused(result, Class::Precondition, "RESERVED_IN_USE", "subnet.reserved", first);
    let result = reserve(&mut story, &["10.0.1.50/32"]);
    let havip = Some(name("shop", "havips", 1));
    refused(result, Class::Precondition, "RESERVED_IN_USE", "subnet.reserved", havip);
    // The router's own is nobody's anyway.
    reserve(&mut story, &["10.0.1.0/30"]).unwrap();
}

#[test]
fn blocks_are_of_the_subnet_apart_and_not_too_many_also_when_it_is_made() {
    let mut story = world();
    let before = story.state.clone();
    let many: Vec<String> = (100..133).map(|last| format!("10.0.1.{last}/32")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (blocks, words) in [
        (&["10.0.2.0/28"][..], "not in"),
        (&["10.0.0.0/16"], "not in"),
        (&["10.0.1.240/28", "10.0.1.250/31"], "overlap"),
        (&["10.0.1.241/28"], "bits set"),
        (&many, "32 at most"),
    ] {
        invalid(reserve(&mut story, blocks), "subnet.reserved", words);
        let made = CreateSubnet {
            id: id(9),
            scope: scope("shop"),
            display_name: label("nine"),
            vpc: id(1),
            cidr: net("10.0.9.0/24"),
            gateway_address: None,
            reserved: blocks.iter().map(|block| net(block)).collect(),
        };
        assert!(story.when(&Command::CreateSubnet(made)).is_err());
    }
    assert_eq!(story.state, before);
    let small = CreateSubnet {
        id: id(9),
        scope: scope("shop"),
        display_name: label("nine"),
        vpc: id(1),
        cidr: net("10.0.9.0/29"),
        gateway_address: None,
        reserved: vec![net("10.0.9.4/30")],
    };
    story.given(&Command::CreateSubnet(small));
    let alone = |number| CreateHavip { subnet: id(9), ..havip(number, None, &[]) };
    for _ in ["10.0.9.3", "10.0.9.2"] {
        let number = 20 + u128::from(story.at.position.0);
        story.given(&Command::CreateHavip(alone(number)));
    }
    let result = story.when(&Command::CreateHavip(alone(99)));
    let subnet = Some(name("shop", "subnets", 9));
    refused(result, Class::Exhausted, "SUBNET_EXHAUSTED", "havip.address", subnet);
}
