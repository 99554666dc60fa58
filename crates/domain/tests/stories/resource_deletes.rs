//! What is given up: last what others are in, and naming who is in the way.

use mooring_domain::{
    Event, Expected, Rejection,
    rejection::Class,
    resource::{Command, CreateHavip, Delete, HavipChange, ResourceCore, UpdateHavip},
};

use super::{fixture::*, world::*};

fn vpc(project: &str, number: u128) -> Command {
    Command::DeleteVpc(Delete { scope: scope(project), id: id(number), expected: Expected::default() })
}

fn subnet(project: &str, number: u128) -> Command {
    Command::DeleteSubnet(Delete { scope: scope(project), id: id(number), expected: Expected::default() })
}

fn vnic(project: &str, number: u128) -> Command {
    Command::DeleteVnic(Delete { scope: scope(project), id: id(number), expected: Expected::default() })
}

fn havip(number: u128) -> Command {
    Command::DeleteHavip(Delete { scope: scope("shop"), id: id(number), expected: Expected::default() })
}

#[track_caller]
fn in_the_way(result: Result<Vec<Event>, Rejection>, reason: &str, collection: &str, number: u128) {
    let who = Some(name("shop", collection, number));
    refused(result, Class::Precondition, reason, "name", who);
}

#[test]
fn everything_goes_from_the_inside_out_and_leaves_nothing_behind() {
    let mut story = Story::<ResourceCore>::default();
    let mut before = Vec::new();
    let all: Vec<_> =
        commands().into_iter().filter(|command| !matches!(command, Command::AllocateEip(_))).collect();
    for command in &all {
        before.push(story.state.clone());
        story.given(command);
    }
    in_the_way(story.when(&vpc("shop", 1)), "VPC_NOT_EMPTY", "subnets", 1);
    in_the_way(story.when(&subnet("shop", 1)), "SUBNET_NOT_EMPTY", "vnics", 1);
    in_the_way(story.when(&vnic("shop", 1)), "VNIC_IS_A_MEMBER", "havips", 1);
    for gone in [havip(2), havip(1), vnic("shop", 4), vnic("shop", 3), vnic("shop", 2), vnic("shop", 1)] {
        story.given(&gone);
    }
    in_the_way(story.when(&vpc("shop", 1)), "VPC_NOT_EMPTY", "subnets", 1);
    for gone in [subnet("shop", 2), subnet("shop", 1), vpc("shop", 1)] {
        story.given(&gone);
    }
    let [_, empty, ..] = &before[..] else { panic!("a pool and more") };
    assert_eq!(story.state, *empty, "but for the pool");
    // The same can come again, under the same ids.
    for command in &all[1..] {
        story.given(command);
    }
}

#[test]
fn a_havip_that_is_in_a_subnet_is_in_the_way_of_it_too() {
    let mut story = world();
    let empty = mooring_domain::resource::CreateSubnet {
        id: id(9),
        scope: scope("shop"),
        display_name: label("empty"),
        vpc: id(1),
        cidr: net("10.0.9.0/24"),
        gateway_address: None,
        reserved: Vec::new(),
    };
    story.given(&Command::CreateSubnet(empty));
    let alone = CreateHavip { subnet: id(9), ..super::world::havip(9, None, &[]) };
    story.given(&Command::CreateHavip(alone));
    in_the_way(story.when(&subnet("shop", 9)), "SUBNET_NOT_EMPTY", "havips", 9);
    story.given(&havip(9));
    story.given(&subnet("shop", 9));
}

#[test]
fn a_member_goes_once_it_is_none_any_more() {
    let mut story = world();
    in_the_way(story.when(&vnic("shop", 2)), "VNIC_IS_A_MEMBER", "havips", 1);
    let change = HavipChange { members: Some(vec![id(1)]), ..HavipChange::default() };
    story.given(&Command::UpdateHavip(UpdateHavip {
        scope: scope("shop"),
        id: id(1),
        expected: Expected::default(),
        change,
    }));
    let Event::VnicDeleted(gone) = story.given(&vnic("shop", 2)) else { panic!("it is deleted") };
    assert_eq!((gone.vnic.mac, gone.subnet), (mac(2), id(1)), "the event says who it was");
    // Its MAC, its address and its instance's name are free.
    story.given(&Command::CreateVnic(mooring_domain::resource::CreateVnic {
        id: id(20),
        ..super::world::vnic(2, 1, "10.0.1.12")
    }));
}

#[test]
fn what_is_not_there_or_another_projects_is_not_found() {
    let mut story = world();
    let before = story.state.clone();
    for command in [
        vpc("bank", 1),
        subnet("bank", 1),
        vnic("bank", 3),
        vpc("shop", 9),
        subnet("shop", 9),
        vnic("shop", 9),
    ] {
        refused(story.when(&command), Class::NotFound, "NOT_FOUND", "name", None);
    }
    assert_eq!(story.state, before);
}
