//! HAVIPs: an address no interface owns, and the members that may claim it.

use std::time::Duration;

use mooring_domain::{
    Event, Expected, Rejection,
    event::{Damping, HolderRules},
    rejection::Class,
    resource::{AddressOwner, Command, CreateHavip, DeleteHavip, ResourceCore},
};

use super::{fixture::*, world::*};

fn create(story: &mut Story<ResourceCore>, command: CreateHavip) -> Result<Vec<Event>, Rejection> {
    story.when(&Command::CreateHavip(command))
}

fn delete(project: &str, number: u128) -> Command {
    Command::DeleteHavip(DeleteHavip { scope: scope(project), id: id(number), expected: Expected::default() })
}

fn address(story: &Story<ResourceCore>, number: u128) -> String {
    story.state.havips().get(id(number)).unwrap().facts.havip.address.to_string()
}

#[test]
fn a_havip_carries_its_members_facts() {
    let story = world();
    let havip = &story.state.havips().get(id(1)).unwrap().facts;
    assert_eq!(havip.members.iter().map(|member| member.mac).collect::<Vec<_>>(), [mac(1), mac(2)]);
    assert_eq!((havip.havip.vpc, havip.havip.address), (id(1), ip("10.0.1.50")));
    assert_eq!(story.state.address_owner(id(1), ip("10.0.1.50")), Some(AddressOwner::Havip(id(1))));
}

#[test]
fn without_an_address_it_gets_the_highest_free_one() {
    let mut story = world();
    create(&mut story, havip(7, None, &[])).unwrap();
    create(&mut story, havip(8, None, &[])).unwrap();
    assert_eq!((address(&story, 7), address(&story, 8)), ("10.0.1.254".into(), "10.0.1.253".into()));
    story.given(&delete("shop", 7));
    create(&mut story, havip(9, None, &[])).unwrap();
    assert_eq!(address(&story, 9), "10.0.1.254");
}

#[test]
fn a_full_subnet_says_so() {
    let mut story = world();
    let small = mooring_domain::resource::CreateSubnet {
        id: id(9),
        scope: scope("shop"),
        display_name: label("small"),
        vpc: id(1),
        cidr: net("10.0.9.0/29"),
        gateway_address: None,
        reserved: Vec::new(),
    };
    story.given(&Command::CreateSubnet(small));
    story.given(&raise_quotas());
    for number in 20..25 {
        create(&mut story, CreateHavip { subnet: id(9), ..havip(number, None, &[]) }).unwrap();
    }
    assert_eq!(address(&story, 24), "10.0.9.2");
    let result = create(&mut story, CreateHavip { subnet: id(9), ..havip(25, None, &[]) });
    let subnet = Some(name("shop", "subnets", 9));
    refused(result, Class::Exhausted, "SUBNET_EXHAUSTED", "havip.address", subnet);
}

#[test]
fn an_address_that_no_havip_can_have_is_refused() {
    let mut story = world();
    for (address, words) in [
        ("10.0.2.50", "outside"),
        ("10.0.1.0", "network address"),
        ("10.0.1.255", "broadcast address"),
        ("10.0.1.1", "gateway address"),
    ] {
        invalid(create(&mut story, havip(9, Some(address), &[])), "havip.address", words);
    }
    for (address, owner) in
        [("10.0.1.11", name("shop", "vnics", 1)), ("10.0.1.50", name("shop", "havips", 1))]
    {
        let result = create(&mut story, havip(9, Some(address), &[]));
        refused(result, Class::Exists, "ADDRESS_TAKEN", "havip.address", Some(owner));
    }
}

#[test]
fn members_exist_once_each_in_the_same_subnet_a_hundred_at_most() {
    let mut story = world();
    invalid(create(&mut story, havip(9, None, &[1, 2, 1])), "havip.members", "twice");
    let many: Vec<u128> = (1..=101).collect();
    invalid(create(&mut story, havip(9, None, &many)), "havip.members", "100 at most");
    let result = create(&mut story, havip(9, None, &[1, 99]));
    refused(result, Class::NotFound, "NOT_FOUND", "havip.members", None);
    let result = create(&mut story, havip(9, None, &[1, 4]));
    let other = Some(name("shop", "vnics", 4));
    refused(result, Class::Precondition, "OTHER_SUBNET", "havip.members", other);
}

#[test]
fn names_are_unique_and_other_projects_subnets_not_found() {
    let mut story = world();
    let first = Some(name("shop", "havips", 1));
    let result = create(&mut story, CreateHavip { display_name: label("havip-1"), ..havip(9, None, &[]) });
    refused(result, Class::Exists, "NAME_TAKEN", "havip.display_name", first);
    let result = create(&mut story, havip(1, None, &[]));
    refused(result, Class::Exists, "ID_TAKEN", "id", None);
    let result = create(&mut story, CreateHavip { scope: scope("bank"), ..havip(9, None, &[]) });
    refused(result, Class::NotFound, "NOT_FOUND", "havip.subnet", None);
}

#[test]
fn a_deleted_havip_frees_its_address_and_its_name() {
    let mut story = world();
    story.given(&delete("shop", 1));
    assert!(story.state.havips().get(id(1)).is_none());
    create(&mut story, CreateHavip { display_name: label("havip-1"), ..havip(9, Some("10.0.1.50"), &[3]) })
        .unwrap();
    let result = story.when(&delete("shop", 1));
    refused(result, Class::NotFound, "NOT_FOUND", "name", None);
}

#[test]
fn a_deleted_havip_leaves_nothing_behind() {
    let mut story = world();
    let before = story.state.clone();
    create(&mut story, havip(9, None, &[1, 2])).unwrap();
    assert_ne!(story.state, before);
    story.given(&delete("shop", 9));
    assert_eq!(story.state, before);
}

#[test]
fn a_havip_of_another_project_is_not_found() {
    let mut story = world();
    refused(story.when(&delete("bank", 1)), Class::NotFound, "NOT_FOUND", "name", None);
}

#[test]
fn a_held_havip_cannot_be_deleted_and_the_binding_is_named() {
    let mut story = world();
    let hold = hold(&story, 70, 1, 1);
    story.given(&hold);
    let binding = Some(name("shop", "bindings", 70));
    refused(story.when(&delete("shop", 1)), Class::Precondition, "HAVIP_HELD", "name", binding);
    story.given(&release_hold(70));
    story.given(&delete("shop", 1));
}

#[test]
fn damping_has_a_step_and_a_cap_or_neither() {
    let mut story = world();
    let with = |number, step, cap| {
        let damping = Damping { step: Duration::from_millis(step), cap: Duration::from_millis(cap) };
        CreateHavip { rules: HolderRules { damping, ..HolderRules::default() }, ..havip(number, None, &[1]) }
    };
    for (step, cap, words) in
        [(2000, 1000, "at most its cap"), (0, 1000, "without a step"), (1000, 600_001, "at most 10m")]
    {
        invalid(create(&mut story, with(9, step, cap)), "havip.damping", words);
    }
    for (number, step, cap) in [(9, 0, 0), (10, 1, 1), (11, 1000, 600_000)] {
        create(&mut story, with(number, step, cap)).unwrap();
    }
}
