//! A holder that may hold a HAVIP no more loses it at once, and health says so.

use std::time::Duration;

use mooring_domain::{
    Event, Stream,
    event::{
        ClaimFacts, Damping, HavipCreated, HolderChanged, HolderRules, OVER_GRPC, VnicCreated, Withdrawal,
    },
    holder::{Announce, Command, Heard, HolderCore},
    id::HavipId,
    name::Name,
    resource::ResourceCore,
};

use super::{fixture::*, world};

/// The world as health hears of it, with its first HAVIP as it was made.
fn story(rules: HolderRules) -> (Story<HolderCore>, HavipCreated) {
    let mut resource = Story::<ResourceCore>::default();
    let mut story = Story::<HolderCore>::default();
    let mut made = None;
    for command in world::commands_with(rules) {
        let event = resource.given(&command);
        if let Event::HavipCreated(havip) = &event {
            made.get_or_insert(havip.clone());
        }
        story.hears(Stream::Resource, vec![event]);
    }
    (story, made.unwrap())
}

const RULES: HolderRules = HolderRules { whole_subnet: false, damping: Damping::OFF, announce: false };

/// The vNICs with these numbers are its members from now on.
fn members(story: &mut Story<HolderCore>, havip: &HavipCreated, members: &[u8]) {
    let members = havip.members.iter().filter(|member| members.contains(&member.mac.0[5])).cloned().collect();
    let updated = HavipCreated { members, ..havip.clone() };
    story.hears(Stream::Resource, vec![Event::HavipUpdated(updated)]);
}

fn claim(story: &Story<HolderCore>, last: u8) -> Command {
    let claim =
        ClaimFacts { gateway: "g1".parse().unwrap(), number: 1, mac: mac(last), observed_at: story.now };
    Command::Claim { vpc: id(1), address: ip("10.0.1.50"), claim, heard: Heard::default(), now: story.now }
}

fn holds(story: &mut Story<HolderCore>, last: u8) -> HolderChanged {
    let command = claim(story, last);
    match story.given(&command) {
        Event::HolderChanged(change) => change,
        other => panic!("{other:?}"),
    }
}

fn holder(story: &Story<HolderCore>) -> Option<u8> {
    story.state.get(id(1)).unwrap().holding.as_ref().map(|holding| holding.vnic.mac.0[5])
}

/// What health has to say of the HAVIPs whose holders may hold them no more.
fn said(story: &mut Story<HolderCore>) -> Vec<Event> {
    let all: Vec<HavipId> = story.state.excluded().collect();
    all.into_iter().map(|havip| story.given(&Command::Exclude { havip })).collect()
}

