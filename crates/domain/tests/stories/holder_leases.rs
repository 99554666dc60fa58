//! Holders that announce themselves over gRPC: where the HAVIP allows it, who may hold it, for a lease.

use std::time::Duration;

use mooring_domain::{
    Event, Position, Rejection, Stream, Timestamp,
    event::{
        ClaimFacts, Damping, FailoverTimes, HeardFacts, HolderRules, LeaseRenewed, OVER_GRPC, Withdrawal,
    },
    holder::{Announce, Command, Heard, HolderCore, Report},
    id::{Havip, Vnic},
    name::Name,
    rejection::Class,
    resource::ResourceCore,
};

use super::{
    failovers::{times, told},
    fixture::*,
    world,
};

const LEASE: Duration = Duration::from_secs(10);
const ANNOUNCED: HolderRules = HolderRules { whole_subnet: false, damping: Damping::OFF, announce: true };

fn story(rules: HolderRules) -> Story<HolderCore> {
    let mut resource = Story::<ResourceCore>::default();
    let mut story = Story::<HolderCore>::default();
    for command in world::commands_with(rules) {
        story.hears(Stream::Resource, vec![resource.given(&command)]);
    }
    story
}

fn havip() -> Name<Havip> {
    Name { scope: scope("shop"), id: id(1) }
}

fn vnic(number: u128) -> Name<Vnic> {
    Name { scope: scope("shop"), id: id(number) }
}

fn announced(story: &Story<HolderCore>, number: u128, lease: Duration) -> Command {
    Command::Announce(Announce {
        havip: havip(),
        vnic: vnic(number),
        lease,
        by: OVER_GRPC.parse().unwrap(),
        heard: Heard::default(),
        now: story.now,
    })
}

fn announce(story: &mut Story<HolderCore>, number: u128) -> Result<Vec<Event>, Rejection> {
    let command = announced(story, number, LEASE);
    story.when(&command)
}

fn seen(story: &mut Story<HolderCore>, last: u8) -> Vec<Event> {
    let now = story.now;
    let claim = ClaimFacts { gateway: "g1".parse().unwrap(), number: 1, mac: mac(last), observed_at: now };
    let (vpc, address, heard) = (id(1), ip("10.0.1.50"), Heard::default());
    story.when(&Command::Claim { vpc, address, claim, heard, now }).unwrap()
}

fn expire(story: &mut Story<HolderCore>, since: Timestamp) -> Vec<Event> {
    let all: Vec<_> = story.state.expired(story.now).collect();
    let now = story.now;
    all.into_iter().flat_map(|havip| story.when(&Command::Expire { havip, since, now }).unwrap()).collect()
}

fn holder(story: &Story<HolderCore>) -> Option<u8> {
    story.state.get(id(1)).unwrap().holding.as_ref().map(|holding| holding.vnic.mac.0[5])
}

#[test]
fn who_announces_itself_holds_it_for_its_lease() {
    let mut story = story(ANNOUNCED);
    let begun = story.now;
    let events = announce(&mut story, 1).unwrap();
    assert!(
        matches!(&events[..], [Event::HolderChanged(change)] if change.lease == Some(LEASE)),
        "{events:?}"
    );
    story.later(10 * SECOND - 1);
    assert_eq!(expire(&mut story, begun), []);
    story.later(1);
    let events = expire(&mut story, begun);
    assert!(
        matches!(&events[..], [Event::HolderWithdrawn(gone)] if gone.reason == Withdrawal::Expired),
        "{events:?}"
    );
    assert_eq!(holder(&story), None);
    assert_eq!(expire(&mut story, begun), []);
}

#[test]
fn a_holder_that_announces_itself_often_writes_twice_in_a_lease_and_always_has_half_of_it() {
    let mut story = story(ANNOUNCED);
    let begun = story.now;
    announce(&mut story, 1).unwrap();
    let mut written = 0;
    for _ in 0..100 {
        story.later(SECOND);
        written += announce(&mut story, 1).unwrap().len();
        let ends = story.state.get(id(1)).unwrap().holding.as_ref().unwrap().lease.unwrap().ends;
        assert!(ends.since(story.now) >= LEASE / 2);
        assert_eq!(expire(&mut story, begun), []);
    }
    assert!((10..=20).contains(&written), "{written}");
    // Another lease counts at once.
    let longer = announced(&story, 1, LEASE * 2);
    let expected = LeaseRenewed {
        havip: story.state.get(id(1)).unwrap().facts.clone(),
        holder: story.state.get(id(1)).unwrap().holding.as_ref().unwrap().vnic.clone(),
        renewed_at: story.now,
        lease: LEASE * 2,
    };
    assert_eq!(story.given(&longer), Event::LeaseRenewed(expected));
}

