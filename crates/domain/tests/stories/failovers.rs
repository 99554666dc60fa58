//! Receipts of failovers: written once, of what moved traffic, and kept within bounds.

use mooring_domain::{
    CommitPosition, Event, Expected, Position, Timestamp,
    event::{ClaimFacts, FailoverMeasured, FailoverTimes},
    holder::{Command, HolderCore, MOST_OF_A_HAVIP},
    resource::DeleteHavip,
};

use super::{
    fixture::*,
    holder::{by, changes, story},
    world,
};

/// A gateway followed the member with this number, by the claim with that number.
pub(super) fn times(story: &Story<HolderCore>, number: u64, vnic: u8) -> FailoverTimes {
    let observed_at = story.now;
    let after = |nanoseconds| Timestamp(observed_at.0 + nanoseconds);
    FailoverTimes {
        claim: ClaimFacts { gateway: "g1".parse().unwrap(), number, mac: mac(vnic), observed_at },
        started_at: Timestamp(7),
        decided_at: after(100),
        applied_at: after(300),
        stored: story.at.position,
        followed_at: after(5000),
    }
}

pub(super) fn told(times: &FailoverTimes) -> Command {
    Command::Measured { vpc: id(1), address: ip("10.0.1.50"), times: times.clone() }
}

fn measured(story: &mut Story<HolderCore>, times: &FailoverTimes) -> FailoverMeasured {
    match story.given(&told(times)) {
        Event::FailoverMeasured(measured) => measured,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_receipt_names_the_holder_and_is_written_once() {
    let mut story = story();
    let change = changes(&mut story, by(2));
    let times = times(&story, 3, 2);
    let measured = measured(&mut story, &times);
    assert_eq!((&measured.havip, &measured.holder), (&change.havip, &change.holder));
    assert_eq!((measured.times.to_kernel().as_nanos(), measured.times.to_log().as_nanos()), (300, 5000));
    nothing(story.when(&told(&times)));
    // Another gateway's, and another's after the gateway was started again, are others.
    let mut another = times.clone();
    another.claim.gateway = "g2".parse().unwrap();
    story.given(&told(&another));
    story.given(&told(&FailoverTimes { started_at: Timestamp(8), ..times }));
    let kept = story.state.failovers().latest(Some(change.havip.id), None);
    let last = story.at.position.0;
    assert_eq!(kept.map(|(at, _)| at.position.0).collect::<Vec<_>>(), [last, last - 1, last - 2]);
}

#[test]
fn what_moved_nothing_that_health_knows_has_no_receipt() {
    let mut story = story();
    nothing(story.when(&told(&times(&story, 1, 2))));
    changes(&mut story, by(2));
    let known = times(&story, 1, 2);
    nothing(story.when(&told(&times(&story, 1, 9))));
    nothing(story.when(&told(&FailoverTimes { stored: Position(story.at.position.0 + 1), ..known.clone() })));
    let (vpc, address) = (id(1), ip("10.0.1.11"));
    nothing(story.when(&Command::Measured { vpc, address, times: known.clone() }));
    let (vpc, address) = (id(9), ip("10.0.1.50"));
    nothing(story.when(&Command::Measured { vpc, address, times: known }));
}

#[test]
fn the_latest_of_a_havip_are_kept_and_nothing_of_one_that_is_deleted() {
    let mut story = story();
    let havip = changes(&mut story, by(2)).havip;
    let first = story.at.position.0;
    for number in 0..MOST_OF_A_HAVIP as u64 + 3 {
        let stored = Position(first);
        let times = FailoverTimes { stored, ..times(&story, number, 2) };
        measured(&mut story, &times);
    }
    let positions = |story: &Story<HolderCore>, before: Option<CommitPosition>| -> Vec<u64> {
        story.state.failovers().latest(Some(havip.id), before).map(|(at, _)| at.position.0).collect()
    };
    let kept = positions(&story, None);
    assert_eq!(
        (kept.len(), kept[0], kept[kept.len() - 1]),
        (MOST_OF_A_HAVIP, story.at.position.0, first + 4)
    );
    let before = CommitPosition { position: Position(first + 6), index: 0 };
    assert_eq!(positions(&story, Some(before)), [first + 5, first + 4]);
    assert_eq!(story.state.failovers().latest(None, None).count(), MOST_OF_A_HAVIP);
    // What is not kept any more is not known any more: the log has it twice then, and says so by the same id.
    let again = FailoverTimes { stored: Position(first), ..times(&story, 0, 2) };
    story.given(&told(&again));

    let mut resource = world::world();
    let delete = DeleteHavip { scope: scope("shop"), id: havip.id, expected: Expected::default() };
    let deleted = resource.given(&mooring_domain::resource::Command::DeleteHavip(delete));
    story.hears(mooring_domain::Stream::Resource, vec![deleted]);
    assert_eq!(story.state.failovers().latest(None, None).count(), 0);
}
