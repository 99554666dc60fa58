//! `expected_revision`: what would change a thing is refused if the thing has changed since the caller looked.

use mooring_domain::{
    Decider, Event, Expected, Rejection, Timestamp,
    binding::{BindingCore, Command},
    rejection::Class,
    resource::{self, DeleteHavip, ReleaseEip, ResourceCore},
};

use super::{binding_fixture::*, fixture::*, world::world};

/// Refused as stale, with what is current.
#[track_caller]
fn stale(result: Result<Vec<Event>, Rejection>, current: u64) {
    let rejection = result.clone().expect_err("should be refused");
    assert_eq!(rejection.details, [("current_revision", current.to_string())]);
    refused(result, Class::Stale, "STALE_REVISION", "expected_revision", None);
}

#[test]
fn an_eip_and_a_havip_end_at_the_revision_that_was_seen_and_at_no_other() {
    let mut story = world();
    let release = |expected| {
        resource::Command::ReleaseEip(ReleaseEip {
            scope: scope("shop"),
            id: id(1),
            expected: Expected(expected),
            now: Timestamp::default(),
        })
    };
    let at = story.state.eips().get(id(1)).unwrap().at.position.0;
    stale(story.when(&release(at + 1)), at);
    stale(story.when(&release(at - 1)), at);
    story.given(&release(at));
    let delete = |expected| {
        resource::Command::DeleteHavip(DeleteHavip {
            scope: scope("shop"),
            id: id(1),
            expected: Expected(expected),
        })
    };
    let at = story.state.havips().get(id(1)).unwrap().at.position.0;
    stale(story.when(&delete(at + 1)), at);
    story.given(&delete(at));
}

#[test]
fn another_projects_revision_is_not_told() {
    let mut story = world();
    let release =
        ReleaseEip { scope: scope("bank"), id: id(1), expected: Expected(1), now: Timestamp::default() };
    let result = story.when(&resource::Command::ReleaseEip(release));
    refused(result, Class::NotFound, "NOT_FOUND", "name", None);
}

#[test]
fn an_unbind_is_refused_where_the_binding_is_another_by_now_and_not_where_there_is_nothing_to_end() {
    let unbind =
        |expected| Command::Unbind { scope: scope("shop"), eip: id(1), expected: Expected(expected) };
    let mut story = in_use();
    let at = story.at.position.0;
    stale(story.when(&unbind(at - 1)), at);
    story.given(&unbind(at));
    nothing(story.when(&unbind(at)));
    nothing(story.when(&unbind(at - 1)));
    let mut story = associating();
    stale(story.when(&unbind(story.at.position.0 + 1)), story.at.position.0);
}

#[test]
fn a_gateway_is_decommissioned_at_the_revision_that_was_seen() {
    let mut story = BindingStory::default();
    let (region, gateway) = (region("north"), "gw-1".parse().unwrap());
    story.given(&Command::RegisterGateway { region, gateway, equal_to: story.at.position });
    let decommission = |expected| {
        let (region, gateway) = (super::fixture::region("north"), "gw-1".parse().unwrap());
        Command::DecommissionGateway { region, gateway, expected: Expected(expected) }
    };
    stale(story.when(&decommission(7)), 1);
    story.given(&decommission(1));
    nothing(story.when(&decommission(1)));
}

/// What these change is known to the loop, so that two of them never share a position.
#[test]
fn a_change_of_what_exists_says_what_it_changes() {
    let release = ReleaseEip {
        scope: scope("shop"),
        id: id(1),
        expected: Expected::default(),
        now: Timestamp::default(),
    };
    assert_eq!(
        ResourceCore::changes(&resource::Command::ReleaseEip(release)),
        Some(uuid::Uuid::from_u128(1))
    );
    let (scope, expected) = (scope("shop"), Expected::default());
    let vnic = resource::Delete { scope: scope.clone(), id: id(2), expected };
    let havip =
        resource::UpdateHavip { scope, id: id(3), expected, change: resource::HavipChange::default() };
    let (region, now) = (region("north"), Timestamp::default());
    let change = resource::PoolChange::default();
    let pool = resource::UpdatePool { region, id: id(4), expected, change, now };
    for (command, number) in [
        (resource::Command::DeleteVnic(vnic), 2),
        (resource::Command::UpdateHavip(havip), 3),
        (resource::Command::UpdatePool(pool), 4),
    ] {
        assert_eq!(ResourceCore::changes(&command), Some(uuid::Uuid::from_u128(number)), "{command:?}");
    }
    assert_eq!(BindingCore::changes(&bind(70, 1, 1)), None);
}
