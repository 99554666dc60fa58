//! What holds after every sequence of commands, of crashes between any two steps, and of messages that come late.

use std::collections::BTreeSet;

use mooring_domain::{
    Decider, Event,
    binding::{Binding, BindingCore, Fronting, FrontingCore, Phase, State},
    event::HolderRules,
    nat::{self, Desired},
    resource::AddressOwner,
};
use proptest::prelude::*;

use super::{actions::*, executor::*, world};

/// No EIP and no HAVIP twice among what a project has not finished, and one region for each.
fn check_bindings(region: &Region) {
    let (mut eips, mut havips) = (BTreeSet::new(), BTreeSet::new());
    for binding in region.states.binding.iter() {
        if matches!(binding.phase, Phase::Failed { .. }) {
            continue;
        }
        // What an EIP moves from, or has moved from, is there a little longer.
        if !is_left(region, binding) {
            let eip = (binding.request.eip_project.clone(), binding.request.eip);
            assert!(eips.insert(eip), "{:?} fronts two HAVIPs", binding.request.eip);
        }
        let havip = (binding.request.project.clone(), binding.request.havip);
        assert!(havips.insert(havip), "{:?} has two EIPs", binding.request.havip);
        if let Some(facts) = binding.facts() {
            let request = &binding.request;
            assert_eq!((&facts.eip.region, &facts.havip.region), (&request.region, &request.region));
            assert_eq!((&facts.eip.project, &facts.havip.project), (&request.project, &request.project));
        }
    }
}

/// Whether its EIP is on the way to another binding, or there.
fn is_left(region: &Region, binding: &Binding) -> bool {
    let mut others =
        region.states.binding.iter().filter(|other| !matches!(other.phase, Phase::Failed { .. }));
    others.any(|other| other.request.moved_from == Some(binding.request.binding))
}

/// Whether a binding is on its way out, and its EIP is another's by now.
fn has_moved_on(bindings: &State, binding: &Binding) -> bool {
    let (project, eip) = (&binding.request.eip_project, binding.request.eip);
    let has_it = bindings.of_eip(project, eip).map(|other| other.request.binding);
    matches!(binding.phase, Phase::Unassociating(_)) && has_it != Some(binding.request.binding)
}

/// What readers of EIPs fold says of each EIP what binding's own state does, after every commit.
fn check_fronting(region: &Region) {
    let (mut fronting, mut bindings) = (Fronting::default(), State::default());
    for commit in &region.log {
        FrontingCore::follow(&mut fronting, commit);
        BindingCore::follow(&mut bindings, commit);
        for request in &region.requests {
            let (project, eip) = (&request.eip_project, request.eip);
            let shown = fronting.of_eip(project, eip).cloned();
            let known = bindings.of_eip(project, eip).and_then(Binding::fronts);
            assert_eq!(shown, known, "{eip:?} of {project} after {commit:?}");
            let stage = fronting.stage(request.binding, project, eip);
            let binding = bindings.get(request.binding).filter(|binding| !has_moved_on(&bindings, binding));
            assert_eq!(
                stage,
                binding.and_then(Binding::fronts).map(|fronts| fronts.stage),
                "{:?} after {commit:?}",
                request.binding
            );
        }
    }
}

/// The same by what packets carry: from the moment when a binding is in use until its gateways take it out, no public address is in use twice, and no private one of a VPC.
fn check_packets(region: &Region) {
    let (mut public, mut private) = (BTreeSet::new(), BTreeSet::new());
    for binding in region.states.binding.iter() {
        let Phase::InUse(facts) = &binding.phase else { continue };
        assert!(public.insert(facts.eip.address), "{} fronts two HAVIPs", facts.eip.address);
        let havip = (facts.havip.vpc, facts.havip.address);
        assert!(private.insert(havip), "{havip:?} has two EIPs");
    }
}

/// Whoever named what another project has came to nothing: of all projects together, too, nothing is taken twice.
fn check_owners(region: &Region) {
    let (mut eips, mut havips) = (BTreeSet::new(), BTreeSet::new());
    for binding in region.states.binding.iter() {
        let Some(facts) = binding.facts() else { continue };
        if !is_left(region, binding) {
            assert!(eips.insert(facts.eip.id), "{:?} fronts HAVIPs of two projects", facts.eip);
        }
        assert!(havips.insert(facts.havip.id), "{:?} has EIPs of two projects", facts.havip);
    }
}

/// A terminal binding has no hold, one in use has, and what is held exists.
fn check_holds(region: &Region) {
    let (resource, bindings) = (&region.states.resource, &region.states.binding);
    let (mut eips, mut havips) = (BTreeSet::new(), BTreeSet::new());
    for (id, held) in resource.holds() {
        assert!(havips.insert(held.havip), "{held:?} is held twice");
        if !bindings.get(id).is_some_and(|binding| is_left(region, binding)) {
            assert!(eips.insert(held.eip), "{held:?} is held twice");
        }
        assert!(resource.eips().get(held.eip).is_some() && resource.havips().get(held.havip).is_some());
        let binding = bindings.get(id).unwrap_or_else(|| panic!("{id:?} is gone and holds {held:?}"));
        assert!(!matches!(binding.phase, Phase::Failed { .. }), "{id:?} has failed and holds {held:?}");
        assert_eq!((binding.request.eip, binding.request.havip), (held.eip, held.havip));
    }
    for binding in bindings.iter().filter(|binding| matches!(binding.phase, Phase::InUse(_))) {
        assert!(resource.hold(binding.request.binding).is_some(), "{binding:?} is in use and holds nothing");
    }
}

