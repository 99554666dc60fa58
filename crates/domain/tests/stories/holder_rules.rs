//! What a HAVIP's owner chose: who else may hold it, and how often it may change hands; and what is counted and not told.

use std::time::Duration;

use mooring_domain::{
    Event, Stream, Timestamp,
    event::{ClaimFacts, ClaimRejection, Damping, HolderChanged, HolderContested, HolderRules},
    holder::{Command, HolderCore, Latest, MAX_REJECTIONS, QUESTION, REJECTION_INTERVAL},
    resource::{self, ResourceCore},
};

use super::{fixture::*, world};

const MILLISECOND: u64 = 1_000_000;

/// Health, with what it remembers of claims, and the region's things of which it hears.
struct Region {
    resource: Story<ResourceCore>,
    health: Story<HolderCore>,
    latest: Latest,
}

impl Region {
    /// The world, its HAVIPs with these rules.
    fn with(rules: HolderRules) -> Self {
        let (resource, health) = (Story::default(), Story::default());
        let mut region = Self { resource, health, latest: Latest::default() };
        for command in world::commands_with(rules) {
            region.made(&command);
        }
        region
    }

    fn made(&mut self, command: &resource::Command) {
        let event = self.resource.given(command);
        self.health.hears(Stream::Resource, vec![event]);
    }

    fn later(&mut self, milliseconds: u64) {
        self.health.later(milliseconds * MILLISECOND);
    }

    /// HAVIP 1 announced by the vNIC with this number, now.
    fn claim(&mut self, last: u8) -> Option<Event> {
        let (vpc, address, now) = (id(1), ip("10.0.1.50"), self.health.now);
        let claim =
            ClaimFacts { gateway: "g1".parse().unwrap(), number: 1, mac: mac(last), observed_at: now };
        let commands = self.latest.commands(&self.health.state, [(vpc, address, claim)], now);
        let mut events = self.health.when(&commands[0]).unwrap();
        assert!(events.len() < 2, "{events:?}");
        events.pop()
    }

    fn moves(&mut self, last: u8) -> HolderChanged {
        match self.claim(last) {
            Some(Event::HolderChanged(change)) => change,
            other => panic!("{other:?}"),
        }
    }

    fn contests(&mut self, last: u8) -> HolderContested {
        match self.claim(last) {
            Some(Event::HolderContested(contested)) => contested,
            other => panic!("{other:?}"),
        }
    }

    fn holder(&self) -> u8 {
        self.health.state.get(id(1)).unwrap().holding.as_ref().unwrap().vnic.mac.0[5]
    }

    fn contested(&self) -> usize {
        self.health.state.contested().count()
    }

    /// Health looks whether it has settled; whether it says so.
    fn settles(&mut self, since: Timestamp) -> bool {
        let heard = self.latest.heard(self.health.state.get(id(1)).unwrap());
        let settle = Command::Settle { havip: id(1), heard, since, now: self.health.now };
        !self.health.when(&settle).unwrap().is_empty()
    }
}

#[test]
fn a_havip_that_was_quiet_for_a_second_fails_over_at_once() {
    let mut region = Region::with(HolderRules::default());
    let first = region.moves(1);
    assert_eq!(first.backoff, Duration::from_secs(1));
    region.later(1000);
    assert_eq!(region.moves(2).backoff, Duration::from_secs(1), "nobody contested it");
    assert_eq!(region.contested(), 0);
}

#[test]
fn who_claims_it_before_that_is_told_once_and_the_holder_keeps_it() {
    let mut region = Region::with(HolderRules::default());
    let first = region.moves(1);
    region.later(400);
    let contested = region.contests(2);
    assert_eq!((contested.holder.id, contested.rival.id), (id(1), id(2)));
    assert_eq!(contested.until, Timestamp(first.claim.observed_at.0 + SECOND));
    region.later(400);
    assert_eq!(region.claim(2), None, "it was told");
    assert_eq!((region.holder(), region.contested()), (1, 1));
    region.later(200);
    assert_eq!(region.moves(2).backoff, Duration::from_secs(2));
}

