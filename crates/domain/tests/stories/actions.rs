//! What may happen to a region: what callers ask, what a process manager does until it is killed, what comes late.

use mooring_domain::{
    Expected, Timestamp, binding,
    event::{ClaimFacts, EipDetails, HolderRules},
    holder,
    id::{BindingId, Id},
    name::{Name, Scope},
    resource::{
        self, AllocateEip, CreateHavip, Delete, DeleteHavip, HavipChange, Hold, ReleaseEip, ReleaseHold,
        UpdateHavip,
    },
};
use proptest::prelude::*;

use super::{binding_fixture::*, executor::*, fixture::*, world};

/// What happens next. Small numbers, so that commands meet each other's things.
#[derive(Clone, Debug)]
pub enum Action {
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
pub enum Asking {
    AllocateEip { eip: u128, bank: bool, address: Option<u8> },
    ReleaseEip { eip: u128, bank: bool },
    CreateHavip { havip: u128, address: Option<u8>, members: Vec<u128> },
    UpdateHavip { havip: u128, members: Option<Vec<u128>>, open: Option<bool> },
    DeleteHavip { havip: u128, bank: bool },
    Exclude { havip: u128 },
    CreateVnic { vnic: u128, subnet: u128, address: u8 },
    DeleteVnic { vnic: u128 },
    Bind { eip: u128, eip_bank: bool, eip_south: bool, havip: u128, bank: bool },
    Move { eip: u128, havip: u128, bank: bool },
    Unbind { eip: u128, bank: bool },
    Claim { address: u8, mac: u8, ahead: i64 },
    Register { gateway: u8 },
    Decommission { gateway: u8 },
}

#[derive(Clone, Debug)]
pub enum Wild {
    Hold { which: usize, eip: u128, havip: u128, from: usize },
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
        4 => change(),
        1 => (number.clone(), seldom()).prop_map(|(havip, bank)| Asking::DeleteHavip { havip, bank }),
        1 => (1..6u128, 1..3u128, 0..10u8)
            .prop_map(|(vnic, subnet, address)| Asking::CreateVnic { vnic, subnet, address }),
        6 => (number.clone(), seldom(), seldom(), number.clone(), seldom()).prop_map(
            |(eip, eip_bank, eip_south, havip, bank)| Asking::Bind { eip, eip_bank, eip_south, havip, bank }
        ),
        4 => (number.clone(), number.clone(), seldom())
            .prop_map(|(eip, havip, bank)| Asking::Move { eip, havip, bank }),
        4 => (number, seldom()).prop_map(|(eip, bank)| Asking::Unbind { eip, bank }),
        5 => (1..4u8, 1..6u8, -2_000_000_000..2_000_000_000i64)
            .prop_map(|(address, mac, ahead)| Asking::Claim { address, mac, ahead }),
        1 => (0..3u8).prop_map(|gateway| Asking::Register { gateway }),
        1 => (0..3u8).prop_map(|gateway| Asking::Decommission { gateway }),
    ]
}

fn change() -> impl Strategy<Value = Asking> {
    let members = proptest::option::of(proptest::collection::vec(1..6u128, 0..4));
    let open = proptest::option::weighted(0.2, proptest::bool::ANY);
    prop_oneof![
        3 => (1..5u128, members, open)
            .prop_map(|(havip, members, open)| Asking::UpdateHavip { havip, members, open }),
        2 => (1..5u128).prop_map(|havip| Asking::Exclude { havip }),
        1 => (1..6u128).prop_map(|vnic| Asking::DeleteVnic { vnic }),
    ]
}

pub fn orderly() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => asking().prop_map(Action::Ask),
        4 => (0..8usize, 1..4usize).prop_map(|(which, steps)| Action::Advance { which, steps }),
        1 => (0..64usize).prop_map(|which| Action::DelayedHold { which }),
        1 => (0..20_000u64).prop_map(|seconds| Action::Later { seconds }),
    ]
}

