//! Holds: idempotent by binding, exclusive, and over for ever once released.

use mooring_domain::{
    Event, Expected, Timestamp,
    id::BindingId,
    rejection::Class,
    resource::{
        Command, Delete, HOLD_MAY_BE_LATE, Hold, RELEASED_ARE_REMEMBERED, ReleaseEip, ReleaseHold,
        ResourceCore,
    },
};
use uuid::{NoContext, Uuid};

use super::{fixture::*, world::*};

fn binding(number: u128) -> Option<String> {
    Some(name("shop", "bindings", number))
}

#[test]
fn a_hold_answers_with_the_facts_and_again_with_nothing() {
    let mut story = world();
    let command = hold(&story, 70, 1, 1);
    let Event::HoldPlaced(facts) = story.given(&command) else { panic!("a hold was placed") };
    assert_eq!((facts.eip.address, facts.havip.address), (ip("203.0.113.0"), ip("10.0.1.50")));
    assert_eq!(story.state.hold(id(70)).unwrap().at, story.at);
    assert_eq!(story.state.eip_held_by(id(1)), Some(id(70)));
    assert_eq!(story.state.havip_held_by(id(1)), Some(id(70)));
    nothing(story.when(&command));
}

#[test]
fn a_binding_holds_no_second_pair() {
    let mut story = world();
    let first = hold(&story, 70, 1, 1);
    story.given(&first);
    let second = hold(&story, 70, 1, 2);
    refused(story.when(&second), Class::Precondition, "HOLD_DIFFERS", "binding", binding(70));
}

#[test]
fn what_a_binding_holds_no_other_can_hold() {
    let mut story = world();
    let first = hold(&story, 70, 1, 1);
    story.given(&first);
    let same_eip = hold(&story, 71, 1, 2);
    refused(story.when(&same_eip), Class::Precondition, "EIP_TAKEN", "eip", binding(70));
    let same_havip = hold(&story, 71, 2, 1);
    refused(story.when(&same_havip), Class::Precondition, "HAVIP_TAKEN", "havip", binding(70));
}

#[test]
fn what_is_not_there_cannot_be_held() {
    let mut story = world();
    let unknown = hold(&story, 70, 9, 1);
    refused(story.when(&unknown), Class::NotFound, "NOT_FOUND", "eip", None);
    let unknown = hold(&story, 70, 1, 9);
    refused(story.when(&unknown), Class::NotFound, "NOT_FOUND", "havip", None);
    let Command::Hold(command) = hold(&story, 70, 1, 1) else { unreachable!() };
    let elsewhere = Command::Hold(Hold { region: region("south"), ..command });
    refused(story.when(&elsewhere), Class::NotFound, "NOT_FOUND", "eip", None);
}

#[test]
fn a_release_says_what_was_held_and_the_second_writes_nothing() {
    let mut story = world();
    let command = hold(&story, 70, 1, 1);
    story.given(&command);
    let Event::HoldReleased(released) = story.given(&release_hold(70)) else { panic!("it was released") };
    assert_eq!(released.held.map(|(eip, havip)| (eip.id, havip.id)), Some((id(1), id(1))));
    assert_eq!(story.state.eip_held_by(id(1)), None);
    assert_eq!(story.state.havip_held_by(id(1)), None);
    assert_eq!(story.state.hold(id(70)), None);
    nothing(story.when(&release_hold(70)));
    let next = hold(&story, 71, 1, 2);
    story.given(&next);
}

#[test]
fn a_hold_delayed_until_after_the_release_is_refused() {
    let mut story = world();
    let delayed = hold(&story, 70, 1, 1);
    let Event::HoldReleased(released) = story.given(&release_hold(70)) else { panic!("it was released") };
    assert_eq!(released.held, None);
    refused(story.when(&delayed), Class::Precondition, "HOLD_RELEASED", "binding", None);
    assert_eq!(story.state.released_at(id(70)), Some(story.now));
}

#[test]
fn a_released_binding_is_remembered_for_a_day() {
    let mut story = world();
    story.given(&release_hold(70));
    story.later(RELEASED_ARE_REMEMBERED.as_nanos() as u64);
    story.given(&release_hold(71));
    assert!(story.state.released_at(id(70)).is_some());
    story.later(1);
    story.given(&release_hold(72));
    assert!(story.state.released_at(id(70)).is_none());
    assert!(story.state.released_at(id(71)).is_some());
}

