//! What a project says about its EIP, and what that protects it from.

use mooring_domain::{
    Event, Expected, Timestamp,
    event::{EipDescribed, EipDetails},
    labels::Labels,
    rejection::Class,
    resource::{Command, ReleaseEip, ResourceCore, UpdateEip},
};

use super::{fixture::*, world::*};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))).unwrap()
}

/// Changes nothing.
fn update(project: &str, number: u128) -> UpdateEip {
    UpdateEip {
        scope: scope(project),
        id: id(number),
        display_name: None,
        description: None,
        labels: None,
        delete_protection: None,
        expected: Expected::default(),
    }
}

fn protected(number: u128, delete_protection: bool) -> Command {
    Command::UpdateEip(UpdateEip { delete_protection: Some(delete_protection), ..update("shop", number) })
}

fn release(number: u128) -> Command {
    Command::ReleaseEip(ReleaseEip {
        scope: scope("shop"),
        id: id(number),
        expected: Expected::default(),
        now: Timestamp::default(),
    })
}

fn described(story: &Story<ResourceCore>, number: u128) -> EipDescribed {
    story.state.eips().get(id(number)).unwrap().facts.clone()
}

#[test]
fn what_an_eip_is_allocated_with_is_kept() {
    let mut story = world();
    let details = EipDetails {
        description: "the shop's".parse().unwrap(),
        labels: labels(&[("env", "prod")]),
        delete_protection: true,
    };
    let allocate = mooring_domain::resource::AllocateEip { details: details.clone(), ..eip(9) };
    story.given(&Command::AllocateEip(allocate));
    assert_eq!(described(&story, 9).details, details);
}

#[test]
fn only_what_is_asked_for_changes_and_the_event_says_all_of_it() {
    let mut story = world();
    let first = UpdateEip { labels: Some(labels(&[("env", "prod")])), ..update("shop", 1) };
    story.given(&Command::UpdateEip(first));
    let second = UpdateEip {
        display_name: Some(Some(label("www"))),
        description: Some("for all".parse().unwrap()),
        ..update("shop", 1)
    };
    let event = story.given(&Command::UpdateEip(second));
    let expected = described(&story, 1);
    assert_eq!(event, Event::EipUpdated(expected.clone()));
    assert_eq!(expected.eip.display_name, label("www"));
    assert_eq!(
        (expected.details.description.as_str(), expected.details.delete_protection),
        ("for all", false)
    );
    assert_eq!(expected.details.labels, labels(&[("env", "prod")]));
    let entry = story.state.eips().get(id(1)).unwrap();
    assert_eq!(entry.at, story.at, "the position of its last change");
    let named = |name: &str| story.state.eips().named(&scope("shop"), &label(name)).count();
    assert_eq!((named("www"), named("203.0.113.0")), (1, 0));
    assert_eq!(story.state.eip_at(ip("203.0.113.0")).unwrap(), entry);
}

#[test]
fn what_is_said_already_writes_nothing() {
    let mut story = world();
    nothing(story.when(&Command::UpdateEip(update("shop", 1))));
    let same = UpdateEip {
        display_name: Some(None),
        description: Some("".parse().unwrap()),
        labels: Some(Labels::default()),
        delete_protection: Some(false),
        ..update("shop", 1)
    };
    nothing(story.when(&Command::UpdateEip(same)));
}

#[test]
fn a_name_can_be_taken_back_but_not_taken_from_another() {
    let mut story = world();
    let rename = |name: Option<&str>| {
        Command::UpdateEip(UpdateEip { display_name: Some(name.map(label)), ..update("shop", 1) })
    };
    let of_other = UpdateEip { display_name: Some(Some(label("blog"))), ..update("shop", 2) };
    story.given(&Command::UpdateEip(of_other));
    let other = Some(name("shop", "eips", 2));
    let result = story.when(&rename(Some("blog")));
    refused(result, Class::Exists, "NAME_TAKEN", "eip.display_name", other);
    story.given(&rename(Some("www")));
    story.given(&rename(None));
    assert_eq!(described(&story, 1).eip.display_name, label("203.0.113.0"));
}

#[test]
fn an_eip_of_nobody_or_of_somebody_else_is_not_found() {
    let mut story = world();
    for command in [update("shop", 9), update("bank", 1)] {
        let result = story.when(&Command::UpdateEip(UpdateEip { delete_protection: Some(true), ..command }));
        refused(result, Class::NotFound, "NOT_FOUND", "eip.name", None);
    }
}

#[test]
fn a_protected_eip_is_released_only_after_its_protection_is_switched_off() {
    let mut story = world();
    story.given(&protected(1, true));
    let it = Some(name("shop", "eips", 1));
    refused(story.when(&release(1)), Class::Precondition, "DELETE_PROTECTED", "name", it);
    story.given(&protected(1, false));
    story.given(&release(1));
}

#[test]
fn a_bound_eip_can_be_updated_and_lets_go_under_its_new_name() {
    let mut story = world();
    let hold = hold(&story, 70, 1, 1);
    story.given(&hold);
    let rename = UpdateEip { display_name: Some(Some(label("www"))), ..update("shop", 1) };
    story.given(&Command::UpdateEip(rename));
    assert_eq!(story.state.eip_held_by(id(1)), Some(id(70)));
    let Event::HoldReleased(released) = story.given(&release_hold(70)) else { panic!("no release") };
    assert_eq!(released.held.unwrap().0.display_name, label("www"));
}