pub fn wild() -> impl Strategy<Value = Action> {
    let (which, number) = (0..64usize, 1..5u128);
    prop_oneof![
        6 => orderly(),
        1 => (which.clone(), number.clone(), number.clone(), which.clone())
            .prop_map(|(which, eip, havip, from)| Action::Wild(Wild::Hold { which, eip, havip, from })),
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

pub fn asked(region: &Region, asking: &Asking) -> Ask {
    let expected = Expected::default();
    let havip_address = |last: u8| ip(&format!("10.0.1.{}", u16::from(last) + 48));
    match asking.clone() {
        Asking::AllocateEip { eip, bank, address } => {
            let address = address.map(|last| ip(&format!("203.0.113.{last}")));
            let (id, scope) = (id(eip), project(bank));
            let details = EipDetails::default();
            let allocate =
                AllocateEip { id, scope, display_name: None, address, pool: None, details, now: region.now };
            Ask::Resource(resource::Command::AllocateEip(allocate))
        }
        Asking::ReleaseEip { eip, bank } => {
            let release = ReleaseEip { scope: project(bank), id: id(eip), expected, now: region.now };
            Ask::Resource(resource::Command::ReleaseEip(release))
        }
        Asking::CreateHavip { havip, address, members } => {
            let rules = HolderRules { whole_subnet: havip == 3, ..HolderRules::default() };
            let address = address.map(havip_address);
            let create = CreateHavip { address, rules, ..world::havip(havip, None, &members) };
            Ask::Resource(resource::Command::CreateHavip(create))
        }
        change @ (Asking::UpdateHavip { .. }
        | Asking::DeleteHavip { .. }
        | Asking::DeleteVnic { .. }
        | Asking::Exclude { .. }) => changed(region, change),
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
        Asking::Move { eip, havip, bank } => Ask::Binding(moving(region, eip, havip, project(bank))),
        Asking::Unbind { eip, bank } => {
            Ask::Binding(binding::Command::Unbind { scope: project(bank), eip: id(eip), expected })
        }
        Asking::Claim { address, mac: last, ahead } => {
            let observed_at = Timestamp(region.now.0.saturating_add_signed(ahead));
            let claim = ClaimFacts { gateway: "g1".parse().unwrap(), number: 1, mac: mac(last), observed_at };
            let (vpc, address, now) = (id(1), havip_address(address), region.now);
            Ask::Holder(holder::Command::Claim { vpc, address, claim, heard: holder::Heard::default(), now })
        }
        Asking::Register { gateway } => {
            let (region, gateway) = (super::fixture::region("north"), format!("g{gateway}").parse().unwrap());
            Ask::Binding(binding::Command::RegisterGateway {
                region,
                gateway,
                equal_to: mooring_domain::Position(u64::MAX),
            })
        }
        Asking::Decommission { gateway } => {
            let (region, gateway) = (super::fixture::region("north"), format!("g{gateway}").parse().unwrap());
            Ask::Binding(binding::Command::DecommissionGateway { region, gateway, expected })
        }
    }
}

fn moving(region: &Region, eip: u128, havip: u128, scope: Scope) -> binding::Command {
    binding::Command::Move {
        id: new_binding(region),
        eip: Name { scope: scope.clone(), id: id(eip) },
        havip: Name { scope, id: id(havip) },
        expected: Expected::default(),
    }
}

fn changed(region: &Region, change: Asking) -> Ask {
    let expected = Expected::default();
    match change {
        Asking::UpdateHavip { havip, members, open } => {
            let members = members.map(|members| members.into_iter().map(id).collect());
            let change = HavipChange { members, whole_subnet: open, ..HavipChange::default() };
            let update = UpdateHavip { scope: project(false), id: id(havip), expected, change };
            Ask::Resource(resource::Command::UpdateHavip(update))
        }
        Asking::DeleteVnic { vnic } => Ask::Resource(resource::Command::DeleteVnic(Delete {
            scope: project(false),
            id: id(vnic),
            expected,
        })),
        Asking::Exclude { havip } => {
            let havip = region.states.holder.excluded().next().unwrap_or(id(havip));
            Ask::Holder(holder::Command::Exclude { havip })
        }
        Asking::DeleteHavip { havip, bank } => {
            let delete = DeleteHavip { scope: project(bank), id: id(havip), expected };
            Ask::Resource(resource::Command::DeleteHavip(delete))
        }
        other => panic!("{other:?} changes nothing of what there is"),
    }
}

fn wildly(region: &Region, wild: &Wild) -> Ask {
    let binding = |which: usize| {
        let known = region.requests.len();
        if known == 0 { new_binding(region) } else { region.requests[which % known].binding }
    };
    let north = super::fixture::region("north");
    match *wild {
        Wild::Hold { which, eip, havip, from } => Ask::Resource(resource::Command::Hold(Hold {
            binding: binding(which),
            eip: id(eip),
            havip: id(havip),
            project: None,
            moved_from: Some(binding(from)).filter(|from| *from != binding(which)),
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
pub fn take(region: &mut Region, action: &Action) {
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