#[test]
fn a_lease_from_before_the_clock_was_set_back_is_renewed_to_one_that_ends_in_time() {
    let mut story = story(ANNOUNCED);
    announce(&mut story, 1).unwrap();
    story.now = Timestamp(story.now.0 - HOUR);
    let events = announce(&mut story, 1).unwrap();
    assert!(matches!(&events[..], [Event::LeaseRenewed(_)]), "{events:?}");
    assert_eq!(announce(&mut story, 1).unwrap(), []);
    let begun = story.now;
    story.later(10 * SECOND);
    assert_eq!(expire(&mut story, begun).len(), 1);
}

/// By the clock as it was its lease ends up to an hour later.
#[test]
fn a_holder_that_is_gone_loses_it_in_bounded_time_also_when_the_clock_was_set_back() {
    for back in [1, 2, 5, 9, 11, 12, 60, 3600] {
        let mut story = story(ANNOUNCED);
        announce(&mut story, 1).unwrap();
        story.now = Timestamp(story.now.0 - back * SECOND);
        let begun = story.now;
        let mut seconds = 0;
        while expire(&mut story, begun).is_empty() {
            story.later(SECOND);
            seconds += 1;
            assert!(seconds <= 21, "set back by {back} s");
        }
        // Never before it had the time of its lease to announce itself again.
        assert!(seconds >= 10, "set back by {back} s, it lost it after {seconds} s");
        assert_eq!(holder(&story), None);
    }
}

#[test]
fn a_service_that_has_just_begun_gives_a_lease_of_time() {
    let mut story = story(ANNOUNCED);
    announce(&mut story, 1).unwrap();
    story.later(HOUR);
    let begun = story.now;
    story.later(10 * SECOND - 1);
    assert_eq!(expire(&mut story, begun), []);
    story.later(1);
    assert_eq!(expire(&mut story, begun).len(), 1);
}

/// Its lease says when it is gone; on layer 2 it need not be heard.
#[test]
fn a_holder_with_a_lease_is_never_stale() {
    let mut story = story(ANNOUNCED);
    announce(&mut story, 1).unwrap();
    let report = Report { gateway: "g1".parse().unwrap(), mac: mac(1), silent: true, heard_at: story.now };
    let (vpc, address, now) = (id(1), ip("10.0.1.50"), story.now);
    nothing(story.when(&Command::Report { vpc, address, report, now }));
    // A log from before this was so.
    let holding = story.state.get(id(1)).unwrap().holding.clone().unwrap();
    let (havip, holder) = (story.state.get(id(1)).unwrap().facts.clone(), holding.vnic.clone());
    let facts = HeardFacts { havip, holder, gateway: "g1".parse().unwrap(), heard_at: now };
    story.hears(Stream::Health, vec![Event::HolderSilent(facts)]);
    assert_eq!(story.state.get(id(1)).unwrap().holding, Some(holding));
}

/// Its gateway could not tell earlier.
#[test]
fn a_failover_before_that_has_its_receipt_also_when_nobody_holds_it_any_more() {
    let mut story = story(ANNOUNCED);
    nothing(story.when(&told(&FailoverTimes { stored: Position(0), ..times(&story, 1, 2) })));
    seen(&mut story, 2);
    let before = times(&story, 1, 2);
    announce(&mut story, 1).unwrap();
    story.given(&Command::Withdraw { havip: havip(), vnic: vnic(1) });
    assert_eq!(holder(&story), None);
    assert!(matches!(story.given(&told(&before)), Event::FailoverMeasured(_)));
}

