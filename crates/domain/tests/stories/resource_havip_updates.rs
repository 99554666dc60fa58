//! What may change of a HAVIP, bound or not, and what comes of the same again.

use std::time::Duration;

use mooring_domain::{
    Event, Expected, Rejection,
    event::{Damping, HavipCreated},
    rejection::Class,
    resource::{Command, CreateHavip, DeleteHavip, HavipChange, ResourceCore, UpdateHavip},
};

use super::{fixture::*, world::*};

fn update(story: &mut Story<ResourceCore>, change: HavipChange) -> Result<Vec<Event>, Rejection> {
    story.when(&Command::UpdateHavip(UpdateHavip {
        scope: scope("shop"),
        id: id(1),
        expected: Expected::default(),
        change,
    }))
}

fn members(members: &[u128]) -> HavipChange {
    HavipChange {
        members: Some(members.iter().map(|member| id(*member)).collect()),
        ..HavipChange::default()
    }
}

fn named(name: &str) -> HavipChange {
    HavipChange { display_name: Some(label(name)), ..HavipChange::default() }
}

fn present(story: &Story<ResourceCore>) -> HavipCreated {
    story.state.havips().get(id(1)).unwrap().facts.clone()
}

#[test]
fn members_change_also_while_a_binding_holds_the_havip() {
    let mut story = world();
    let hold = hold(&story, 70, 1, 1);
    story.given(&hold);
    let before = present(&story);
    let events = update(&mut story, members(&[3, 2])).unwrap();
    let after = present(&story);
    assert_eq!(events, [Event::HavipUpdated(after.clone())], "the event says all of it");
    assert_eq!(after.members.iter().map(|member| member.mac).collect::<Vec<_>>(), [mac(3), mac(2)]);
    assert_eq!((after.havip, after.rules), (before.havip, before.rules), "nothing else");
    assert_eq!(story.state.havip_held_by(id(1)), Some(id(70)));
    assert_eq!(story.state.havips().get(id(1)).unwrap().at, story.at);
    let of = |number: u128| {
        story.state.memberships(id(number)).map(|havip| havip.facts.havip.id).collect::<Vec<_>>()
    };
    assert_eq!([of(1), of(2), of(3)], [vec![id(2)], vec![id(1)], vec![id(1)]]);
}

#[test]
fn what_is_so_already_is_not_written_again() {
    let mut story = world();
    let (damping, present) = (present(&story).rules.damping, present(&story).havip.display_name);
    let same = HavipChange {
        display_name: Some(present),
        whole_subnet: Some(false),
        damping: Some(damping),
        announce: Some(false),
        ..members(&[1, 2])
    };
    nothing(update(&mut story, same));
    nothing(update(&mut story, HavipChange::default()));
}

#[test]
fn rules_and_name_change_alone_and_together() {
    let mut story = world();
    let damping = Damping { step: Duration::from_secs(2), cap: Duration::from_secs(4) };
    update(&mut story, HavipChange { whole_subnet: Some(true), ..named("shown") }).unwrap();
    update(&mut story, HavipChange { announce: Some(true), ..HavipChange::default() }).unwrap();
    update(&mut story, HavipChange { damping: Some(damping), ..HavipChange::default() }).unwrap();
    let after = present(&story);
    assert!(after.rules.whole_subnet && after.rules.announce);
    assert_eq!((after.rules.damping, after.members.len()), (damping, 2));
    let by_name = |name: &str| story.state.havips().named(&scope("shop"), &label(name)).count();
    assert_eq!((by_name("shown"), by_name("havip-1")), (1, 0));
    // The name that it had is free.
    let other = CreateHavip { display_name: label("havip-1"), ..havip(9, None, &[]) };
    story.given(&Command::CreateHavip(other));
}

#[test]
fn what_could_not_be_made_can_not_come_by_a_change() {
    let mut story = world();
    let before = story.state.clone();
    invalid(update(&mut story, members(&[1, 2, 1])), "havip.members", "twice");
    invalid(update(&mut story, members(&(1..=101).collect::<Vec<_>>())), "havip.members", "100 at most");
    refused(update(&mut story, members(&[1, 99])), Class::NotFound, "NOT_FOUND", "havip.members", None);
    let elsewhere = Some(name("shop", "vnics", 4));
    refused(
        update(&mut story, members(&[1, 4])),
        Class::Precondition,
        "OTHER_SUBNET",
        "havip.members",
        elsewhere,
    );
    let taken = Some(name("shop", "havips", 2));
    refused(update(&mut story, named("havip-2")), Class::Exists, "NAME_TAKEN", "havip.display_name", taken);
    let damping = Damping { step: Duration::from_secs(2), cap: Duration::from_secs(1) };
    let wrong = HavipChange { damping: Some(damping), ..HavipChange::default() };
    invalid(update(&mut story, wrong), "havip.damping", "at most its cap");
    for (project, number) in [("bank", 1), ("shop", 99)] {
        let (scope, change, expected) = (scope(project), members(&[]), Expected::default());
        let asked = UpdateHavip { scope, id: id(number), expected, change };
        refused(story.when(&Command::UpdateHavip(asked)), Class::NotFound, "NOT_FOUND", "havip.name", None);
    }
    assert_eq!(story.state, before);
}

#[test]
fn a_changed_havip_that_is_deleted_leaves_nothing_behind() {
    let mut story = world();
    let before = story.state.clone();
    story.given(&Command::CreateHavip(havip(9, None, &[1])));
    let change = HavipChange { display_name: Some(label("nine")), ..members(&[2, 3]) };
    story.given(&Command::UpdateHavip(UpdateHavip {
        scope: scope("shop"),
        id: id(9),
        expected: Expected::default(),
        change,
    }));
    story.given(&Command::DeleteHavip(DeleteHavip {
        scope: scope("shop"),
        id: id(9),
        expected: Expected::default(),
    }));
    assert_eq!(story.state, before);
}