/// No address has two owners; every holder may hold what it holds.
fn check_addresses(region: &Region) {
    let states = &region.states;
    for vnic in states.resource.vnics().iter() {
        let owner = states.resource.address_owner(vnic.facts.vpc, vnic.facts.vnic.address);
        assert_eq!(owner, Some(AddressOwner::Vnic(vnic.facts.vnic.id)));
    }
    for havip in states.resource.havips().iter() {
        let facts = &havip.facts.havip;
        let owner = states.resource.address_owner(facts.vpc, facts.address);
        assert_eq!(owner, Some(AddressOwner::Havip(facts.id)));
        let seen = states.holder.at(facts.vpc, facts.address).expect("health knows every HAVIP");
        assert_eq!(&seen.facts, facts);
        if let Some(holding) = &seen.holding {
            let placed = states.resource.vnics().get(holding.vnic.id).map(|vnic| vnic.facts.subnet);
            let open = havip.facts.rules.whole_subnet && placed == Some(facts.subnet);
            assert!(open || havip.facts.members.contains(&holding.vnic), "{:?} may not", holding.vnic);
        }
    }
    let mut addresses = BTreeSet::new();
    for eip in states.resource.eips().iter() {
        assert!(addresses.insert(eip.facts.eip.address), "{} is allocated twice", eip.facts.eip.address);
        let found = states.resource.eip_at(eip.facts.eip.address).map(|found| found.facts.eip.id);
        assert_eq!(found, Some(eip.facts.eip.id));
    }
}

/// Every gateway has the holders that health has, whatever order their events came in.
fn check_gateways(region: &Region) {
    let mut desired = Desired::default();
    region.log.iter().for_each(|commit| nat::fold(&mut desired, commit));
    let all = desired.vpcs.iter().flat_map(|(vpc, of)| of.holders.iter().map(move |held| (*vpc, held)));
    for (vpc, (address, mac)) in all {
        let havip = region.states.holder.at(vpc, *address).expect("health knows every HAVIP");
        assert_eq!(havip.holding.as_ref().map(|holding| holding.vnic.mac), *mac, "{address}");
    }
}

fn stored_and_read<S: serde::Serialize + serde::de::DeserializeOwned>(state: &S) -> S {
    postcard::from_bytes(&postcard::to_allocvec(state).unwrap()).unwrap()
}

fn check_replay(region: &Region) {
    assert_eq!(region.replayed(), region.states, "the log folded anew differs");
    let read = States {
        resource: stored_and_read(&region.states.resource),
        binding: stored_and_read(&region.states.binding),
        holder: stored_and_read(&region.states.holder),
    };
    assert_eq!(read, region.states, "what was stored reads differently");
}

fn begun() -> Region {
    let mut region = Region::default();
    for command in world::commands_with(HolderRules::default()) {
        region.ask(&Ask::Resource(command)).unwrap();
    }
    region
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_whatever_is_asked_and_wherever_the_process_manager_is_killed(
        actions in proptest::collection::vec(orderly(), 1..100)
    ) {
        let mut region = begun();
        for action in &actions {
            take(&mut region, action);
            check_bindings(&region);
            check_owners(&region);
            check_holds(&region);
            check_packets(&region);
        }
        check_addresses(&region);
        check_gateways(&region);
        region.advance_all();
        prop_assert_eq!(region.states.binding.unfinished().count(), 0);
        check_holds(&region);
        check_fronting(&region);
        region.check_log();
        check_replay(&region);
    }

    #[test]
    fn the_cores_keep_their_own_rules_also_when_messages_make_no_sense(
        actions in proptest::collection::vec(wild(), 1..100)
    ) {
        let mut region = begun();
        for action in &actions {
            take(&mut region, action);
            check_bindings(&region);
        }
        check_addresses(&region);
        check_gateways(&region);
        region.check_log();
        check_replay(&region);
    }
}

/// The sequences above would prove nothing if they never bound anything.
#[test]
fn the_sequences_reach_every_phase_and_the_refusals_that_matter() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        let actions = proptest::collection::vec(orderly(), 100).new_tree(&mut runner).unwrap().current();
        let mut region = begun();
        for action in &actions {
            if let Action::Ask(asking) = action
                && let Err(rejection) = region.decide(&asked(&region, asking))
            {
                seen.insert(rejection.reason);
            }
            take(&mut region, action);
        }
        seen.extend(region.log.iter().flat_map(|commit| &commit.events).map(|event| match event {
            Event::Bound(_) => "Bound",
            Event::BindFailed(_) => "BindFailed",
            Event::Unbound(_) => "Unbound",
            Event::HolderChanged(_) => "HolderChanged",
            Event::ClaimRejected(_) => "ClaimRejected",
            Event::HolderContested(_) => "HolderContested",
            Event::HavipDeleted(_) => "HavipDeleted",
            Event::HavipUpdated(_) => "HavipUpdated",
            Event::HolderWithdrawn(_) => "HolderWithdrawn",
            Event::EipReleased(_) => "EipReleased",
            _ => "other",
        }));
    }
    for expected in [
        "Bound",
        "BindFailed",
        "Unbound",
        "HolderChanged",
        "ClaimRejected",
        "HolderContested",
        "HavipDeleted",
        "HavipUpdated",
        "HolderWithdrawn",
        "EipReleased",
        "OTHER_REGION",
        "OTHER_PROJECT",
        "EIP_TAKEN",
        "HAVIP_TAKEN",
        "EIP_IN_TRANSITION",
        "HAVIP_IN_TRANSITION",
        "EIP_HELD",
        "HAVIP_HELD",
    ] {
        assert!(seen.contains(expected), "{expected} never happened: {seen:?}");
    }
}