#[test]
fn a_claim_on_layer_2_takes_it_over_and_the_lease_is_over() {
    let mut story = story(ANNOUNCED);
    let begun = story.now;
    announce(&mut story, 1).unwrap();
    story.later(SECOND);
    assert_eq!(seen(&mut story, 2).len(), 1);
    story.later(HOUR);
    assert_eq!(expire(&mut story, begun), []);
    assert_eq!(holder(&story), Some(2));
    // And the other way round. A holder that was seen gets no end by announcing itself.
    announce(&mut story, 1).unwrap();
    assert_eq!(holder(&story), Some(1));
    story.later(SECOND);
    seen(&mut story, 2);
    nothing(announce(&mut story, 2));
    story.later(HOUR);
    assert_eq!((expire(&mut story, begun), holder(&story)), (vec![], Some(2)));
}

#[test]
fn who_is_too_early_contests_it_as_on_layer_2() {
    let mut story = story(HolderRules { damping: Damping::default(), ..ANNOUNCED });
    announce(&mut story, 1).unwrap();
    story.later(SECOND / 2);
    let events = announce(&mut story, 2).unwrap();
    assert!(matches!(events[..], [Event::HolderContested(_)]), "{events:?}");
    nothing(announce(&mut story, 2));
    assert_eq!(holder(&story), Some(1));
    story.later(SECOND / 2);
    announce(&mut story, 2).unwrap();
    assert_eq!(holder(&story), Some(2));
}

#[test]
fn who_lets_go_of_it_leaves_it_to_nobody_and_the_next_one_holds_it_at_once() {
    let mut story = story(HolderRules { damping: Damping::default(), ..ANNOUNCED });
    announce(&mut story, 1).unwrap();
    let withdraw = |number| Command::Withdraw { havip: havip(), vnic: vnic(number) };
    nothing(story.when(&withdraw(2)));
    assert_eq!(holder(&story), Some(1));
    story.given(&withdraw(1));
    assert_eq!(holder(&story), None);
    nothing(story.when(&withdraw(1)));
    story.later(1);
    assert_eq!(seen(&mut story, 2).len(), 1);
    assert_eq!(holder(&story), Some(2));
    let in_the_way = Some(vnic(2).to_string());
    refused(story.when(&withdraw(2)), Class::Precondition, "NO_LEASE", "vnic", in_the_way);
}

#[test]
fn what_was_contested_is_not_once_nobody_holds_it() {
    let mut story = story(HolderRules { damping: Damping::default(), ..ANNOUNCED });
    announce(&mut story, 1).unwrap();
    announce(&mut story, 2).unwrap();
    assert_eq!(story.state.contested().count(), 1);
    story.given(&Command::Withdraw { havip: havip(), vnic: vnic(1) });
    assert_eq!(story.state.contested().count(), 0);
}

#[test]
fn only_where_it_is_allowed_and_only_who_may_hold_it() {
    let mut closed = story(HolderRules { announce: false, ..ANNOUNCED });
    let in_the_way = Some(havip().to_string());
    let (class, reason) = (Class::Precondition, "ANNOUNCE_NOT_ALLOWED");
    refused(announce(&mut closed, 1), class, reason, "havip", in_the_way.clone());
    let withdraw = Command::Withdraw { havip: havip(), vnic: vnic(1) };
    refused(closed.when(&withdraw), class, reason, "havip", in_the_way);

    let mut story = story(ANNOUNCED);
    let stranger = Some(vnic(3).to_string());
    refused(announce(&mut story, 3), Class::Precondition, "NOT_A_MEMBER", "vnic", stranger);
    refused(announce(&mut story, 77), Class::NotFound, "NOT_FOUND", "vnic", None);
    for lease in [Duration::ZERO, Duration::from_millis(999), Duration::from_millis(3_600_001)] {
        let command = announced(&story, 1, lease);
        invalid(story.when(&command), "lease_ms", "must be 1s to 1h");
    }
    let Command::Announce(asked) = announced(&story, 1, LEASE) else { panic!("it is one") };
    let elsewhere = Name { scope: scope("bank"), ..havip() };
    let of_bank = Command::Announce(Announce { havip: elsewhere, ..asked.clone() });
    refused(story.when(&of_bank), Class::NotFound, "NOT_FOUND", "havip", None);
    let by_bank = Command::Announce(Announce { vnic: Name { scope: scope("bank"), ..vnic(1) }, ..asked });
    refused(story.when(&by_bank), Class::NotFound, "NOT_FOUND", "vnic", None);
    assert_eq!(holder(&story), None);
}
