//! Bind and unbind: the four rules, and what happens while something else is under way.

use mooring_domain::{
    Event, Expected,
    binding::{Binding, Command, Phase},
    id::{BindingId, Eip, Havip},
    name::{Name, Scope},
    rejection::Class,
};

use super::{binding_fixture::*, fixture::*};

fn south(project: &str) -> Scope {
    Scope { region: region("south"), ..scope(project) }
}

// Rule 1: the same region.
#[test]
fn an_eip_of_another_region_is_refused_before_anything_is_looked_up() {
    let mut story = in_use();
    // EIP 1 is taken and HAVIP 9 unknown: neither is said, because regions come first.
    let eip = Name::<Eip> { scope: south("bank"), id: id(1) };
    let havip = Name::<Havip> { scope: scope("shop"), id: id(9) };
    let result = story.when(&Command::Bind { id: id(71), eip, havip });
    refused(result, Class::Precondition, "OTHER_REGION", "havip", None);
}

#[test]
fn an_eip_of_another_project_is_refused() {
    let mut story = BindingStory::default();
    let eip = Name::<Eip> { scope: scope("bank"), id: id(1) };
    let havip = Name::<Havip> { scope: scope("shop"), id: id(1) };
    let result = story.when(&Command::Bind { id: id(71), eip, havip });
    refused(result, Class::Precondition, "OTHER_PROJECT", "havip", None);
}

// Rule 2: the EIP is free.
#[test]
fn an_eip_that_fronts_another_havip_is_refused_and_both_are_named() {
    let mut story = in_use();
    let result = story.when(&bind(71, 1, 2));
    let message = result.as_ref().unwrap_err().message.clone();
    assert!(message.contains(&name("shop", "havips", 1)), "{message}");
    refused(result, Class::Precondition, "EIP_TAKEN", "eip", binding(70));
}

// Rule 3: one EIP per HAVIP.
#[test]
fn a_second_eip_for_a_havip_is_refused_and_the_first_is_named() {
    let mut story = in_use();
    let result = story.when(&bind(71, 2, 1));
    let message = result.as_ref().unwrap_err().message.clone();
    assert!(message.contains(&name("shop", "eips", 1)), "{message}");
    refused(result, Class::Precondition, "HAVIP_TAKEN", "havip", binding(70));
}

// Rule 4: the EIP is bound to the HAVIP. `Command::Bind` has three fields, and none is a vNIC; what is stored has none
// either, so that no vNIC can be in the way of the binding.
#[test]
fn a_binding_points_at_the_havip_and_at_nothing_else() {
    let mut story = BindingStory::default();
    let Event::BindRequested(request) = story.given(&bind(70, 1, 1)) else { panic!("it was requested") };
    assert_eq!((request.eip, request.havip, &request.region), (id(1), id(1), &region("north")));
    assert_eq!((&request.project, &request.eip_project), (&scope("shop").project, &scope("shop").project));
    let stored = story.state.get(id(70)).unwrap();
    assert_eq!((stored.at, &stored.phase), (story.at, &Phase::Associating));
    assert_eq!(Some(stored.name().to_string()), binding(70));
    assert_eq!(fronting(&story, "shop"), (Some(id(70)), Some(id(70))));
}

#[test]
fn the_same_pair_again_is_a_success_that_writes_nothing() {
    nothing(associating().when(&bind(71, 1, 1)));
    nothing(in_use().when(&bind(71, 1, 1)));
}

#[test]
fn the_same_pair_while_it_is_unbound_can_be_retried() {
    let result = unassociating().when(&bind(71, 1, 1));
    refused(result, Class::InTransition, "EIP_IN_TRANSITION", "eip", binding(70));
}

#[test]
fn another_pair_while_it_is_bound_or_unbound_can_be_retried() {
    for mut story in [associating(), unassociating()] {
        let result = story.when(&bind(71, 1, 2));
        refused(result, Class::InTransition, "EIP_IN_TRANSITION", "eip", binding(70));
        let result = story.when(&bind(71, 2, 1));
        refused(result, Class::InTransition, "HAVIP_IN_TRANSITION", "havip", binding(70));
    }
}

#[test]
fn what_will_stay_in_the_way_is_said_before_what_will_not() {
    let mut story = unassociating();
    story.given(&bind(80, 2, 2));
    story.given(&confirm(80, 2, 2));
    let result = story.when(&bind(71, 1, 2));
    refused(result, Class::Precondition, "HAVIP_TAKEN", "havip", binding(80));
}

