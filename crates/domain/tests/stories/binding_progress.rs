//! The way of a binding through its phases, as the process manager walks it: every step can be taken again.

use mooring_domain::{
    Event,
    binding::{Command, FAILED_ARE_REMEMBERED, Phase},
    event::{EipFacts, HavipFacts},
    rejection::Class,
};

use super::{binding_fixture::*, fixture::*};

#[test]
fn a_confirmed_binding_is_in_use_with_every_fact() {
    let mut story = associating();
    let Event::Bound(facts) = story.given(&confirm(70, 1, 1)) else { panic!("it was bound") };
    let stored = story.state.get(id(70)).unwrap();
    assert_eq!((stored.facts(), stored.at), (Some(&facts), story.at));
    assert!(!stored.is_unfinished());
    nothing(story.when(&confirm(70, 1, 1)));
}

#[test]
fn a_confirmation_that_comes_again_during_the_unbind_changes_nothing() {
    nothing(unassociating().when(&confirm(70, 1, 1)));
}

#[test]
fn facts_about_something_else_are_refused() {
    for result in [associating().when(&confirm(70, 2, 1)), associating().when(&confirm(70, 1, 2))] {
        refused(result, Class::Precondition, "FACTS_DIFFER", "binding", None);
    }
    let result = in_use().when(&confirm(70, 2, 1));
    refused(result, Class::Precondition, "FACTS_DIFFER", "binding", binding(70));
}

#[test]
fn facts_of_another_region_project_or_family_are_refused() {
    let confirm = |eip, havip| associating().when(&Command::Confirm { binding: id(70), eip, havip });
    let south = region("south");
    let bank = scope("bank").project;
    for (eip, havip, reason) in [
        (EipFacts { region: south.clone(), ..eip_facts(1) }, havip_facts(1), "OTHER_REGION"),
        (eip_facts(1), HavipFacts { region: south.clone(), ..havip_facts(1) }, "OTHER_REGION"),
        (
            EipFacts { region: south.clone(), ..eip_facts(1) },
            HavipFacts { region: south, ..havip_facts(1) },
            "OTHER_REGION",
        ),
        (EipFacts { project: bank.clone(), ..eip_facts(1) }, havip_facts(1), "OTHER_PROJECT"),
        (eip_facts(1), HavipFacts { project: bank, ..havip_facts(1) }, "OTHER_PROJECT"),
        (EipFacts { address: ip("2001:db8::1"), ..eip_facts(1) }, havip_facts(1), "FAMILY_DIFFERS"),
        (eip_facts(1), HavipFacts { address: ip("fd00::1"), ..havip_facts(1) }, "FAMILY_DIFFERS"),
    ] {
        let field = if reason == "FAMILY_DIFFERS" { "havip" } else { "binding" };
        refused(confirm(eip, havip), Class::Precondition, reason, field, None);
    }
}

#[test]
fn two_ipv6_addresses_are_one_family() {
    let eip = EipFacts { address: ip("2001:db8::1"), ..eip_facts(1) };
    let havip = HavipFacts { address: ip("fd00::1"), ..havip_facts(1) };
    associating().given(&Command::Confirm { binding: id(70), eip, havip });
}

#[test]
fn a_binding_nobody_asked_for_is_not_found() {
    for command in [confirm(99, 1, 1), fail(99)] {
        refused(associating().when(&command), Class::NotFound, "NOT_FOUND", "binding", None);
    }
}

#[test]
fn a_failed_binding_says_why_and_lets_go_of_both() {
    let mut story = associating();
    let Event::BindFailed(failed) = story.given(&fail(70)) else { panic!("it failed") };
    assert_eq!((&*failed.reason, failed.request.eip), ("NOT_FOUND", id(1)));
    let stored = story.state.get(id(70)).unwrap();
    let phase = Phase::Failed { reason: failed.reason, message: failed.message };
    assert_eq!((stored.phase.clone(), stored.at), (phase, story.at));
    let shop = scope("shop").project;
    assert!(story.state.of_eip(&shop, id(1)).is_none() && story.state.of_havip(&shop, id(1)).is_none());
    nothing(story.when(&fail(70)));
    nothing(story.when(&complete(70)));
    refused(story.when(&confirm(70, 1, 1)), Class::Precondition, "NOT_ASSOCIATING", "binding", binding(70));
    story.given(&bind(71, 1, 2));
    story.given(&bind(72, 2, 1));
}

#[test]
fn what_is_or_was_in_use_cannot_fail() {
    for mut story in [in_use(), unassociating()] {
        let result = story.when(&fail(70));
        refused(result, Class::Precondition, "NOT_ASSOCIATING", "binding", binding(70));
    }
}

#[test]
fn a_completed_unbind_leaves_nothing_and_can_be_completed_again() {
    let mut story = unassociating();
    let Event::Unbound(facts) = story.given(&complete(70)) else { panic!("it was unbound") };
    assert_eq!((facts.eip, facts.havip), (eip_facts(1), havip_facts(1)));
    assert_eq!(story.state, Default::default());
    nothing(story.when(&complete(70)));
}

#[test]
fn what_nobody_asked_to_unbind_cannot_be_completed() {
    for mut story in [associating(), in_use()] {
        let result = story.when(&complete(70));
        refused(result, Class::Precondition, "NOT_UNASSOCIATING", "binding", binding(70));
    }
}

#[test]
fn a_start_finds_what_is_unfinished() {
    let mut story = in_use();
    assert_eq!(story.state.unfinished().count(), 0);
    story.given(&bind(71, 2, 2));
    story.given(&unbind("shop", 1));
    let unfinished: Vec<_> = story.state.unfinished().map(|binding| binding.request.binding).collect();
    assert_eq!(unfinished, [id(70), id(71)]);
    story.given(&complete(70));
    story.given(&fail(71));
    assert_eq!(story.state.unfinished().count(), 0);
}

#[test]
fn a_failed_binding_can_be_read_for_a_day() {
    let mut story = associating();
    story.given(&fail(70));
    story.later(FAILED_ARE_REMEMBERED.as_nanos() as u64);
    story.given(&bind(71, 1, 1));
    assert!(story.state.get(id(70)).is_some());
    story.later(1);
    story.given(&confirm(71, 1, 1));
    assert!(story.state.get(id(70)).is_none());
    assert_eq!(story.state.list(&scope("shop"), None).count(), 1);
}

#[test]
fn a_scope_lists_its_bindings_in_id_order_after_an_id() {
    let mut story = in_use();
    story.given(&bind(71, 2, 2));
    story.given(&bind_of("bank", 72, 3, 3));
    story.given(&fail(71));
    let list = |project: &str, after| {
        let bindings = story.state.list(&scope(project), after);
        bindings.map(|binding| binding.request.binding).collect::<Vec<_>>()
    };
    assert_eq!(list("shop", None), [id(70), id(71)]);
    assert_eq!(list("shop", Some(id(70))), [id(71)]);
    assert_eq!(list("bank", None), [id(72)]);
    assert_eq!(story.state.iter().count(), 3);
}