#[test]
fn a_first_hold_comes_too_late_before_its_release_can_have_been_forgotten() {
    assert!(HOLD_MAY_BE_LATE < RELEASED_ARE_REMEMBERED);
    let mut story = world();
    let made = uuid::Timestamp::from_unix(NoContext, 1_800_000_000, 0);
    let old = BindingId::new(Uuid::new_v7(made));
    let made = Timestamp(1_800_000_000 * SECOND);
    let at = |now: u64| {
        let (eip, havip) = (id(1), id(1));
        Command::Hold(Hold {
            binding: old,
            eip,
            havip,
            project: None,
            moved_from: None,
            region: region("north"),
            now: Timestamp(now),
        })
    };
    let limit = made.0 + HOLD_MAY_BE_LATE.as_nanos() as u64;
    refused(story.when(&at(limit + 1)), Class::Precondition, "HOLD_TOO_LATE", "binding", None);
    story.given(&at(limit));
    nothing(story.when(&at(limit + 1)));
    story.given(&Command::ReleaseHold(ReleaseHold { binding: old, region: region("north") }));
}

#[test]
fn holds_are_listed_for_those_who_look_for_orphans() {
    let mut story: Story<ResourceCore> = world();
    for command in [hold(&story, 70, 1, 1), hold(&story, 71, 2, 2)] {
        story.given(&command);
    }
    let held: Vec<_> = story.state.holds().map(|(binding, held)| (binding, held.eip)).collect();
    assert_eq!(held, [(id(70), id(1)), (id(71), id(2))]);
}

/// A hold of an EIP that leaves another binding.
fn moved(story: &Story<ResourceCore>, binding: u128, havip: u128, from: u128) -> Command {
    let Command::Hold(command) = hold(story, binding, 1, havip) else { panic!("it is a hold") };
    Command::Hold(Hold { moved_from: Some(id(from)), ..command })
}

#[test]
fn an_eip_on_the_move_is_held_by_both_and_then_by_the_one_that_stays() {
    let both = || {
        let mut story = world();
        story.given(&hold(&story, 70, 1, 1));
        story.given(&moved(&story, 71, 2, 70));
        nothing(story.when(&moved(&story, 71, 2, 70)));
        assert_eq!(story.state.eip_held_by(id(1)), Some(id(71)));
        assert_eq!(story.state.havip_held_by(id(1)), Some(id(70)));
        story
    };
    let mut story = both();
    story.given(&release_hold(70));
    assert_eq!((story.state.eip_held_by(id(1)), story.state.havip_held_by(id(1))), (Some(id(71)), None));
    let mut back = both();
    back.given(&release_hold(71));
    assert_eq!((back.state.eip_held_by(id(1)), back.state.havip_held_by(id(2))), (Some(id(70)), None));
    back.given(&release_hold(70));
    assert_eq!(back.state.eip_held_by(id(1)), None);
}

fn delete_havip(number: u128) -> Command {
    Command::DeleteHavip(Delete { scope: scope("shop"), id: id(number), expected: Expected::default() })
}

fn release_eip(story: &Story<ResourceCore>) -> Command {
    let (scope, expected, now) = (scope("shop"), Expected::default(), story.now);
    Command::ReleaseEip(ReleaseEip { scope, id: id(1), expected, now })
}

#[test]
fn neither_havip_goes_while_an_eip_is_on_the_move_from_one_to_the_other_nor_does_the_eip() {
    let mut story = world();
    story.given(&hold(&story, 70, 1, 1));
    story.given(&moved(&story, 71, 2, 70));
    let held = |result, reason, number| refused(result, Class::Precondition, reason, "name", binding(number));
    held(story.when(&delete_havip(1)), "HAVIP_HELD", 70);
    held(story.when(&delete_havip(2)), "HAVIP_HELD", 71);
    held(story.when(&release_eip(&story)), "EIP_HELD", 71);
    story.given(&release_hold(70));
    story.given(&delete_havip(1));
    held(story.when(&delete_havip(2)), "HAVIP_HELD", 71);
    held(story.when(&release_eip(&story)), "EIP_HELD", 71);
}

#[test]
fn an_eip_whose_havip_to_be_was_deleted_before_it_was_held_stays_where_it_is() {
    let mut story = world();
    story.given(&hold(&story, 70, 1, 1));
    story.given(&delete_havip(2));
    let result = story.when(&moved(&story, 71, 2, 70));
    refused(result, Class::NotFound, "NOT_FOUND", "havip", None);
    story.given(&release_hold(71));
    assert_eq!(story.state.eip_held_by(id(1)), Some(id(70)));
    let result = story.when(&delete_havip(1));
    refused(result, Class::Precondition, "HAVIP_HELD", "name", binding(70));
}

#[test]
fn an_eip_leaves_only_the_binding_that_holds_it() {
    let mut story = world();
    story.given(&hold(&story, 70, 1, 1));
    let result = story.when(&moved(&story, 71, 2, 69));
    refused(result, Class::Precondition, "EIP_TAKEN", "eip", Some(name("shop", "bindings", 70)));
}