#[test]
fn two_bindings_in_the_way_are_told_apart() {
    let mut story = in_use();
    story.given(&bind(80, 2, 2));
    let result = story.when(&bind(71, 1, 2));
    refused(result, Class::Precondition, "EIP_TAKEN", "eip", binding(70));
    let result = story.when(&bind(71, 2, 1));
    refused(result, Class::Precondition, "HAVIP_TAKEN", "havip", binding(70));
}

#[test]
fn whoever_names_what_another_project_has_is_in_nobodys_way_and_learns_nothing() {
    for mut story in [associating(), in_use(), unassociating()] {
        let before = story.state.get(id(70)).cloned();
        // Only resource knows whose an EIP is: the request is stored as any other, and gets no hold.
        story.given(&bind_of("bank", 71, 1, 1));
        assert_eq!(story.state.get(id(70)).cloned(), before);
        assert_eq!(fronting(&story, "shop"), (Some(id(70)), Some(id(70))));
        assert_eq!(fronting(&story, "bank"), (Some(id(71)), Some(id(71))));
        story.given(&fail(71));
        assert_eq!(fronting(&story, "shop"), (Some(id(70)), Some(id(70))));
        assert_eq!(fronting(&story, "bank"), (None, None));
    }
}

#[test]
fn an_owner_binds_while_another_project_asks_for_the_same() {
    let mut story = BindingStory::default();
    story.given(&bind_of("bank", 71, 1, 1));
    story.given(&bind(70, 1, 1));
    story.given(&confirm(70, 1, 1));
    story.given(&fail(71));
    assert_eq!(fronting(&story, "shop"), (Some(id(70)), Some(id(70))));
}

fn fronting(story: &BindingStory, project: &str) -> (Option<BindingId>, Option<BindingId>) {
    let project = scope(project).project;
    let binding = |found: Option<&Binding>| found.map(|binding| binding.request.binding);
    (binding(story.state.of_eip(&project, id(1))), binding(story.state.of_havip(&project, id(1))))
}

#[test]
fn a_binding_id_that_is_taken_is_refused() {
    let result = in_use().when(&bind(70, 2, 2));
    refused(result, Class::Exists, "ID_TAKEN", "id", None);
}

#[test]
fn an_unbind_is_stored_with_every_fact_and_its_position_is_the_one_gateways_must_reach() {
    let mut story = in_use();
    let Event::UnbindRequested(facts) = story.given(&unbind("shop", 1)) else { panic!("it was requested") };
    assert_eq!((facts.eip, facts.havip), (eip_facts(1), havip_facts(1)));
    let stored = story.state.get(id(70)).unwrap();
    assert_eq!(stored.at, story.at);
    assert!(matches!(stored.phase, Phase::Unassociating(_)));
    nothing(story.when(&unbind("shop", 1)));
}

#[test]
fn an_unbind_of_what_is_not_bound_is_a_success_that_writes_nothing() {
    nothing(BindingStory::default().when(&unbind("shop", 1)));
    nothing(in_use().when(&unbind("shop", 2)));
    let mut failed = associating();
    failed.given(&fail(70));
    nothing(failed.when(&unbind("shop", 1)));
}

#[test]
fn an_unbind_by_another_project_changes_nothing() {
    nothing(in_use().when(&unbind("bank", 1)));
    let south = Command::Unbind { scope: south("shop"), eip: id(1), expected: Expected::default() };
    nothing(in_use().when(&south));
}

#[test]
fn an_unbind_while_it_is_bound_can_be_retried() {
    let result = associating().when(&unbind("shop", 1));
    refused(result, Class::InTransition, "EIP_IN_TRANSITION", "eip", binding(70));
}

#[test]
fn after_an_unbind_the_same_pair_and_other_pairs_can_be_bound() {
    let mut story = unassociating();
    story.given(&complete(70));
    assert!(story.state.get(id(70)).is_none());
    story.given(&bind(71, 1, 1));
    story.given(&confirm(71, 1, 1));
    story.given(&unbind("shop", 1));
    story.given(&complete(71));
    story.given(&bind(72, 1, 2));
    story.given(&bind(73, 2, 1));
    assert_eq!(story.state.unfinished().count(), 2);
}
