//! What holds after every sequence of commands, of crashes between any two steps, and of messages that come late.

use std::collections::BTreeSet;

use mooring_domain::{
    Timestamp,
    binding::{self, Phase},
    event::ClaimFacts,
    holder,
    id::{BindingId, Id},
    name::{Name, Scope},
    resource::{self, AddressOwner, AllocateEip, CreateHavip, DeleteHavip, Hold, ReleaseEip, ReleaseHold},
};
use proptest::prelude::*;

use super::{binding_fixture::*, executor::*, fixture::*, world};

/// What happens next. Small numbers, so that commands meet each other's things.
#[derive(Clone, Debug)]
enum Action {
    Ask(Asking),
    /// The process manager takes so many steps for one of the unfinished bindings, then is killed.
    Advance {
        which: usize,
        steps: usize,
    },
    /// A hold for a binding of the past arrives once more.
    DelayedHold {
        which: usize,
    },
    Later {
        seconds: u64,
    },
    /// A message that no process manager sends at that time. Only where nothing is said about holds.
    Wild(Wild),
}

#[derive(Clone, Debug)]
enum Asking {
    AllocateEip { eip: u128, bank: bool, address: Option<u8> },
    ReleaseEip { eip: u128, bank: bool },
    CreateHavip { havip: u128, address: Option<u8>, members: Vec<u128> },
    DeleteHavip { havip: u128, bank: bool },
    CreateVnic { vnic: u128, subnet: u128, address: u8 },
    Bind { eip: u128, eip_bank: bool, eip_south: bool, havip: u128, bank: bool },
    Unbind { eip: u128, bank: bool },
    Claim { address: u8, mac: u8, ahead: i64 },
    Register { gateway: u8 },
    Decommission { gateway: u8 },
}

#[derive(Clone, Debug)]
enum Wild {
    Hold { which: usize, eip: u128, havip: u128 },
    Release { which: usize },
    Confirm { which: usize, eip: u128, havip: u128 },
    Fail { which: usize },
    Complete { which: usize },
}

fn seldom() -> impl Strategy<Value = bool> {
    proptest::bool::weighted(0.1)
}

fn asking() -> impl Strategy<Value = Asking> {
    let number = 1..5u128;
    let address = || proptest::option::of(0..10u8);
    prop_oneof![
        2 => (number.clone(), seldom(), address())
            .prop_map(|(eip, bank, address)| Asking::AllocateEip { eip, bank, address }),
        1 => (number.clone(), seldom()).prop_map(|(eip, bank)| Asking::ReleaseEip { eip, bank }),
        2 => (number.clone(), address(), proptest::collection::vec(1..6u128, 0..4))
            .prop_map(|(havip, address, members)| Asking::CreateHavip { havip, address, members }),
        1 => (number.clone(), seldom()).prop_map(|(havip, bank)| Asking::DeleteHavip { havip, bank }),
        1 => (1..6u128, 1..3u128, 0..10u8)
            .prop_map(|(vnic, subnet, address)| Asking::CreateVnic { vnic, subnet, address }),
        6 => (number.clone(), seldom(), seldom(), number.clone(), seldom()).prop_map(
            |(eip, eip_bank, eip_south, havip, bank)| Asking::Bind { eip, eip_bank, eip_south, havip, bank }
        ),
        4 => (number, seldom()).prop_map(|(eip, bank)| Asking::Unbind { eip, bank }),
        3 => (0..10u8, 0..8u8, -2_000_000_000..2_000_000_000i64)
            .prop_map(|(address, mac, ahead)| Asking::Claim { address, mac, ahead }),
        1 => (0..3u8).prop_map(|gateway| Asking::Register { gateway }),
        1 => (0..3u8).prop_map(|gateway| Asking::Decommission { gateway }),
    ]
}

fn orderly() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => asking().prop_map(Action::Ask),
        4 => (0..8usize, 1..4usize).prop_map(|(which, steps)| Action::Advance { which, steps }),
        1 => (0..64usize).prop_map(|which| Action::DelayedHold { which }),
        1 => (0..20_000u64).prop_map(|seconds| Action::Later { seconds }),
    ]
}

fn wild() -> impl Strategy<Value = Action> {
    let (which, number) = (0..64usize, 1..5u128);
    prop_oneof![
        6 => orderly(),
        1 => (which.clone(), number.clone(), number.clone())
            .prop_map(|(which, eip, havip)| Action::Wild(Wild::Hold { which, eip, havip })),
        1 => which.clone().prop_map(|which| Action::Wild(Wild::Release { which })),
        1 => (which.clone(), number.clone(), number)
            .prop_map(|(which, eip, havip)| Action::Wild(Wild::Confirm { which, eip, havip })),
        1 => which.clone().prop_map(|which| Action::Wild(Wild::Fail { which })),
        1 => which.prop_map(|which| Action::Wild(Wild::Complete { which })),
    ]
}

