//! Pools that get other blocks, are drained, give out addresses again, and go.

use std::time::Duration;

use mooring_domain::{
    Event, Expected, Rejection, Timestamp,
    rejection::Class,
    resource::{
        AllocateEip, Command, CreatePool, DeletePool, PoolChange, ReleaseEip, ResourceCore, UpdatePool,
    },
};

use super::{fixture::*, world::*};

fn update(
    story: &mut Story<ResourceCore>,
    number: u128,
    change: PoolChange,
) -> Result<Vec<Event>, Rejection> {
    let (region, expected, now) = (region("north"), Expected::default(), story.now);
    story.when(&Command::UpdatePool(UpdatePool { region, id: id(number), expected, change, now }))
}

fn blocks(cidrs: &[&str]) -> PoolChange {
    PoolChange { cidrs: Some(cidrs.iter().map(|cidr| net(cidr)).collect()), ..PoolChange::default() }
}

fn draining(draining: bool) -> PoolChange {
    PoolChange { draining: Some(draining), ..PoolChange::default() }
}

fn delete(number: u128) -> Command {
    let (region, expected) = (region("north"), Expected::default());
    Command::DeletePool(DeletePool { region, id: id(number), expected, now: Timestamp(HOUR) })
}

fn allocated(story: &mut Story<ResourceCore>, command: AllocateEip) -> String {
    match story.given(&Command::AllocateEip(command)) {
        Event::EipAllocated(described) => described.eip.address.to_string(),
        other => panic!("{other:?}"),
    }
}

fn release(story: &mut Story<ResourceCore>, number: u128) {
    let project = story.state.eips().get(id(number)).unwrap().facts.eip.project.to_string();
    let (scope, expected, now) = (scope(&project), Expected::default(), story.now);
    story.given(&Command::ReleaseEip(ReleaseEip { scope, id: id(number), expected, now }));
}

#[test]
fn blocks_that_come_give_out_addresses_of_either_family() {
    let mut story = world();
    update(&mut story, 1, blocks(&["203.0.113.0/29", "198.51.100.8/31", "2001:db8::/126"])).unwrap();
    let new = AllocateEip { address: Some(ip("198.51.100.9")), ..eip(3) };
    assert_eq!(allocated(&mut story, new), "198.51.100.9");
    let new = AllocateEip { address: Some(ip("2001:db8::2")), ..eip(4) };
    assert_eq!(allocated(&mut story, new), "2001:db8::2");
    assert_eq!(allocated(&mut story, eip(5)), "198.51.100.8", "the lowest that is free");
    // What is allocated stays so, and is not given out twice.
    assert_eq!(allocated(&mut story, eip(6)), "203.0.113.2");
}

#[test]
fn a_block_goes_once_nobody_has_an_eip_in_it_and_may_be_cut_otherwise() {
    let mut story = world();
    let result = update(&mut story, 1, blocks(&["198.51.100.0/28"]));
    let first = Some(name("shop", "eips", 1));
    refused(result, Class::Precondition, "POOL_BLOCK_NOT_EMPTY", "pool.cidrs", first);
    // Both EIPs are in the first half.
    update(&mut story, 1, blocks(&["203.0.113.0/30", "198.51.100.0/28"])).unwrap();
    let gone = AllocateEip { address: Some(ip("203.0.113.5")), ..eip(3) };
    let result = story.when(&Command::AllocateEip(gone));
    refused(result, Class::Precondition, "NOT_IN_A_POOL", "eip.address", None);
    update(&mut story, 1, blocks(&["203.0.113.0/31", "203.0.113.2/31"])).unwrap();
    assert_eq!(allocated(&mut story, eip(3)), "203.0.113.2");
    // Another pool can have what went.
    story.given(&pool(2, "198.51.100.0/28"));
    let overlapping = update(&mut story, 1, blocks(&["203.0.113.0/30", "198.51.100.4/30"]));
    let other = Some("regions/north/pools/00000000-0000-0000-0000-000000000002".to_owned());
    refused(overlapping, Class::Exists, "POOL_OVERLAPS", "pool.cidrs", other.clone());
    let supernet = update(&mut story, 1, blocks(&["203.0.113.0/30", "198.51.0.0/16"]));
    refused(supernet, Class::Exists, "POOL_OVERLAPS", "pool.cidrs", other);
}

#[test]
fn a_block_in_which_an_address_cools_stays_until_it_has_cooled_and_so_does_its_pool() {
    let mut story = Story::<ResourceCore>::default();
    let Command::CreatePool(cools) = pool(1, "203.0.113.0/29") else { panic!("it creates a pool") };
    let cooling = Duration::from_mins(10);
    story.given(&Command::CreatePool(CreatePool { cooling, ..cools }));
    story.given(&Command::AllocateEip(eip(1)));
    release(&mut story, 1);
    let who = Some(name("shop", "eips", 1));
    let result = update(&mut story, 1, blocks(&["198.51.100.0/28"]));
    refused(result, Class::Precondition, "POOL_BLOCK_NOT_EMPTY", "pool.cidrs", who.clone());
    update(&mut story, 1, draining(true)).unwrap();
    let delete = |now| {
        let (region, expected) = (region("north"), Expected::default());
        Command::DeletePool(DeletePool { region, id: id(1), expected, now })
    };
    refused(story.when(&delete(story.now)), Class::Precondition, "POOL_NOT_EMPTY", "name", who);
    // Cut otherwise, it is kept from everybody as before.
    update(&mut story, 1, PoolChange { draining: Some(false), ..blocks(&["203.0.113.0/30"]) }).unwrap();
    let bank = AllocateEip { scope: scope("bank"), ..eip(2) };
    assert_eq!(allocated(&mut story, bank), "203.0.113.1");
    release(&mut story, 2);
    story.later(u64::try_from(cooling.as_nanos()).unwrap());
    update(&mut story, 1, PoolChange { draining: Some(true), ..blocks(&["198.51.100.0/28"]) }).unwrap();
    story.given(&delete(story.now));
}

