//! Move: an EIP leaves one HAVIP for another. The other is held first, and nothing overlaps.

use mooring_domain::{
    Event, Expected,
    binding::{Command, Phase},
    id::BindingId,
    name::Name,
    rejection::Class,
};

use super::{binding_fixture::*, fixture::*};

fn moving(number: u128, eip: u128, havip: u128) -> Command {
    Command::Move {
        id: id(number),
        eip: Name { scope: scope("shop"), id: id(eip) },
        havip: Name { scope: scope("shop"), id: id(havip) },
        expected: Expected::default(),
    }
}

fn leave(number: u128, eip: u128, havip: u128) -> Command {
    Command::Leave { binding: id(number), eip: eip_facts(eip), havip: havip_facts(havip) }
}

/// EIP 1 fronts HAVIP 1 by binding 70, and is asked to move to HAVIP 2 by binding 71.
fn asked() -> BindingStory {
    let mut story = in_use();
    story.given(&moving(71, 1, 2));
    story
}

fn phase(story: &BindingStory, number: u128) -> Option<Phase> {
    story.state.get(id(number)).map(|binding| binding.phase.clone())
}

fn of_eip(story: &BindingStory, eip: u128) -> Option<BindingId> {
    story.state.of_eip(&scope("shop").project, id(eip)).map(|binding| binding.request.binding)
}

#[test]
fn the_old_binding_stays_in_use_until_the_other_havip_is_held() {
    let mut story = asked();
    assert!(matches!(phase(&story, 70), Some(Phase::InUse(_))));
    assert_eq!(of_eip(&story, 1), Some(id(70)));
    let Event::UnbindRequested(left) = story.given(&leave(71, 1, 2)) else { panic!("it leaves") };
    assert_eq!((left.binding, left.havip.id), (id(70), id(1)));
    nothing(story.when(&leave(71, 1, 2)));
}

#[test]
fn a_move_comes_to_its_end_in_order_and_only_in_it() {
    let mut story = asked();
    // Nothing is put in before the old elements are being taken out.
    let early = story.when(&confirm(71, 1, 2));
    refused(early, Class::Precondition, "NOT_UNASSOCIATING", "binding", binding(70));
    story.given(&leave(71, 1, 2));
    // The old one is not over before the EIP fronts the other.
    let early = story.when(&complete(70));
    refused(early, Class::Precondition, "NOT_MOVED", "binding", binding(71));
    let Event::Bound(facts) = story.given(&confirm(71, 1, 2)) else { panic!("it is bound") };
    assert_eq!((facts.binding, facts.havip.id), (id(71), id(2)));
    assert_eq!(of_eip(&story, 1), Some(id(71)));
    let Event::Unbound(left) = story.given(&complete(70)) else { panic!("the old one is over") };
    assert_eq!(left.havip.id, id(1));
    assert_eq!((of_eip(&story, 1), phase(&story, 70)), (Some(id(71)), None));
    assert!(story.state.of_havip(&scope("shop").project, id(1)).is_none());
    assert_eq!(story.state.get(id(71)).unwrap().moved_from().map(|name| name.to_string()), binding(70));
}

#[test]
fn an_eip_that_is_moved_on_at_once_lets_go_of_its_havips_in_turn() {
    let mut story = asked();
    story.given(&leave(71, 1, 2));
    story.given(&confirm(71, 1, 2));
    story.given(&moving(72, 1, 3));
    story.given(&leave(72, 1, 3));
    story.given(&confirm(72, 1, 3));
    story.given(&unbind("shop", 1));
    for (number, before) in [(72, 71), (71, 70)] {
        let early = story.when(&complete(number));
        refused(early, Class::Precondition, "NOT_MOVED", "binding", binding(before));
    }
    for number in [70, 71, 72] {
        assert_eq!(of_eip(&story, 1), Some(id(72)), "nobody has the EIP before all of them are gone");
        story.given(&complete(number));
    }
    assert_eq!(of_eip(&story, 1), None);
}

#[test]
fn a_move_whose_havip_can_not_be_held_leaves_the_old_binding_as_it_was() {
    let mut story = asked();
    story.given(&fail(71));
    assert!(matches!(phase(&story, 70), Some(Phase::InUse(_))));
    assert_eq!(of_eip(&story, 1), Some(id(70)));
    assert!(story.state.of_havip(&scope("shop").project, id(2)).is_none());
    story.given(&unbind("shop", 1));
    story.given(&complete(70));
    assert_eq!(of_eip(&story, 1), None);
}

#[test]
fn what_fails_after_the_eip_has_left_ends_with_a_free_eip() {
    let mut story = asked();
    story.given(&leave(71, 1, 2));
    story.given(&fail(71));
    story.given(&complete(70));
    assert_eq!(of_eip(&story, 1), None);
    story.given(&bind(72, 1, 2));
}

#[test]
fn the_same_move_again_is_a_success_that_writes_nothing() {
    let mut story = asked();
    nothing(story.when(&moving(72, 1, 2)));
    story.given(&leave(71, 1, 2));
    nothing(story.when(&moving(72, 1, 2)));
    story.given(&confirm(71, 1, 2));
    nothing(story.when(&moving(72, 1, 2)));
    nothing(in_use().when(&moving(72, 1, 1)));
}

#[test]
fn whatever_else_is_asked_of_an_eip_on_the_move_can_be_retried() {
    let mut left = asked();
    left.given(&leave(71, 1, 2));
    for mut story in [asked(), left] {
        for command in [unbind("shop", 1), bind(72, 1, 2), bind(72, 1, 3), moving(72, 1, 3), moving(72, 1, 1)]
        {
            let result = story.when(&command);
            refused(result, Class::InTransition, "EIP_IN_TRANSITION", "eip", binding(71));
        }
        let result = story.when(&bind(72, 2, 2));
        refused(result, Class::InTransition, "HAVIP_IN_TRANSITION", "havip", binding(71));
    }
}

#[test]
fn a_havip_that_an_eip_fronts_is_no_place_to_move_to() {
    let mut story = in_use();
    story.given(&bind(75, 2, 2));
    let result = story.when(&moving(71, 1, 2));
    refused(result, Class::InTransition, "HAVIP_IN_TRANSITION", "havip", binding(75));
    story.given(&confirm(75, 2, 2));
    let result = story.when(&moving(71, 1, 2));
    refused(result, Class::Precondition, "HAVIP_TAKEN", "havip", binding(75));
}

#[test]
fn an_eip_that_fronts_nothing_can_not_move() {
    let result = BindingStory::default().when(&moving(71, 1, 2));
    refused(result, Class::Precondition, "EIP_NOT_BOUND", "eip", None);
    for mut story in [associating(), unassociating()] {
        let result = story.when(&moving(71, 1, 2));
        refused(result, Class::InTransition, "EIP_IN_TRANSITION", "eip", binding(70));
    }
}