fn project(bank: bool) -> Scope {
    scope(if bank { "bank" } else { "shop" })
}

/// A UUIDv7 of the region's present, as a service makes them: how old a binding is decides whether it may still hold.
fn new_binding(region: &Region) -> BindingId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&(region.requests.len() as u64).to_be_bytes());
    let made = region.now.0 / 1_000_000;
    Id::new(uuid::Builder::from_unix_timestamp_millis(made, &random).into_uuid())
}

fn asked(region: &Region, asking: &Asking) -> Ask {
    let havip_address = |last: u8| ip(&format!("10.0.1.{}", u16::from(last) + 48));
    match asking.clone() {
        Asking::AllocateEip { eip, bank, address } => {
            let address = address.map(|last| ip(&format!("203.0.113.{last}")));
            let (id, scope) = (id(eip), project(bank));
            let allocate = AllocateEip { id, scope, display_name: None, address, pool: None };
            Ask::Resource(resource::Command::AllocateEip(allocate))
        }
        Asking::ReleaseEip { eip, bank } => {
            let release = ReleaseEip { scope: project(bank), id: id(eip) };
            Ask::Resource(resource::Command::ReleaseEip(release))
        }
        Asking::CreateHavip { havip, address, members } => {
            let create =
                CreateHavip { address: address.map(havip_address), ..world::havip(havip, None, &members) };
            Ask::Resource(resource::Command::CreateHavip(create))
        }
        Asking::DeleteHavip { havip, bank } => {
            let delete = DeleteHavip { scope: project(bank), id: id(havip) };
            Ask::Resource(resource::Command::DeleteHavip(delete))
        }
        Asking::CreateVnic { vnic, subnet, address } => {
            let create = world::vnic(vnic, subnet, &format!("10.0.{subnet}.{}", address + 10));
            Ask::Resource(resource::Command::CreateVnic(create))
        }
        Asking::Bind { eip, eip_bank, eip_south, havip, bank } => {
            let mut eip = Name { scope: project(bank != eip_bank), id: id(eip) };
            if eip_south {
                eip.scope.region = super::fixture::region("south");
            }
            let havip = Name { scope: project(bank), id: id(havip) };
            Ask::Binding(binding::Command::Bind { id: new_binding(region), eip, havip })
        }
        Asking::Unbind { eip, bank } => {
            Ask::Binding(binding::Command::Unbind { scope: project(bank), eip: id(eip) })
        }
        Asking::Claim { address, mac: last, ahead } => {
            let observed_at = Timestamp(region.now.0.saturating_add_signed(ahead));
            let claim = ClaimFacts { gateway: "g1".parse().unwrap(), number: 1, mac: mac(last), observed_at };
            let (vpc, address, now) = (id(1), havip_address(address), region.now);
            Ask::Holder(holder::Command::Claim { vpc, address, claim, now })
        }
        Asking::Register { gateway } => {
            let (region, gateway) = (super::fixture::region("north"), format!("g{gateway}").parse().unwrap());
            Ask::Binding(binding::Command::RegisterGateway { region, gateway })
        }
        Asking::Decommission { gateway } => {
            let (region, gateway) = (super::fixture::region("north"), format!("g{gateway}").parse().unwrap());
            Ask::Binding(binding::Command::DecommissionGateway { region, gateway })
        }
    }
}

fn wildly(region: &Region, wild: &Wild) -> Ask {
    let binding = |which: usize| {
        let known = region.requests.len();
        if known == 0 { new_binding(region) } else { region.requests[which % known].binding }
    };
    let north = super::fixture::region("north");
    match *wild {
        Wild::Hold { which, eip, havip } => Ask::Resource(resource::Command::Hold(Hold {
            binding: binding(which),
            eip: id(eip),
            havip: id(havip),
            region: north,
            now: region.now,
        })),
        Wild::Release { which } => {
            let release = ReleaseHold { binding: binding(which), region: north };
            Ask::Resource(resource::Command::ReleaseHold(release))
        }
        Wild::Confirm { which, eip, havip } => {
            let (binding, eip, havip) = (binding(which), eip_facts(eip), havip_facts(havip));
            Ask::Binding(binding::Command::Confirm { binding, eip, havip })
        }
        Wild::Fail { which } => {
            let (binding, reason, message) = (binding(which), "TEST".into(), "a test".into());
            Ask::Binding(binding::Command::Fail { binding, reason, message })
        }
        Wild::Complete { which } => Ask::Binding(binding::Command::Complete { binding: binding(which) }),
    }
}

