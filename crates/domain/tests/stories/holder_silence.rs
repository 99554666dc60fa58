//! A holder that answers no more: told once, nothing taken from it, and told once when it is heard again.

use std::time::Duration;

use mooring_domain::{
    Event, Stream, Timestamp,
    event::{ClaimFacts, HeardFacts},
    holder::{CLOCK_TOLERANCE, Command, Heard, HolderCore, Report, Silence},
    resource::ResourceCore,
};

use super::{fixture::*, world};

/// HAVIP 1 is held by the vNIC with number 1 since a minute.
fn held() -> Story<HolderCore> {
    let mut resource = Story::<ResourceCore>::default();
    let mut story = Story::<HolderCore>::default();
    for command in world::commands() {
        story.hears(Stream::Resource, vec![resource.given(&command)]);
    }
    claims(&mut story, 1);
    story.later(60 * SECOND);
    story
}

fn claims(story: &mut Story<HolderCore>, last: u8) -> Vec<Event> {
    let claim =
        ClaimFacts { gateway: "g1".parse().unwrap(), number: 1, mac: mac(last), observed_at: story.now };
    let (vpc, address, now) = (id(1), ip("10.0.1.50"), story.now);
    story.when(&Command::Claim { vpc, address, claim, heard: Heard::default(), now }).unwrap()
}

/// Gateway `g2` says of the vNIC with this number what it hears now, or that it does not any more.
fn says(story: &mut Story<HolderCore>, last: u8, silent: bool) -> Option<Event> {
    let heard_at = story.now;
    says_at(story, last, silent, heard_at)
}

fn says_at(story: &mut Story<HolderCore>, last: u8, silent: bool, heard_at: Timestamp) -> Option<Event> {
    let report = Report { gateway: "g2".parse().unwrap(), mac: mac(last), silent, heard_at };
    let (vpc, address, now) = (id(1), ip("10.0.1.50"), story.now);
    let mut events = story.when(&Command::Report { vpc, address, report, now }).unwrap();
    assert!(events.len() < 2, "{events:?}");
    events.pop()
}

fn silence(story: &Story<HolderCore>) -> Option<Silence> {
    story.state.get(id(1)).unwrap().holding.as_ref().unwrap().silence.as_deref().cloned()
}

fn fell_silent(event: Option<Event>) -> HeardFacts {
    match event {
        Some(Event::HolderSilent(facts)) => facts,
        other => panic!("{other:?}"),
    }
}

fn was_heard(event: Option<Event>) -> HeardFacts {
    match event {
        Some(Event::HolderHeard(facts)) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn that_a_holder_is_silent_is_told_once_and_that_it_is_heard_again_once() {
    let mut story = held();
    assert_eq!(says(&mut story, 1, false), None, "it was never silent");
    let facts = fell_silent(says(&mut story, 1, true));
    assert_eq!((facts.holder.id, facts.gateway.as_str(), facts.heard_at), (id(1), "g2", story.now));
    let at = story.at;
    assert_eq!(silence(&story).unwrap(), Silence { since: facts.heard_at, gateway: facts.gateway, at });
    story.later(SECOND);
    assert_eq!(says(&mut story, 1, true), None, "it was told");
    assert_eq!(was_heard(says(&mut story, 1, false)).heard_at, story.now);
    assert_eq!((silence(&story), says(&mut story, 1, false)), (None, None));
}

#[test]
fn a_silent_holder_stays_the_holder_until_another_claims_it() {
    let mut story = held();
    fell_silent(says(&mut story, 1, true));
    assert_eq!(story.state.get(id(1)).unwrap().holding.as_ref().unwrap().vnic.id, id(1));
    story.later(SECOND);
    let events = claims(&mut story, 2);
    assert!(matches!(&events[..], [Event::HolderChanged(change)] if change.holder.id == id(2)), "{events:?}");
    assert_eq!(silence(&story), None, "that was the other one's");
    // The gateway had not read of it yet.
    assert_eq!((says(&mut story, 1, true), says(&mut story, 1, false)), (None, None));
}

#[test]
fn a_silent_holder_that_announces_itself_is_heard() {
    let mut story = held();
    let silent = fell_silent(says(&mut story, 1, true));
    story.later(SECOND);
    let mut events = claims(&mut story, 1);
    let heard = was_heard(events.pop());
    assert_eq!((heard.gateway.as_str(), heard.heard_at), ("g1", story.now));
    assert!(heard.heard_at > silent.heard_at && events.is_empty());
    assert!(claims(&mut story, 1).is_empty(), "it is told once");
}

/// Its announcement was under way for longer than the word that it is silent.
#[test]
fn what_was_heard_before_the_silence_does_not_end_it() {
    let mut story = held();
    let seen = story.now;
    story.later(SECOND);
    fell_silent(says(&mut story, 1, true));
    let claim = ClaimFacts { gateway: "g1".parse().unwrap(), number: 2, mac: mac(1), observed_at: seen };
    let (vpc, address, now) = (id(1), ip("10.0.1.50"), story.now);
    nothing(story.when(&Command::Claim { vpc, address, claim, heard: Heard::default(), now }));
    assert!(silence(&story).is_some());
}

#[test]
fn of_what_nobody_holds_and_of_what_is_no_havip_nothing_is_told() {
    let mut story = held();
    let report = Report { gateway: "g2".parse().unwrap(), mac: mac(1), silent: true, heard_at: story.now };
    for (vpc, address) in [(1, "10.0.1.51"), (1, "10.0.1.99"), (9, "10.0.1.50")] {
        let (address, report, now) = (ip(address), report.clone(), story.now);
        nothing(story.when(&Command::Report { vpc: id(vpc), address, report, now }));
    }
}

#[test]
fn a_clock_that_is_ahead_does_not_put_a_silence_into_the_future() {
    let mut story = held();
    let ahead = Timestamp(story.now.0 + u64::try_from((CLOCK_TOLERANCE * 2).as_nanos()).unwrap());
    assert_eq!(fell_silent(says_at(&mut story, 1, true, ahead)).heard_at, story.now);
    assert!(silence(&story).unwrap().since.since(story.now) == Duration::ZERO);
}

#[test]
fn a_holder_that_announces_itself_is_heard_also_when_the_clock_was_set_back_meanwhile() {
    let mut story = held();
    fell_silent(says(&mut story, 1, true));
    story.now = Timestamp(story.now.0 - 30 * SECOND);
    was_heard(claims(&mut story, 1).pop());
    assert_eq!(silence(&story), None);
}
