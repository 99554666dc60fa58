//! Quotas: how much a project may have in a region.

use mooring_domain::{
    Event, Expected, Rejection, Timestamp,
    event::Limits,
    rejection::Class,
    resource::{
        Command, CreateHavip, DeleteHavip, HavipChange, ReleaseEip, ResourceCore, UpdateHavip, UpdateQuotas,
    },
};

use super::{fixture::*, world::*};

/// Changes nothing.
fn update(project: &str) -> UpdateQuotas {
    UpdateQuotas {
        scope: scope(project),
        eips: None,
        havips_per_vpc: None,
        havips_per_instance: None,
        members_per_havip: None,
        expected: Expected::default(),
    }
}

fn given(story: &mut Story<ResourceCore>, limits: UpdateQuotas) {
    story.given(&Command::UpdateQuotas(limits));
}

/// Exhausted, with the quota, its limit, what is used and what was asked for.
#[track_caller]
fn exceeded(result: Result<Vec<Event>, Rejection>, field: &str, expected: [&str; 4], by: Option<String>) {
    let rejection = result.expect_err("should be refused");
    let found = (rejection.class, rejection.reason, rejection.field, rejection.in_the_way.clone());
    assert_eq!(found, (Class::Exhausted, "QUOTA_EXCEEDED", field, by), "{rejection}");
    let details: Vec<_> = rejection.details.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let expected: Vec<_> = ["quota", "limit", "used", "asked"].into_iter().zip(expected).collect();
    assert_eq!(details, expected, "{rejection}");
}

fn create(havip: CreateHavip) -> Command {
    Command::CreateHavip(havip)
}

#[test]
fn limits_are_the_vendors_until_the_operator_says_others_and_the_event_says_all() {
    let mut story = world();
    let default = Limits { eips: 20, havips_per_vpc: 5, havips_per_instance: 5, members_per_havip: 10 };
    assert_eq!(story.state.quotas().of(&scope("shop")).0, default);
    let event = story.given(&Command::UpdateQuotas(UpdateQuotas { eips: Some(2), ..update("shop") }));
    let limits = Limits { eips: 2, ..default };
    assert!(matches!(event, Event::QuotasChanged(changed) if changed.limits == limits));
    assert_eq!(story.state.quotas().of(&scope("shop")), (limits, story.at));
    assert_eq!(story.state.quotas().of(&scope("bank")).0, default, "another project's are its own");
    nothing(story.when(&Command::UpdateQuotas(update("shop"))));
    nothing(story.when(&Command::UpdateQuotas(UpdateQuotas { eips: Some(2), ..update("shop") })));
    let stale = UpdateQuotas { eips: Some(9), expected: Expected(1), ..update("shop") };
    let result = story.when(&Command::UpdateQuotas(stale));
    refused(result, Class::Stale, "STALE_REVISION", "expected_revision", None);
}

#[test]
fn an_eip_too_many_is_refused_with_limit_and_use_until_one_is_released() {
    let mut story = world();
    given(&mut story, UpdateQuotas { eips: Some(2), ..update("shop") });
    exceeded(story.when(&Command::AllocateEip(eip(9))), "parent", ["eips", "2", "2", "1"], None);
    let bank = mooring_domain::resource::AllocateEip { scope: scope("bank"), ..eip(9) };
    story.given(&Command::AllocateEip(bank));
    let release = ReleaseEip {
        scope: scope("shop"),
        id: id(1),
        expected: Expected::default(),
        now: Timestamp::default(),
    };
    story.given(&Command::ReleaseEip(release));
    story.given(&Command::AllocateEip(eip(10)));
    assert_eq!(story.state.usage(&scope("shop")).eips.used, 2);
}

#[test]
fn a_limit_below_what_there_is_takes_nothing_away_and_none_lets_none_be_made() {
    let mut story = world();
    given(&mut story, UpdateQuotas { eips: Some(1), havips_per_vpc: Some(0), ..update("shop") });
    assert_eq!(story.state.usage(&scope("shop")).eips.used, 2);
    exceeded(story.when(&Command::AllocateEip(eip(9))), "parent", ["eips", "1", "2", "1"], None);
    let vpc = Some(name("shop", "vpcs", 1));
    let result = story.when(&create(havip(9, None, &[])));
    exceeded(result, "havip.subnet", ["havips_per_vpc", "0", "2", "1"], vpc);
}

