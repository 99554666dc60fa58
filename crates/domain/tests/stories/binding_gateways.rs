//! Gateways: an unbind waits for those that are registered.

use mooring_domain::{
    Event, Expected, Position, Timestamp,
    binding::{BindingCore, Command, Drifts, MAX_DIFFERENCES},
    event::{GatewayDriftFound, GatewayFacts},
    name::{GatewayName, RegionId},
    nat::{Difference, Element},
    rejection::Class,
};

use super::fixture::*;

fn gateway(name: &str) -> GatewayName {
    name.parse().unwrap()
}

fn register(name: &str) -> Command {
    register_at(name, Position(0))
}

fn register_at(name: &str, equal_to: Position) -> Command {
    Command::RegisterGateway { region: region("north"), gateway: gateway(name), equal_to }
}

fn decommission(region: RegionId, name: &str) -> Command {
    Command::DecommissionGateway { region, gateway: gateway(name), expected: Expected::default() }
}

fn registered(story: &Story<BindingCore>) -> Vec<&str> {
    story.state.registered_gateways().map(|gateway| gateway.facts.gateway.as_str()).collect()
}

#[test]
fn a_gateway_registers_once() {
    let mut story = Story::<BindingCore>::default();
    story.given(&register("g2"));
    story.given(&register("g1"));
    nothing(story.when(&register("g2")));
    assert_eq!(registered(&story), ["g1", "g2"]);
}

#[test]
fn nobody_waits_for_a_decommissioned_gateway_until_it_registers_again() {
    let mut story = Story::<BindingCore>::default();
    story.given(&register("g1"));
    story.given(&decommission(region("north"), "g1"));
    assert_eq!(registered(&story), [""; 0]);
    let known = story.state.gateway(&gateway("g1")).unwrap();
    assert_eq!((known.registered, known.at), (false, story.at));
    nothing(story.when(&decommission(region("north"), "g1")));
    let event = story.given(&register_at("g1", story.at.position));
    assert!(matches!(event, Event::GatewayRegistered(_)));
    assert_eq!(registered(&story), ["g1"]);
    assert_eq!(story.state.gateways().count(), 1);
}

/// What it has in its kernels may be an EIP that is somebody else's by now.
#[test]
fn a_decommissioned_gateway_registers_again_only_when_its_kernels_are_equal_to_that_word() {
    let mut story = Story::<BindingCore>::default();
    story.given(&register("g1"));
    story.given(&decommission(region("north"), "g1"));
    let before = Position(story.at.position.0 - 1);
    let in_the_way = Some("regions/north/gateways/g1".to_owned());
    let early = story.when(&register_at("g1", before));
    refused(early, Class::Precondition, "DECOMMISSIONED", "equal_to", in_the_way);
    assert_eq!(registered(&story), [""; 0]);
    story.given(&register_at("g1", story.at.position));
    nothing(story.when(&register("g1")));
}

#[test]
fn an_unknown_gateway_is_not_found_also_one_of_another_region() {
    let mut story = Story::<BindingCore>::default();
    story.given(&register("g1"));
    let result = story.when(&decommission(region("north"), "g2"));
    refused(result, Class::NotFound, "NOT_FOUND", "name", None);
    let result = story.when(&decommission(region("south"), "g1"));
    refused(result, Class::NotFound, "NOT_FOUND", "name", None);
}

fn drift(gateway_name: &str, elements: u8) -> GatewayDriftFound {
    let route = |last| Difference { wanted: Some(Element::Route([203, 0, 113, last].into())), found: None };
    GatewayDriftFound {
        gateway: GatewayFacts { gateway: gateway(gateway_name), region: region("north") },
        project: "shop".parse().unwrap(),
        vpc: id(1),
        position: Position(1),
        found_at: Timestamp(7),
        mended_at: Timestamp(8),
        rules: false,
        differences: (0..elements).map(route).collect(),
        differing: elements.into(),
        unrecorded: 0,
    }
}

#[test]
fn a_drift_is_recorded_as_it_was_found_and_counted_for_its_gateway() {
    let mut story = Story::<BindingCore>::default();
    story.given(&register("g1"));
    story.given(&register("g2"));
    let event = story.given(&Command::RecordDrift(drift("g1", 2)));
    assert_eq!(event, Event::GatewayDriftFound(drift("g1", 2)));
    let more = GatewayDriftFound { rules: true, unrecorded: 4, ..drift("g1", 0) };
    story.given(&Command::RecordDrift(more));
    let drifts = |story: &Story<BindingCore>, name| story.state.gateway(&gateway(name)).unwrap().drifts;
    assert_eq!(drifts(&story, "g1"), Drifts { count: 6, last: Some(story.at) });
    assert_eq!(drifts(&story, "g2"), Drifts::default());
    let last = story.at;
    story.given(&decommission(region("north"), "g1"));
    story.given(&register_at("g1", story.at.position));
    assert_eq!(drifts(&story, "g1"), Drifts { count: 6, last: Some(last) }, "it stays the same gateway");
}

#[test]
fn a_drift_of_nobody_who_is_registered_or_beyond_its_bounds_or_of_nothing_is_refused() {
    let mut story = Story::<BindingCore>::default();
    let in_the_way = Some("regions/north/gateways/g1".to_owned());
    let unknown = story.when(&Command::RecordDrift(drift("g1", 1)));
    refused(unknown, Class::Precondition, "NOT_REGISTERED", "name", in_the_way.clone());
    story.given(&register("g1"));
    let mut refuse = |drift: GatewayDriftFound, field| {
        refused(story.when(&Command::RecordDrift(drift)), Class::Invalid, "INVALID_FIELD", field, None);
    };
    let most = u8::try_from(MAX_DIFFERENCES).unwrap();
    refuse(drift("g1", most + 1), "drift.differences");
    refuse(drift("g1", 0), "drift");
    refuse(GatewayDriftFound { differing: 1, ..drift("g1", 2) }, "drift");
    refuse(GatewayDriftFound { mended_at: Timestamp(6), ..drift("g1", 2) }, "drift");
    story.given(&Command::RecordDrift(drift("g1", most)));
    story.given(&decommission(region("north"), "g1"));
    let gone = story.when(&Command::RecordDrift(drift("g1", 1)));
    refused(gone, Class::Precondition, "NOT_REGISTERED", "name", in_the_way);
}
