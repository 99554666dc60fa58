//! The three cores together: a crash before and after each step, a delayed hold, and F1.

use mooring_domain::{
    Expected, Timestamp,
    binding::{Command, Phase},
    event::ClaimFacts,
    holder,
    rejection::Class,
    resource,
};

use super::{binding_fixture::*, executor::*, fixture::*, world};

/// The world, and binding 70 of EIP 1 and HAVIP 1 requested.
fn requested() -> Region {
    let mut region = Region::default();
    for command in world::commands() {
        region.ask(&Ask::Resource(command)).unwrap();
    }
    region.ask(&Ask::Binding(bind(70, 1, 1))).unwrap();
    region
}

fn bound() -> Region {
    let mut region = requested();
    region.advance_all();
    region
}

fn claim(region: &Region, number: u8) -> Ask {
    let claim =
        ClaimFacts { gateway: "g1".parse().unwrap(), number: 1, mac: mac(number), observed_at: region.now };
    let (vpc, address, now) = (id(1), ip("10.0.1.50"), region.now);
    Ask::Holder(holder::Command::Claim { vpc, address, claim, heard: holder::Heard::default(), now })
}

fn phase(region: &Region, binding: u128) -> Option<&Phase> {
    region.states.binding.get(id(binding)).map(|binding| &binding.phase)
}

#[test]
fn a_bind_holds_both_and_then_is_in_use_with_resources_facts() {
    let region = bound();
    let Some(Phase::InUse(facts)) = phase(&region, 70) else { panic!("{:?}", phase(&region, 70)) };
    assert_eq!((facts.eip.address, facts.havip.address), (ip("203.0.113.0"), ip("10.0.1.50")));
    assert_eq!(region.states.resource.eip_held_by(id(1)), Some(id(70)));
}

// F1: a holder change alters no binding.
#[test]
fn a_holder_change_leaves_the_binding_and_its_position_alone() {
    let mut region = bound();
    let before = region.states.binding.clone();
    for number in [1, 2, 1, 3, 200] {
        region.now = Timestamp(region.now.0 + SECOND);
        assert_eq!(region.ask(&claim(&region, number)).unwrap().len(), 1);
    }
    assert_eq!(region.states.binding, before);
    assert!(region.states.holder.get(id(1)).unwrap().holding.is_some());
}

#[test]
fn a_bind_killed_after_any_step_is_finished_by_whoever_goes_on() {
    let steps_needed = 2;
    for steps in 0..=steps_needed {
        let mut region = requested();
        assert_eq!(region.advance(id(70), steps), steps == steps_needed, "after {steps} steps");
        region.advance_all();
        assert!(matches!(phase(&region, 70), Some(Phase::InUse(_))), "killed after {steps} steps");
    }
}

#[test]
fn an_unbind_killed_after_any_step_is_finished_by_whoever_goes_on() {
    let steps_needed = 2;
    for steps in 0..=steps_needed {
        let mut region = bound();
        region.ask(&Ask::Binding(unbind("shop", 1))).unwrap();
        assert_eq!(region.advance(id(70), steps), steps == steps_needed, "after {steps} steps");
        region.advance_all();
        assert_eq!(phase(&region, 70), None, "killed after {steps} steps");
        assert_eq!(region.states.resource.hold(id(70)), None);
    }
}

#[test]
fn a_bind_to_what_does_not_exist_fails_and_was_released_before() {
    for steps in 0..=3 {
        let mut region = requested();
        region.ask(&Ask::Binding(bind(71, 9, 2))).unwrap();
        region.advance(id(71), steps);
        region.advance_all();
        assert!(matches!(phase(&region, 71), Some(Phase::Failed { .. })), "killed after {steps} steps");
        assert!(region.states.resource.released_at(id(71)).is_some());
        region.ask(&Ask::Binding(bind(72, 2, 2))).unwrap();
    }
}

#[test]
fn an_eip_of_another_project_named_as_ones_own_comes_to_nothing() {
    let mut region = requested();
    region.ask(&Ask::Binding(bind_of("bank", 71, 2, 2))).unwrap();
    region.advance_all();
    assert!(matches!(phase(&region, 71), Some(Phase::Failed { .. })));
    assert_eq!(region.states.resource.eip_held_by(id(2)), None);
}

#[test]
fn a_hold_that_arrives_after_the_release_leaves_no_orphan() {
    let mut region = bound();
    let delayed = region.requests[0].clone();
    nothing(region.hold(&delayed));
    region.ask(&Ask::Binding(unbind("shop", 1))).unwrap();
    region.advance_all();
    refused(region.hold(&delayed), Class::Precondition, "HOLD_RELEASED", "binding", None);
    assert_eq!(region.states.resource.eip_held_by(id(1)), None);
}

#[test]
fn what_is_bound_cannot_be_released_and_after_the_unbind_it_can() {
    let mut region = bound();
    let release = resource::ReleaseEip {
        scope: scope("shop"),
        id: id(1),
        expected: Expected::default(),
        now: Timestamp::default(),
    };
    let release = Ask::Resource(resource::Command::ReleaseEip(release));
    refused(region.ask(&release), Class::Precondition, "EIP_HELD", "name", binding(70));
    region.ask(&Ask::Binding(unbind("shop", 1))).unwrap();
    refused(region.ask(&release), Class::Precondition, "EIP_HELD", "name", binding(70));
    region.advance_all();
    region.ask(&release).unwrap();
}

#[test]
fn the_same_pair_and_then_another_can_be_bound_after_an_unbind() {
    let mut region = bound();
    for (number, havip) in [(71, 1), (72, 2)] {
        region.ask(&Ask::Binding(unbind("shop", 1))).unwrap();
        region.advance_all();
        region.ask(&Ask::Binding(bind(number, 1, havip))).unwrap();
        region.advance_all();
        assert!(matches!(phase(&region, number), Some(Phase::InUse(_))));
    }
    assert_eq!(region.check_log().len(), 1);
}

#[test]
fn a_binding_is_at_its_commit_also_where_a_record_has_several() {
    let mut region = bound();
    let last = region.log.last().unwrap().at;
    assert_eq!(region.states.binding.get(id(70)).unwrap().at, last);
    region
        .ask(&Ask::Binding(Command::Unbind {
            scope: scope("shop"),
            eip: id(1),
            expected: Expected::default(),
        }))
        .unwrap();
    assert_eq!(region.states.binding.get(id(70)).unwrap().at, region.log.last().unwrap().at);
    assert!(region.log.iter().any(|commit| commit.at.index == 2));
}
