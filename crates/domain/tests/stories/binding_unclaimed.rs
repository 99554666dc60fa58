//! Holds and requests come to the log in either order; what has no other half is known.

use mooring_domain::{
    CommitPosition, Decider, Event, Position, Stream, Timestamp,
    binding::{Unclaimed, UnclaimedCore},
    event::{BindFailed, BindRequested, BindingFacts, HoldReleased},
};

use super::{binding_fixture::*, fixture::*};

fn requested(number: u128) -> (Stream, Event) {
    (Stream::Binding, Event::BindRequested(request(number)))
}

fn request(number: u128) -> BindRequested {
    BindRequested {
        binding: id(number),
        eip: id(1),
        havip: id(1),
        project: scope("shop").project,
        region: region("north"),
        eip_project: scope("shop").project,
    }
}

fn placed(number: u128) -> (Stream, Event) {
    let facts = BindingFacts { binding: id(number), eip: eip_facts(1), havip: havip_facts(1) };
    (Stream::Resource, Event::HoldPlaced(facts))
}

fn released(number: u128) -> (Stream, Event) {
    let released = HoldReleased { binding: id(number), region: region("north"), held: None };
    (Stream::Resource, Event::HoldReleased(released))
}

fn failed(number: u128) -> (Stream, Event) {
    let failed = BindFailed { request: request(number), reason: "EIP_TAKEN".into(), message: "taken".into() };
    (Stream::Binding, Event::BindFailed(failed))
}

fn after(events: impl IntoIterator<Item = (Stream, Event)>) -> Unclaimed {
    let mut state = Unclaimed::default();
    for (number, (stream, event)) in (1..).zip(events) {
        let at = CommitPosition { position: Position(number), index: 0 };
        UnclaimedCore::follow(&mut state, &commit(stream, at, Timestamp(0), vec![event]));
    }
    state
}

#[test]
fn a_hold_is_claimed_by_its_request_whichever_comes_first() {
    assert_eq!(after([placed(70), requested(70)]), Unclaimed::default());
    assert_eq!(after([requested(70), placed(70)]), Unclaimed::default());
}

#[test]
fn a_hold_without_a_request_is_in_the_way_of_others_until_it_is_released() {
    let state = after([placed(70), requested(71)]);
    assert_eq!(state.bindings().collect::<Vec<_>>(), [id(70)]);
    assert!(state.is_in_the_way(id(71), id(1), id(2)), "the EIP");
    assert!(state.is_in_the_way(id(71), id(2), id(1)), "the HAVIP");
    assert!(!state.is_in_the_way(id(71), id(2), id(2)), "another pair");
    assert!(!state.is_in_the_way(id(70), id(1), id(1)), "it is its own");
    assert_eq!(after([placed(70), released(70)]), Unclaimed::default());
}

#[test]
fn a_request_that_came_to_nothing_is_not_waited_for() {
    assert_eq!(after([requested(70), failed(70)]), Unclaimed::default());
    assert_eq!(after([requested(70), released(70), failed(70)]), Unclaimed::default());
}