#[test]
fn a_vpc_has_so_many_havips_and_an_instance_is_a_member_of_so_many() {
    let mut story = world();
    for number in 3..=5 {
        story.given(&create(havip(number, None, &[1])));
    }
    let vpc = Some(name("shop", "vpcs", 1));
    let result = story.when(&create(havip(6, None, &[])));
    exceeded(result, "havip.subnet", ["havips_per_vpc", "5", "5", "1"], vpc);
    given(&mut story, UpdateQuotas { havips_per_vpc: Some(9), ..update("shop") });
    // vNIC 1 is a member of 1 to 5.
    let instance = Some(name("shop", "vnics", 1));
    let result = story.when(&create(havip(6, None, &[2, 1])));
    exceeded(result, "havip.members", ["havips_per_instance", "5", "5", "1"], instance);
    story.given(&create(havip(6, None, &[2])));
    let delete = DeleteHavip { scope: scope("shop"), id: id(5), expected: Expected::default() };
    story.given(&Command::DeleteHavip(delete));
    story.given(&create(havip(7, None, &[1])));
    let usage = story.state.usage(&scope("shop"));
    assert_eq!((usage.havips_per_vpc.used, usage.havips_per_instance.used), (6, 5));
    assert_eq!(usage.havips_per_vpc.by, name("shop", "vpcs", 1));
    assert_eq!((usage.havips_per_instance.by.as_str(), usage.members_per_havip.used), ("vm-1", 2));
    assert_eq!(usage.members_per_havip.by, name("shop", "havips", 1));
}

#[test]
fn a_havip_has_so_many_members() {
    let mut story = world();
    given(&mut story, UpdateQuotas { members_per_havip: Some(1), ..update("shop") });
    let result = story.when(&create(havip(9, None, &[1, 2])));
    exceeded(result, "havip.members", ["members_per_havip", "1", "0", "2"], None);
    story.given(&create(havip(9, None, &[1])));
}

fn members(number: u128, members: &[u128]) -> Command {
    let members = Some(members.iter().copied().map(id).collect());
    let change = HavipChange { members, ..HavipChange::default() };
    Command::UpdateHavip(UpdateHavip {
        scope: scope("shop"),
        id: id(number),
        expected: Expected::default(),
        change,
    })
}

#[test]
fn who_becomes_a_member_later_counts_as_who_is_one_from_the_start() {
    let mut story = world();
    given(
        &mut story,
        UpdateQuotas { members_per_havip: Some(2), havips_per_instance: Some(3), ..update("shop") },
    );
    story.given(&create(havip(3, None, &[1])));
    story.given(&create(havip(4, None, &[2])));
    let result = story.when(&members(4, &[2, 1, 3]));
    exceeded(result, "havip.members", ["members_per_havip", "2", "1", "2"], None);
    // vNIC 1 is a member of 1 to 3.
    let instance = Some(name("shop", "vnics", 1));
    let result = story.when(&members(4, &[2, 1]));
    exceeded(result, "havip.members", ["havips_per_instance", "3", "3", "1"], instance);
    story.given(&members(3, &[]));
    story.given(&members(4, &[2, 1]));
    assert_eq!(story.state.usage(&scope("shop")).havips_per_instance.used, 3);
}

#[test]
fn a_havip_that_has_too_many_members_may_lose_some_and_change_one_for_another() {
    let mut story = world();
    story.given(&create(havip(3, None, &[1, 2, 3])));
    given(
        &mut story,
        UpdateQuotas { members_per_havip: Some(1), havips_per_instance: Some(0), ..update("shop") },
    );
    story.given(&members(3, &[1, 2]));
    let result = story.when(&members(3, &[1, 2, 3]));
    exceeded(result, "havip.members", ["members_per_havip", "1", "2", "1"], None);
    given(&mut story, UpdateQuotas { havips_per_instance: Some(9), ..update("shop") });
    story.given(&members(3, &[1, 3]));
}