#[test]
fn what_is_released_cools_as_long_as_its_pool_says_then_and_no_change_after_that_counts() {
    let mut story = world();
    let cooling = |time| PoolChange { cooling: Some(time), ..PoolChange::default() };
    update(&mut story, 1, cooling(Duration::from_mins(10))).unwrap();
    nothing(update(&mut story, 1, cooling(Duration::from_mins(10))));
    assert_eq!(allocated(&mut story, eip(3)), "203.0.113.2");
    release(&mut story, 3);
    update(&mut story, 1, cooling(Duration::ZERO)).unwrap();
    let bank = |number| AllocateEip { scope: scope("bank"), ..eip(number) };
    assert_eq!(allocated(&mut story, bank(4)), "203.0.113.3", "the other cools as it was said");
    release(&mut story, 4);
    assert_eq!(allocated(&mut story, bank(5)), "203.0.113.3");
    story.later(u64::try_from(Duration::from_mins(10).as_nanos()).unwrap());
    let now = story.now;
    assert_eq!(allocated(&mut story, AllocateEip { now, ..eip(6) }), "203.0.113.2");
    let long = update(&mut story, 1, cooling(Duration::from_hours(24 * 366)));
    invalid(long, "pool.cooling_ms", "at most");
}

#[test]
fn what_no_pool_can_have_no_pool_gets() {
    let mut story = world();
    let before = story.state.clone();
    invalid(update(&mut story, 1, blocks(&[])), "pool.cidrs", "at least one");
    invalid(update(&mut story, 1, blocks(&["203.0.113.0/29", "203.0.113.4/30"])), "pool.cidrs", "overlap");
    invalid(update(&mut story, 1, blocks(&["203.0.113.0/29", "224.0.0.0/28"])), "pool.cidrs", "multicast");
    refused(update(&mut story, 9, draining(true)), Class::NotFound, "NOT_FOUND", "name", None);
    nothing(update(&mut story, 1, PoolChange { draining: Some(false), ..blocks(&["203.0.113.0/29"]) }));
    assert_eq!(story.state, before);
}

#[test]
fn nothing_new_comes_out_of_a_pool_that_is_drained_and_what_there_is_goes_on() {
    let mut story = world();
    story.given(&pool(2, "198.51.100.0/31"));
    update(&mut story, 1, draining(true)).unwrap();
    nothing(update(&mut story, 1, draining(true)));
    let first = Some("regions/north/pools/00000000-0000-0000-0000-000000000001".to_owned());
    let asked = AllocateEip { pool: Some(id(1)), ..eip(3) };
    let result = story.when(&Command::AllocateEip(asked));
    refused(result, Class::Precondition, "POOL_DRAINING", "eip.pool", first.clone());
    let asked = AllocateEip { address: Some(ip("203.0.113.5")), ..eip(3) };
    let result = story.when(&Command::AllocateEip(asked));
    refused(result, Class::Precondition, "POOL_DRAINING", "eip.address", first);
    assert_eq!(allocated(&mut story, eip(3)), "198.51.100.0", "the free choice passes it over");
    assert_eq!(allocated(&mut story, eip(4)), "198.51.100.1");
    let result = story.when(&Command::AllocateEip(eip(5)));
    refused(result, Class::Exhausted, "POOL_EXHAUSTED", "eip.pool", None);
    let hold = hold(&story, 70, 1, 1);
    story.given(&hold);
    update(&mut story, 1, draining(false)).unwrap();
    assert_eq!(allocated(&mut story, eip(5)), "203.0.113.2");
}

#[test]
fn a_pool_goes_once_it_is_drained_and_empty_and_leaves_nothing_behind() {
    let mut story = Story::<ResourceCore>::default();
    let before = story.state.clone();
    story.given(&pool(1, "203.0.113.0/29"));
    refused(story.when(&delete(1)), Class::Precondition, "POOL_NOT_DRAINING", "name", None);
    story.given(&Command::AllocateEip(eip(1)));
    let eip = Some(name("shop", "eips", 1));
    refused(story.when(&delete(1)), Class::Precondition, "POOL_NOT_EMPTY", "name", eip.clone());
    update(&mut story, 1, draining(true)).unwrap();
    refused(story.when(&delete(1)), Class::Precondition, "POOL_NOT_EMPTY", "name", eip);
    release(&mut story, 1);
    story.given(&delete(1));
    assert_eq!(story.state, before);
    refused(story.when(&delete(1)), Class::NotFound, "NOT_FOUND", "name", None);
    story.given(&pool(1, "203.0.113.0/29"));
}