#[test]
fn a_removed_holder_holds_nothing_and_that_is_said_once() {
    let (mut story, havip) = story(RULES);
    holds(&mut story, 1);
    members(&mut story, &havip, &[2]);
    assert_eq!(holder(&story), None, "at once");
    let events = said(&mut story);
    let [Event::HolderWithdrawn(gone)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((gone.holder.mac, gone.reason), (mac(1), Withdrawal::Excluded));
    assert_eq!(said(&mut story), []);
    nothing(story.when(&Command::Exclude { havip: id(1) }));
    // Its claims are a stranger's now.
    story.later(SECOND);
    let command = claim(&story, 1);
    assert!(matches!(story.given(&command), Event::ClaimRejected(_)));
    assert_eq!(holder(&story), None);
}

#[test]
fn whoever_claims_it_before_that_is_said_took_it_from_the_one_before() {
    let (mut story, havip) = story(HolderRules { damping: Damping::default(), ..RULES });
    holds(&mut story, 1);
    members(&mut story, &havip, &[2]);
    // No back-off of a holder that is none keeps it waiting.
    let change = holds(&mut story, 2);
    assert_eq!(change.previous.map(|previous| previous.mac), Some(mac(1)));
    assert_eq!((said(&mut story), holder(&story)), (vec![], Some(2)));
}

#[test]
fn a_holder_that_stays_a_member_keeps_it_whatever_else_changes() {
    let (mut story, havip) = story(RULES);
    holds(&mut story, 2);
    members(&mut story, &havip, &[2]);
    let renamed = havip.havip.clone();
    let renamed = mooring_domain::event::HavipFacts { display_name: label("other"), ..renamed };
    story
        .hears(Stream::Resource, vec![Event::HavipUpdated(HavipCreated { havip: renamed, ..havip.clone() })]);
    assert_eq!((said(&mut story), holder(&story)), (vec![], Some(2)));
    assert_eq!(story.state.get(id(1)).unwrap().facts.display_name, label("other"));
}

#[test]
fn who_is_a_member_again_before_that_is_said_lost_it_all_the_same() {
    let (mut story, havip) = story(RULES);
    holds(&mut story, 1);
    members(&mut story, &havip, &[2]);
    members(&mut story, &havip, &[1, 2]);
    assert_eq!(holder(&story), None, "gateways have taken it from it");
    assert_eq!(said(&mut story).len(), 1);
    story.later(SECOND);
    assert_eq!(holds(&mut story, 1).previous, None);
}

#[test]
fn a_claim_decided_before_its_sender_was_removed_comes_to_nothing() {
    let (mut story, havip) = story(RULES);
    holds(&mut story, 2);
    story.later(SECOND);
    let command = claim(&story, 1);
    let decided = <HolderCore as mooring_domain::Decider>::decide(&story.state, &command).unwrap();
    members(&mut story, &havip, &[2]);
    story.hears(Stream::Health, decided);
    assert_eq!(holder(&story), None);
    let events = said(&mut story);
    assert!(matches!(&events[..], [Event::HolderWithdrawn(gone)] if gone.holder.mac == mac(1)), "{events:?}");
}

#[test]
fn one_that_is_open_no_more_is_left_to_its_members() {
    let (mut story, havip) = story(HolderRules { whole_subnet: true, ..RULES });
    holds(&mut story, 3);
    story.hears(Stream::Resource, vec![Event::HavipUpdated(HavipCreated { rules: RULES, ..havip.clone() })]);
    assert_eq!((said(&mut story).len(), holder(&story)), (1, None));
    // And the other way round.
    let open = HavipCreated { rules: HolderRules { whole_subnet: true, ..RULES }, ..havip };
    story.hears(Stream::Resource, vec![Event::HavipUpdated(open)]);
    story.later(SECOND);
    holds(&mut story, 3);
}

#[test]
fn a_vnic_that_is_gone_holds_nothing_and_claims_as_a_stranger() {
    let (mut story, _) = story(HolderRules { whole_subnet: true, ..RULES });
    holds(&mut story, 3);
    let gone = VnicCreated {
        vnic: story.state.get(id(1)).unwrap().holding.clone().unwrap().vnic,
        vpc: id(1),
        subnet: id(1),
        project: scope("shop").project,
        region: region("north"),
    };
    story.hears(Stream::Resource, vec![Event::VnicDeleted(gone)]);
    assert_eq!(holder(&story), None);
    let events = said(&mut story);
    assert!(matches!(&events[..], [Event::HolderWithdrawn(gone)] if gone.holder.mac == mac(3)), "{events:?}");
    story.later(SECOND);
    let command = claim(&story, 3);
    assert!(matches!(story.given(&command), Event::ClaimRejected(rejected) if rejected.vnic.is_none()));
}

#[test]
fn what_was_contested_or_leased_is_neither_once_its_holder_is_removed() {
    let rules = HolderRules { damping: Damping::default(), announce: true, ..RULES };
    let (mut story, havip) = story(rules);
    let name = Name { scope: scope("shop"), id: id(1) };
    let (lease, by, now) = (Duration::from_secs(10), OVER_GRPC.parse().unwrap(), story.now);
    let vnic = Name { scope: scope("shop"), id: id(1) };
    let announce =
        Announce { havip: name.clone(), vnic: vnic.clone(), lease, by, heard: Heard::default(), now };
    story.given(&Command::Announce(announce));
    story.later(1);
    let rival = claim(&story, 2);
    assert!(matches!(story.given(&rival), Event::HolderContested(_)));
    members(&mut story, &havip, &[2]);
    story.later(HOUR);
    assert_eq!((story.state.contested().count(), story.state.expired(story.now).count()), (0, 0));
    assert_eq!(said(&mut story).len(), 1);
}

#[test]
fn a_lease_outlives_the_leave_to_announce_and_its_holder_can_let_go() {
    let (mut story, havip) = story(HolderRules { announce: true, ..RULES });
    let (havip_name, vnic) =
        (Name { scope: scope("shop"), id: id(1) }, Name { scope: scope("shop"), id: id(1) });
    let (lease, by, now) = (Duration::from_secs(10), OVER_GRPC.parse().unwrap(), story.now);
    let heard = Heard::default();
    let announce = Announce { havip: havip_name.clone(), vnic: vnic.clone(), lease, by, heard, now };
    story.given(&Command::Announce(announce.clone()));
    story.hears(Stream::Resource, vec![Event::HavipUpdated(HavipCreated { rules: RULES, ..havip })]);
    assert_eq!(holder(&story), Some(1));
    let again = story.when(&Command::Announce(announce)).unwrap_err();
    assert_eq!(again.reason, "ANNOUNCE_NOT_ALLOWED");
    story.given(&Command::Withdraw { havip: havip_name, vnic });
    assert_eq!(holder(&story), None);
}