#[test]
fn each_contested_change_makes_the_next_wait_a_second_longer_up_to_ten() {
    let mut region = Region::with(HolderRules::default());
    region.moves(1);
    let mut backoffs = Vec::new();
    for turn in 0..12_u8 {
        let rival = if turn % 2 == 0 { 2 } else { 1 };
        region.later(1);
        region.contests(rival);
        region.later(backoffs.last().copied().unwrap_or(1) * 1000);
        backoffs.push(region.moves(rival).backoff.as_secs());
    }
    assert_eq!(backoffs, [2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10]);
    // One that nobody contested is the first of its kind again.
    region.later(10_000);
    assert_eq!(region.moves(2).backoff, Duration::from_secs(1));
}

#[test]
fn where_damping_is_off_whoever_claims_it_holds_it() {
    let mut region = Region::with(HolderRules { damping: Damping::OFF, ..HolderRules::default() });
    for turn in 0..10 {
        region.later(1);
        assert_eq!(region.moves(1 + turn % 2).backoff, Duration::ZERO);
    }
    assert_eq!(region.contested(), 0);
}

#[test]
fn what_was_contested_and_how_long_is_folded_from_the_log() {
    let damping = Damping { step: Duration::from_secs(2), cap: Duration::from_secs(3) };
    let mut region = Region::with(HolderRules { damping, ..HolderRules::default() });
    region.moves(1);
    region.later(1);
    region.contests(2);
    // Health is another process now, with nothing but what was written.
    region.latest = Latest::default();
    region.later(1998);
    assert_eq!(region.claim(2), None, "one millisecond too early");
    region.later(1);
    assert_eq!(region.moves(2).backoff, Duration::from_secs(3));
}

#[test]
fn it_has_settled_when_nobody_else_claimed_it_for_a_back_off_and_a_question() {
    let mut region = Region::with(HolderRules::default());
    let start = region.health.now;
    region.moves(1);
    region.later(400);
    region.contests(2);
    region.later(500);
    region.claim(1);
    let settled_after = 1000 + u64::try_from(QUESTION.as_millis()).unwrap();
    region.later(settled_after - 501);
    assert!(!region.settles(start));
    region.later(1);
    assert!(region.settles(start), "the holder's own claims keep nothing open");
    assert_eq!((region.holder(), region.contested()), (1, 0));
    assert!(!region.settles(start), "it is told once");
}

#[test]
fn a_health_that_has_just_begun_listens_first() {
    let mut region = Region::with(HolderRules::default());
    region.moves(1);
    region.later(1);
    region.contests(2);
    region.later(60_000);
    let begun = region.health.now;
    assert!(!region.settles(begun));
    region.later(1999);
    assert!(!region.settles(begun));
    region.later(1);
    assert!(region.settles(begun));
}

#[test]
fn a_havip_open_to_its_subnet_is_held_by_any_vnic_of_it_also_by_one_made_later() {
    let rules = HolderRules { whole_subnet: true, damping: Damping::OFF, announce: false };
    let mut region = Region::with(rules);
    assert_eq!(region.moves(3).holder.id, id(3), "no member");
    region.made(&resource::Command::CreateVnic(world::vnic(9, 1, "10.0.1.19")));
    assert_eq!(region.moves(9).holder.id, id(9), "made after it");
    let rejection = |event| match event {
        Some(Event::ClaimRejected(rejected)) => rejected.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(rejection(region.claim(4)), ClaimRejection::NotAMember, "of another subnet");
    assert_eq!(rejection(region.claim(200)), ClaimRejection::UnknownMac);
    assert_eq!(region.holder(), 9);
}

#[test]
fn rejected_claims_that_are_not_told_are_counted_in_the_next_one_that_is() {
    let mut region = Region::with(HolderRules::default());
    let unrecorded = |event| match event {
        Some(Event::ClaimRejected(rejected)) => Some(rejected.unrecorded),
        None => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(unrecorded(region.claim(3)), Some(0));
    for _ in 0..4 {
        assert_eq!(unrecorded(region.claim(3)), None);
    }
    assert_eq!(unrecorded(region.claim(200)), Some(4), "of whomever");
    assert_eq!(unrecorded(region.claim(201)), Some(0));
    region.later(u64::try_from(REJECTION_INTERVAL.as_millis()).unwrap());
    let written = (100..200).filter_map(|last| unrecorded(region.claim(last))).count();
    assert_eq!(written, MAX_REJECTIONS);
    region.later(u64::try_from(REJECTION_INTERVAL.as_millis()).unwrap());
    assert_eq!(unrecorded(region.claim(3)), Some(100 - MAX_REJECTIONS as u64));
}
