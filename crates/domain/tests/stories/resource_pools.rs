//! Pools: ordinary addresses that no other pool has.

use std::time::Duration;

use mooring_domain::{
    Event,
    rejection::Class,
    resource::{Command, CreatePool, ResourceCore},
};

use super::fixture::*;

fn create(number: u128, display_name: &str, cidrs: &[&str]) -> Command {
    Command::CreatePool(CreatePool {
        id: id(number),
        region: region("north"),
        display_name: label(display_name),
        cidrs: cidrs.iter().map(|cidr| net(cidr)).collect(),
        cooling: Duration::ZERO,
    })
}

#[test]
fn a_pool_is_what_was_asked_and_has_its_position() {
    let mut story = Story::<ResourceCore>::default();
    let event = story.given(&create(1, "public", &["203.0.113.0/28", "198.51.100.0/30"]));
    let Event::PoolCreated(pool) = event else { panic!("{event:?}") };
    assert_eq!(pool.cidrs, [net("203.0.113.0/28"), net("198.51.100.0/30")]);
    let entry = story.state.pools().get(id(1)).unwrap();
    assert_eq!((&entry.facts, entry.at), (&pool, story.at));
    assert_eq!(story.state.allocated(id(1)), 0);
}

#[test]
fn a_pool_without_a_block_is_refused() {
    let mut story = Story::<ResourceCore>::default();
    invalid(story.when(&create(1, "public", &[])), "pool.cidrs", "at least one block");
}

#[test]
fn a_block_with_host_bits_is_refused_and_the_right_one_named() {
    let mut story = Story::<ResourceCore>::default();
    let result = story.when(&create(1, "public", &["203.0.113.1/28"]));
    invalid(result, "pool.cidrs", "write 203.0.113.0/28");
}

#[test]
fn blocks_of_special_addresses_are_refused_also_inside_a_larger_one() {
    let mut story = Story::<ResourceCore>::default();
    for (cidr, word) in [
        ("0.0.0.0/8", "unspecified"),
        ("127.0.0.0/24", "loopback"),
        ("169.254.1.0/24", "link-local"),
        ("168.0.0.0/7", "link-local"),
        ("239.0.0.0/24", "multicast"),
        ("255.255.255.255/32", "reserved"),
        ("::1/128", "loopback"),
        ("::ffff:203.0.113.0/120", "IPv4-mapped"),
        ("fe80::/64", "link-local"),
        ("ff02::/64", "multicast"),
    ] {
        invalid(story.when(&create(1, "public", &[cidr])), "pool.cidrs", word);
    }
}

#[test]
fn blocks_of_one_pool_that_overlap_are_refused() {
    let mut story = Story::<ResourceCore>::default();
    let cidrs = ["203.0.113.64/26", "198.51.100.0/24", "203.0.113.0/24"];
    invalid(story.when(&create(1, "public", &cidrs)), "pool.cidrs", "overlap");
}

#[test]
fn a_block_of_another_pool_is_refused_whichever_is_the_larger() {
    let mut story = Story::<ResourceCore>::default();
    story.given(&create(1, "public", &["203.0.113.0/28"]));
    story.given(&create(2, "more", &["203.0.113.64/28"]));
    let first = Some("regions/north/pools/00000000-0000-0000-0000-000000000001".to_owned());
    for cidr in ["203.0.113.0/28", "203.0.113.8/30", "203.0.113.0/27"] {
        let result = story.when(&create(3, "third", &[cidr]));
        refused(result, Class::Exists, "POOL_OVERLAPS", "pool.cidrs", first.clone());
    }
    story.given(&create(3, "third", &["203.0.113.16/28", "203.0.112.0/24"]));
}

#[test]
fn a_pool_name_or_id_that_is_taken_is_refused() {
    let mut story = Story::<ResourceCore>::default();
    story.given(&create(1, "public", &["203.0.113.0/28"]));
    let first = Some("regions/north/pools/00000000-0000-0000-0000-000000000001".to_owned());
    let result = story.when(&create(2, "public", &["198.51.100.0/28"]));
    refused(result, Class::Exists, "NAME_TAKEN", "pool.display_name", first);
    let result = story.when(&create(1, "other", &["198.51.100.0/28"]));
    refused(result, Class::Exists, "ID_TAKEN", "id", None);
}
