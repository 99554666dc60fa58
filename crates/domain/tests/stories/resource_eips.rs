//! EIPs: addresses out of pools.

use mooring_domain::{
    Event, Expected, Rejection, Timestamp,
    name::Scope,
    rejection::Class,
    resource::{AllocateEip, Command, ReleaseEip, ResourceCore},
};

use super::{fixture::*, world::*};

fn allocate(story: &mut Story<ResourceCore>, command: AllocateEip) -> Result<Vec<Event>, Rejection> {
    story.when(&Command::AllocateEip(command))
}

fn release(project: &str, number: u128) -> Command {
    Command::ReleaseEip(ReleaseEip {
        scope: scope(project),
        id: id(number),
        expected: Expected::default(),
        now: Timestamp::default(),
    })
}

fn facts(story: &Story<ResourceCore>, number: u128) -> mooring_domain::event::EipFacts {
    story.state.eips().get(id(number)).unwrap().facts.eip.clone()
}

#[test]
fn an_eip_is_the_lowest_free_address_and_called_by_it() {
    let mut story = world();
    allocate(&mut story, eip(9)).unwrap();
    let eip = facts(&story, 9);
    assert_eq!((eip.address, eip.display_name, eip.pool), (ip("203.0.113.2"), label("203.0.113.2"), id(1)));
    assert_eq!(story.state.eip_at(ip("203.0.113.2")).unwrap().at, story.at);
    assert_eq!(story.state.allocated(id(1)), 3);
}

#[test]
fn an_address_can_be_chosen_and_a_name_too() {
    let mut story = world();
    let command =
        AllocateEip { address: Some(ip("203.0.113.7")), display_name: Some(label("www")), ..eip(9) };
    allocate(&mut story, command).unwrap();
    assert_eq!(facts(&story, 9).display_name, label("www"));
    let named = story.state.eips().named(&scope("shop"), &label("www")).next().unwrap();
    assert_eq!(named.facts.eip.address, ip("203.0.113.7"));
}

#[test]
fn a_taken_address_is_refused_and_only_the_own_project_hears_who_has_it() {
    let mut story = world();
    let command = AllocateEip { address: Some(ip("203.0.113.0")), ..eip(9) };
    let result = allocate(&mut story, command.clone());
    let owner = Some(name("shop", "eips", 1));
    refused(result, Class::Exists, "ADDRESS_TAKEN", "eip.address", owner);
    let result = allocate(&mut story, AllocateEip { scope: scope("bank"), ..command });
    refused(result, Class::Exists, "ADDRESS_TAKEN", "eip.address", None);
}

#[test]
fn an_address_in_no_pool_or_not_in_the_pool_named_is_refused() {
    let mut story = world();
    story.given(&pool(2, "198.51.100.0/30"));
    let result = allocate(&mut story, AllocateEip { address: Some(ip("192.0.2.1")), ..eip(9) });
    refused(result, Class::Precondition, "NOT_IN_A_POOL", "eip.address", None);
    let command = AllocateEip { address: Some(ip("198.51.100.1")), pool: Some(id(1)), ..eip(9) };
    invalid(allocate(&mut story, command.clone()), "eip.address", "not in the pool");
    allocate(&mut story, AllocateEip { pool: Some(id(2)), ..command }).unwrap();
}

#[test]
fn an_unknown_pool_is_not_found_also_one_of_another_region() {
    let mut story = world();
    let result = allocate(&mut story, AllocateEip { pool: Some(id(7)), ..eip(9) });
    refused(result, Class::NotFound, "NOT_FOUND", "eip.pool", None);
    let south = Scope { region: region("south"), ..scope("shop") };
    let result = allocate(&mut story, AllocateEip { pool: Some(id(1)), scope: south, ..eip(9) });
    refused(result, Class::NotFound, "NOT_FOUND", "eip.pool", None);
}

#[test]
fn an_exhausted_pool_says_so_and_the_next_pool_is_used_where_none_was_named() {
    let mut story = world();
    for number in 10..16 {
        allocate(&mut story, eip(number)).unwrap();
    }
    let result = allocate(&mut story, eip(20));
    refused(result, Class::Exhausted, "POOL_EXHAUSTED", "eip.pool", None);
    story.given(&pool(2, "198.51.100.0/31"));
    let result = allocate(&mut story, AllocateEip { pool: Some(id(1)), ..eip(20) });
    let full = Some(format!("regions/north/pools/{}", id::<mooring_domain::id::Pool>(1)));
    refused(result, Class::Exhausted, "POOL_EXHAUSTED", "eip.pool", full);
    allocate(&mut story, eip(20)).unwrap();
    assert_eq!(facts(&story, 20).address, ip("198.51.100.0"));
    story.given(&release("shop", 12));
    allocate(&mut story, eip(21)).unwrap();
    assert_eq!(facts(&story, 21).address, ip("203.0.113.4"));
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let mut story = world();
    allocate(&mut story, AllocateEip { display_name: Some(label("www")), ..eip(8) }).unwrap();
    let result = allocate(&mut story, AllocateEip { display_name: Some(label("www")), ..eip(9) });
    let owner = Some(name("shop", "eips", 8));
    refused(result, Class::Exists, "NAME_TAKEN", "eip.display_name", owner);
    refused(allocate(&mut story, eip(1)), Class::Exists, "ID_TAKEN", "id", None);
}

#[test]
fn a_released_eip_is_gone_and_its_address_free() {
    let mut story = world();
    story.given(&release("shop", 1));
    assert!(story.state.eips().get(id(1)).is_none());
    assert!(story.state.eip_at(ip("203.0.113.0")).is_none());
    assert_eq!(story.state.allocated(id(1)), 1);
    allocate(&mut story, AllocateEip { scope: scope("bank"), ..eip(9) }).unwrap();
    assert_eq!(facts(&story, 9).address, ip("203.0.113.0"));
    refused(story.when(&release("shop", 1)), Class::NotFound, "NOT_FOUND", "name", None);
    refused(story.when(&release("shop", 9)), Class::NotFound, "NOT_FOUND", "name", None);
}

#[test]
fn a_released_eip_leaves_nothing_behind() {
    let mut story = world();
    let before = story.state.clone();
    allocate(&mut story, eip(9)).unwrap();
    assert_ne!(story.state, before);
    story.given(&release("shop", 9));
    assert_eq!(story.state, before);
}

#[test]
fn a_held_eip_cannot_be_released_and_the_binding_is_named() {
    let mut story = world();
    let hold = hold(&story, 70, 1, 1);
    story.given(&hold);
    let binding = Some(name("shop", "bindings", 70));
    refused(story.when(&release("shop", 1)), Class::Precondition, "EIP_HELD", "name", binding);
    story.given(&release_hold(70));
    story.given(&release("shop", 1));
}
