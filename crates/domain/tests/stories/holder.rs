//! Who holds what: members by announcing, strangers never.

use mooring_domain::{
    Event, Expected, Stream, Timestamp,
    event::{ClaimFacts, ClaimRejection, HolderChanged},
    holder::{CLOCK_TOLERANCE, Command, Heard, HolderCore, MAX_REJECTIONS, REJECTION_INTERVAL},
    resource::DeleteHavip,
};

use super::{fixture::*, world};

/// The world's things, as health hears of them.
pub fn story() -> Story<HolderCore> {
    let mut resource = Story::<mooring_domain::resource::ResourceCore>::default();
    let mut story = Story::<HolderCore>::default();
    for command in world::commands() {
        story.hears(Stream::Resource, vec![resource.given(&command)]);
    }
    story
}

pub struct Seen<'a> {
    address: &'a str,
    mac: u8,
    /// Nanoseconds after the story's present.
    ahead: i64,
}

/// HAVIP 1 announced by the vNIC with this number, now.
pub fn by(mac: u8) -> Seen<'static> {
    Seen { address: "10.0.1.50", mac, ahead: 0 }
}

fn claim(story: &Story<HolderCore>, seen: Seen<'_>) -> Command {
    let observed_at = Timestamp(story.now.0.saturating_add_signed(seen.ahead));
    let claim = ClaimFacts { gateway: "g1".parse().unwrap(), number: 1, mac: mac(seen.mac), observed_at };
    Command::Claim { vpc: id(1), address: ip(seen.address), claim, heard: Heard::default(), now: story.now }
}

pub fn changes(story: &mut Story<HolderCore>, seen: Seen<'_>) -> HolderChanged {
    let command = claim(story, seen);
    match story.given(&command) {
        Event::HolderChanged(change) => change,
        other => panic!("{other:?}"),
    }
}

fn rejects(story: &mut Story<HolderCore>, seen: Seen<'_>) -> ClaimRejection {
    let command = claim(story, seen);
    match story.given(&command) {
        Event::ClaimRejected(rejected) => rejected.reason,
        other => panic!("{other:?}"),
    }
}

fn ignores(story: &mut Story<HolderCore>, seen: Seen<'_>) {
    let command = claim(story, seen);
    nothing(story.when(&command));
}

fn holder(story: &Story<HolderCore>) -> Option<u8> {
    let holding = story.state.get(id(1)).unwrap().holding.as_ref();
    holding.map(|holding| holding.vnic.mac.0[5])
}

#[test]
fn nobody_holds_a_havip_until_a_member_announces_it() {
    let mut story = story();
    assert_eq!(holder(&story), None);
    let change = changes(&mut story, by(1));
    assert_eq!((change.holder.id, change.previous), (id(1), None));
    let holding = story.state.at(id(1), ip("10.0.1.50")).unwrap().holding.clone().unwrap();
    assert_eq!((holding.vnic, holding.claim, holding.at), (change.holder, change.claim, story.at));
}

#[test]
fn another_member_takes_over_and_the_one_before_is_named() {
    let mut story = story();
    changes(&mut story, by(1));
    story.later(SECOND);
    let change = changes(&mut story, by(2));
    assert_eq!(change.previous.unwrap().id, id(1));
    assert_eq!(holder(&story), Some(2));
}

#[test]
fn the_holders_own_announcements_write_nothing() {
    let mut story = story();
    changes(&mut story, by(1));
    story.later(SECOND);
    ignores(&mut story, by(1));
}

#[test]
fn addresses_that_are_no_havip_write_nothing() {
    let mut story = story();
    for address in ["10.0.1.11", "10.0.1.200", "192.0.2.1", "fd00::1"] {
        ignores(&mut story, Seen { address, ..by(1) });
    }
    let elsewhere = match claim(&story, by(1)) {
        Command::Claim { address, claim, heard, now, .. } => {
            Command::Claim { vpc: id(9), address, claim, heard, now }
        }
        other => panic!("{other:?}"),
    };
    nothing(story.when(&elsewhere));
}

#[test]
fn a_claim_observed_before_the_holders_moves_nothing_and_one_of_the_same_moment_does() {
    let mut story = story();
    changes(&mut story, by(2));
    ignores(&mut story, Seen { ahead: -1, ..by(1) });
    assert_eq!(holder(&story), Some(2));
    changes(&mut story, by(1));
}

#[test]
fn a_claim_from_the_future_counts_as_seen_now() {
    let mut story = story();
    let tolerance = CLOCK_TOLERANCE.as_nanos() as i64;
    let change = changes(&mut story, Seen { ahead: tolerance + 1, ..by(1) });
    assert_eq!(change.claim.observed_at, story.now);
    // It does not shut out what a clock that is right says a moment later.
    story.later(1);
    changes(&mut story, by(2));
    story.later(1);
    let change = changes(&mut story, Seen { ahead: tolerance, ..by(1) });
    assert_eq!(change.claim.observed_at.0, story.now.0 + CLOCK_TOLERANCE.as_nanos() as u64);
}