/// Takes an action; what is refused changes nothing, by the types.
fn take(region: &mut Region, action: &Action) {
    match action {
        Action::Ask(asking) => drop(region.ask(&asked(region, asking))),
        Action::Wild(wild) => drop(region.ask(&wildly(region, wild))),
        Action::Advance { which, steps } => {
            let unfinished: Vec<_> =
                region.states.binding.unfinished().map(|binding| binding.request.binding).collect();
            if !unfinished.is_empty() {
                region.advance(unfinished[which % unfinished.len()], *steps);
            }
        }
        Action::DelayedHold { which } => {
            if !region.requests.is_empty() {
                let request = region.requests[which % region.requests.len()].clone();
                drop(region.hold(&request));
            }
        }
        Action::Later { seconds } => region.now = Timestamp(region.now.0 + seconds * SECOND),
    }
}

/// No EIP and no HAVIP twice among what binding has not finished, and one region for each.
fn check_bindings(region: &Region) {
    let (mut eips, mut havips) = (BTreeSet::new(), BTreeSet::new());
    for binding in region.states.binding.iter() {
        if matches!(binding.phase, Phase::Failed { .. }) {
            continue;
        }
        assert!(eips.insert(binding.request.eip), "{:?} fronts two HAVIPs", binding.request.eip);
        assert!(havips.insert(binding.request.havip), "{:?} has two EIPs", binding.request.havip);
        if let Some(facts) = binding.facts() {
            let request = &binding.request;
            assert_eq!((&facts.eip.region, &facts.havip.region), (&request.region, &request.region));
            assert_eq!((&facts.eip.project, &facts.havip.project), (&request.project, &request.project));
        }
    }
}

/// The same by what packets carry: no public address is in use twice, and no private one of a VPC.
fn check_packets(region: &Region) {
    let (mut public, mut private) = (BTreeSet::new(), BTreeSet::new());
    for facts in region.states.binding.iter().filter_map(|binding| binding.facts()) {
        assert!(public.insert(facts.eip.address), "{} fronts two HAVIPs", facts.eip.address);
        let havip = (facts.havip.vpc, facts.havip.address);
        assert!(private.insert(havip), "{havip:?} has two EIPs");
    }
}

/// A terminal binding has no hold, one in use has, and what is held exists.
fn check_holds(region: &Region) {
    let (resource, bindings) = (&region.states.resource, &region.states.binding);
    let (mut eips, mut havips) = (BTreeSet::new(), BTreeSet::new());
    for (id, held) in resource.holds() {
        assert!(eips.insert(held.eip) && havips.insert(held.havip), "{held:?} is held twice");
        assert!(resource.eips().get(held.eip).is_some() && resource.havips().get(held.havip).is_some());
        let binding = bindings.get(id).unwrap_or_else(|| panic!("{id:?} is gone and holds {held:?}"));
        assert!(!matches!(binding.phase, Phase::Failed { .. }), "{id:?} has failed and holds {held:?}");
        assert_eq!((binding.request.eip, binding.request.havip), (held.eip, held.havip));
    }
    for binding in bindings.iter().filter(|binding| matches!(binding.phase, Phase::InUse(_))) {
        assert!(resource.hold(binding.request.binding).is_some(), "{binding:?} is in use and holds nothing");
    }
}

/// No address has two owners; every holder is a member.
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
            assert!(havip.facts.members.contains(&holding.vnic), "{:?} is no member", holding.vnic);
        }
    }
    let mut addresses = BTreeSet::new();
    for eip in states.resource.eips().iter() {
        assert!(addresses.insert(eip.facts.address), "{} is allocated twice", eip.facts.address);
        let found = states.resource.eip_at(eip.facts.address).map(|found| found.facts.id);
        assert_eq!(found, Some(eip.facts.id));
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
    for command in world::commands() {
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
            check_holds(&region);
            check_packets(&region);
        }
        check_addresses(&region);
        region.advance_all();
        prop_assert_eq!(region.states.binding.unfinished().count(), 0);
        check_holds(&region);
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
            mooring_domain::Event::Bound(_) => "Bound",
            mooring_domain::Event::BindFailed(_) => "BindFailed",
            mooring_domain::Event::Unbound(_) => "Unbound",
            mooring_domain::Event::HolderChanged(_) => "HolderChanged",
            mooring_domain::Event::ClaimRejected(_) => "ClaimRejected",
            mooring_domain::Event::HavipDeleted(_) => "HavipDeleted",
            mooring_domain::Event::EipReleased(_) => "EipReleased",
            _ => "other",
        }));
    }
    for expected in [
        "Bound",
        "BindFailed",
        "Unbound",
        "HolderChanged",
        "ClaimRejected",
        "HavipDeleted",
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
