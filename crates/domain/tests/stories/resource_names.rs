//! What a thing may be called: nothing that names another thing by itself, an address or an id.

use mooring_domain::{
    Event, Expected, Rejection,
    rejection::Class,
    resource::{
        AllocateEip, Command, CreateVnic, CreateVpc, HavipChange, PoolChange, ResourceCore, SubnetChange,
        UpdateEip, UpdateHavip, UpdatePool, UpdateSubnet,
    },
};

use super::{fixture::*, world::*};

/// Each is the address or the id of something, or might be.
const NO_NAMES: [&str; 5] = [
    "203.0.113.1",
    "192.0.2.1",
    "2001:db8::7",
    "01976e2a-0000-7000-8000-000000000001",
    "01976e2a000070008000000000000001",
];

/// Everything that can be called `name`, at first or from then on.
fn called(story: &Story<ResourceCore>, name: &str) -> Vec<(Command, &'static str)> {
    let (name, expected) = (Some(label(name)), Expected::default());
    let pool = PoolChange { display_name: name.clone(), ..PoolChange::default() };
    let subnet = SubnetChange { display_name: name.clone(), ..SubnetChange::default() };
    let havip = HavipChange { display_name: name.clone(), ..HavipChange::default() };
    let eip_update = UpdateEip {
        scope: scope("shop"),
        id: id(1),
        display_name: Some(name.clone()),
        description: None,
        labels: None,
        delete_protection: None,
        expected,
    };
    let vpc = CreateVpc { id: id(9), scope: scope("shop"), display_name: name.clone().unwrap() };
    let (scope, region) = (scope("shop"), region("north"));
    vec![
        (Command::CreateVpc(vpc), "vpc.display_name"),
        (Command::AllocateEip(AllocateEip { display_name: name, ..eip(9) }), "eip.display_name"),
        (Command::UpdateEip(eip_update), "eip.display_name"),
        (
            Command::UpdatePool(UpdatePool { region, id: id(1), expected, change: pool, now: story.now }),
            "pool.display_name",
        ),
        (
            Command::UpdateSubnet(UpdateSubnet { scope: scope.clone(), id: id(1), expected, change: subnet }),
            "subnet.display_name",
        ),
        (
            Command::UpdateHavip(UpdateHavip { scope, id: id(1), expected, change: havip }),
            "havip.display_name",
        ),
    ]
}

#[test]
fn nothing_is_called_like_an_address_or_an_id() {
    for name in NO_NAMES {
        let mut story = world();
        for (command, field) in called(&story, name) {
            invalid(story.when(&command), field, "choose another name");
        }
    }
    for (number, _) in called(&world(), "203.0.113.x").iter().enumerate() {
        let mut story = world();
        let (command, _) = called(&story, "203.0.113.x").swap_remove(number);
        story.when(&command).unwrap();
    }
}

#[test]
fn an_eip_may_be_called_by_its_own_address() {
    let mut story = world();
    let mut allocate = |number, name: &str, address: &str| -> Result<Vec<Event>, Rejection> {
        let (display_name, address) = (Some(label(name)), Some(ip(address)));
        story.when(&Command::AllocateEip(AllocateEip { display_name, address, ..eip(number) }))
    };
    allocate(9, "203.0.113.3", "203.0.113.3").unwrap();
    invalid(allocate(10, "203.0.113.5", "203.0.113.4"), "eip.display_name", "another thing's");
    let taken = allocate(11, "203.0.113.3", "203.0.113.3").unwrap_err();
    assert_eq!((taken.class, taken.reason), (Class::Exists, "ADDRESS_TAKEN"));
}

#[test]
fn an_instance_is_called_what_its_cloud_calls_it() {
    let mut story = world();
    let instance = label("01976e2a-0000-7000-8000-000000000001");
    story.when(&Command::CreateVnic(CreateVnic { instance, ..vnic(9, 1, "10.0.1.19") })).unwrap();
}