#[test]
fn after_the_clocks_were_set_back_a_failover_counts_at_once() {
    let mut story = story();
    let tolerance = CLOCK_TOLERANCE.as_nanos() as u64;
    story.later(HOUR);
    let held_since = story.now;
    changes(&mut story, by(1));
    // By no more than clocks may differ: whoever was first cannot be told, and the holder stays until then.
    story.now = Timestamp(held_since.0 - tolerance);
    ignores(&mut story, by(2));
    story.now = held_since;
    changes(&mut story, by(2));
    // By more: what the holder's claim says of time is nothing to go by.
    for back in [tolerance + 1, HOUR] {
        story.now = Timestamp(held_since.0 - back);
        changes(&mut story, by(1));
        story.later(1);
        changes(&mut story, by(2));
        story.now = held_since;
        changes(&mut story, by(1));
        changes(&mut story, by(2));
    }
}

#[test]
fn a_vnic_that_is_no_member_is_rejected_and_named() {
    let mut story = story();
    changes(&mut story, by(1));
    let command = claim(&story, by(3));
    let Event::ClaimRejected(rejected) = story.given(&command) else { panic!("it was rejected") };
    assert_eq!((rejected.reason, rejected.vnic.unwrap().id), (ClaimRejection::NotAMember, id(3)));
    assert_eq!(holder(&story), Some(1));
    // A member of one HAVIP is a stranger to the next.
    assert_eq!(rejects(&mut story, Seen { address: "10.0.1.51", ..by(2) }), ClaimRejection::NotAMember);
}

#[test]
fn a_mac_that_nobody_has_is_rejected() {
    let mut story = story();
    let command = claim(&story, by(200));
    let Event::ClaimRejected(rejected) = story.given(&command) else { panic!("it was rejected") };
    assert_eq!((rejected.reason, rejected.vnic), (ClaimRejection::UnknownMac, None));
    assert_eq!(holder(&story), None);
}

#[test]
fn a_stranger_is_rejected_once_in_ten_seconds() {
    let mut story = story();
    let interval = REJECTION_INTERVAL.as_nanos() as u64;
    rejects(&mut story, by(3));
    ignores(&mut story, by(3));
    rejects(&mut story, by(200));
    story.later(interval - 1);
    ignores(&mut story, by(3));
    story.later(1);
    rejects(&mut story, by(3));
}

#[test]
fn a_flood_of_invented_macs_costs_a_bounded_number_of_events() {
    let mut story = story();
    let claims: Vec<_> = (100..200).map(|mac| claim(&story, by(mac))).collect();
    let written: usize = claims.iter().map(|command| story.when(command).unwrap().len()).sum();
    assert_eq!(written, MAX_REJECTIONS);
    // Neither another HAVIP nor a member is silenced by it, and it passes.
    rejects(&mut story, Seen { address: "10.0.1.51", ..by(100) });
    changes(&mut story, by(1));
    story.later(REJECTION_INTERVAL.as_nanos() as u64);
    rejects(&mut story, by(199));
}

#[test]
fn rejections_are_forgotten_when_their_time_is_over() {
    let (mut story, mut quiet) = (story(), story());
    rejects(&mut story, by(3));
    for story in [&mut story, &mut quiet] {
        story.later(REJECTION_INTERVAL.as_nanos() as u64);
        rejects(story, by(200));
    }
    assert_eq!(story.state, quiet.state);
}

#[test]
fn a_deleted_havip_leaves_nothing_behind() {
    let (mut story, mut resource) = (story(), world::world());
    let before = story.state.clone();
    let create = mooring_domain::resource::Command::CreateHavip(world::havip(5, None, &[2]));
    let created = resource.given(&create);
    story.hears(Stream::Resource, vec![created]);
    changes(&mut story, Seen { address: "10.0.1.254", ..by(2) });
    let delete = DeleteHavip { scope: scope("shop"), id: id(5), expected: Expected::default() };
    let deleted = resource.given(&mooring_domain::resource::Command::DeleteHavip(delete));
    story.hears(Stream::Resource, vec![deleted]);
    assert_eq!(story.state, before);
}

#[test]
fn a_deleted_havip_has_no_holder_and_its_address_may_come_again() {
    let mut story = story();
    changes(&mut story, by(1));
    let mut resource = world::world();
    let delete = DeleteHavip { scope: scope("shop"), id: id(1), expected: Expected::default() };
    let deleted = resource.given(&mooring_domain::resource::Command::DeleteHavip(delete));
    story.hears(Stream::Resource, vec![deleted]);
    assert!(story.state.get(id(1)).is_none());
    ignores(&mut story, by(2));
    let again = mooring_domain::resource::Command::CreateHavip(world::havip(5, Some("10.0.1.50"), &[2]));
    let created = resource.given(&again);
    story.hears(Stream::Resource, vec![created]);
    assert_eq!(story.state.at(id(1), ip("10.0.1.50")).unwrap().holding, None);
    changes(&mut story, by(2));
}

#[test]
fn a_scope_lists_its_havips_in_id_order_after_an_id() {
    let story = story();
    let list = |project: &str, after| {
        story.state.list(&scope(project), after).map(|havip| havip.facts.id).collect::<Vec<_>>()
    };
    assert_eq!(list("shop", None), [id(1), id(2)]);
    assert_eq!(list("shop", Some(id(1))), [id(2)]);
    assert_eq!(list("bank", None), []);
}
