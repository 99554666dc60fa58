//! Properties of a fold and a driver together: whatever a kernel had, and wherever the log was cut between two rounds, in
//! the end it has what the log says, and nothing else. The fake fails on the way; the real kernel, in a namespace, does
//! not, and has fewer cases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong says so by panicking")]

#[allow(dead_code, reason = "the kernel's stories use more of it")]
#[path = "kernel/namespace.rs"]
mod namespace;

// The domain's stories speak of a log in the same short words.
#[allow(dead_code, reason = "the domain's stories use more of it")]
#[path = "../../domain/tests/nat/log.rs"]
mod log;

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use mooring_dataplane::{Driver, Fake, Kernel};
use mooring_domain::{
    Event,
    address::Mac,
    nat::{Actual, Desired, Op, diff, fold, wanted},
};
use proptest::{collection, prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use log::{bound, commit, havip, havip_created, havip_deleted, holder_changed, mac, pool, subnet, vpc};
use namespace::Namespace;

/// One of the pool's; the gateway's own address is none of them.
fn eip(number: u8) -> IpAddr {
    log::eip(64 + number)
}

/// What may happen next, by numbers: what, to which EIP, to which HAVIP, with which MAC.
type Number = (u8, u8, u8, u8);

/// The event of these numbers, where the services could have decided on it.
fn event((what, eip_number, havip_number, mac_number): Number, desired: &Desired) -> Option<Event> {
    let vpc = log::in_vpc(desired, 1);
    let (eip, havip) = (eip(eip_number), havip(50 + havip_number));
    let exists = vpc.holders.contains_key(&havip);
    let fronts =
        |address: &IpAddr| vpc.nat.iter().find(|(_, fronted)| *fronted == address).map(|(eip, _)| *eip);
    match what {
        0 | 1 => {
            let free = exists && !vpc.nat.contains_key(&eip) && fronts(&havip).is_none();
            free.then(|| bound(1, eip, havip))
        }
        2 => vpc.nat.get(&eip).map(|havip| log::unbind_requested(1, eip, *havip)),
        3 | 4 => exists.then(|| holder_changed(1, havip, mac_number)),
        5 | 6 => (!exists).then(|| havip_created(1, havip, &[1, 2, 3])),
        7 => (exists && fronts(&havip).is_none()).then(|| havip_deleted(1, havip)),
        8 => Some(subnet(1, &format!("10.0.{havip_number}.0/24"))),
        _ => Some(pool(u128::from(eip_number), &[&format!("198.18.{eip_number}.0/24")])),
    }
}

/// A log, cut in pieces: a round follows on each.
#[derive(Clone, Debug)]
struct Cut {
    numbers: Vec<Number>,
    cuts: BTreeSet<usize>,
}

impl Cut {
    /// The state at each cut, and at the end.
    fn states(&self) -> Vec<Desired> {
        let mut desired = log::folded(&[pool(100, &["203.0.113.64/27"]), vpc(1), subnet(1, "10.0.1.0/24")]);
        let mut states = Vec::new();
        for (index, number) in self.numbers.iter().enumerate() {
            if let Some(event) = event(*number, &desired) {
                fold(&mut desired, &commit(10 + index as u64, vec![event]));
            }
            if self.cuts.contains(&index) {
                states.push(desired.clone());
            }
        }
        states.push(desired);
        states
    }
}

fn pools(desired: &Desired) -> BTreeSet<IpNet> {
    desired.pools.values().flatten().copied().collect()
}

fn bring_about(driver: &mut dyn Driver, desired: &Desired) -> Result<(), mooring_dataplane::Fault> {
    let steps = diff(log::in_vpc(desired, 1), &pools(desired), &driver.read()?);
    driver.apply(&steps)
}

prop_compose! {
    fn any_cut(longest: usize)(
        numbers in collection::vec((0u8..10, 0u8..6, 0u8..6, 1u8..4), 0..longest),
        cuts in collection::btree_set(0..longest, 0..longest),
    ) -> Cut {
        Cut { numbers, cuts }
    }
}

fn any_blocks() -> impl Strategy<Value = BTreeSet<IpNet>> {
    // None touches another: a kernel does not tell apart blocks that do.
    let block = |n: u8| IpNet::new([10, 0, n * 2, 0].into(), 24).unwrap();
    collection::btree_set((0u8..4).prop_map(block), 0..4)
}

fn any_havip() -> impl Strategy<Value = IpAddr> {
    (50u8..56).prop_map(havip)
}

fn any_eip() -> impl Strategy<Value = IpAddr> {
    (0u8..6).prop_map(eip)
}

fn any_mac() -> impl Strategy<Value = Mac> {
    (1u8..4).prop_map(mac)
}

prop_compose! {
    /// Anything that a kernel can have, also what never comes from us.
    fn any_actual()(
        ruleset in any::<bool>(),
        (subnets, pools) in (any_blocks(), any_blocks()),
        eip_to_havip in collection::btree_map(any_eip(), any_havip(), 0..6),
        havip_to_eip in collection::btree_map(any_havip(), any_eip(), 0..6),
        (havips, unheld) in (collection::btree_set(any_havip(), 0..6), collection::btree_set(any_havip(), 0..6)),
        fence in collection::btree_set((any_havip(), any_mac()), 0..8),
        neighbours in collection::btree_map(any_havip(), any_mac(), 0..6),
        routes in collection::btree_set(any_eip(), 0..6),
    ) -> Actual {
        let tables = match ruleset {
            true => Actual {
                ruleset, subnets, pools, eip_to_havip, havip_to_eip, havips, unheld, fence, ..Actual::default()
            },
            // Without tables there is nothing in them.
            false => Actual::default(),
        };
        Actual { arp: true, neighbours, routes, ..tables }
    }
}

/// The steps from an empty kernel to this one.
fn steps_to(actual: &Actual) -> Vec<Op> {
    let mut steps: Vec<Op> = actual.ruleset.then_some(Op::MakeRuleset).into_iter().collect();
    steps.extend(actual.subnets.iter().map(|block| Op::AddSubnet(*block)));
    steps.extend(actual.pools.iter().map(|block| Op::AddPool(*block)));
    steps.extend(actual.eip_to_havip.iter().map(|(eip, havip)| Op::MapEip(*eip, *havip)));
    steps.extend(actual.havip_to_eip.iter().map(|(havip, eip)| Op::MapHavip(*havip, *eip)));
    steps.extend(actual.havips.iter().map(|havip| Op::AddHavip(*havip)));
    steps.extend(actual.unheld.iter().map(|havip| Op::AddUnheld(*havip)));
    steps.extend(actual.fence.iter().map(|(havip, mac)| Op::AllowHolder(*havip, *mac)));
    steps.extend(actual.neighbours.iter().map(|(address, mac)| Op::SetNeighbour(*address, *mac)));
    steps.extend(actual.routes.iter().map(|address| Op::AddRoute(*address)));
    steps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn from_any_state_in_any_split_with_any_failures_the_same_kernel(
        start in any_actual(),
        log in any_cut(24),
        failures in collection::vec(proptest::option::of(0usize..12), 24),
    ) {
        let mut fake = Fake::new(true);
        fake.apply(&steps_to(&start)).unwrap();
        prop_assert_eq!(fake.read().unwrap(), start);
        let states = log.states();
        for (state, stops_at) in states.iter().zip(&failures) {
            // The round that fails is not tried again here: the next one has to make up for it.
            fake.with(|memory| memory.stops_at = stops_at.map(|step| (step, 105)));
            let _ = bring_about(&mut fake, state);
        }
        fake.with(|memory| memory.stops_at = None);
        let last = states.last().unwrap();
        bring_about(&mut fake, last).unwrap();
        prop_assert_eq!(&fake.read().unwrap(), &wanted(log::in_vpc(last, 1), &pools(last), true));
        // And there is nothing to be done any more.
        prop_assert_eq!(diff(log::in_vpc(last, 1), &pools(last), &fake.read().unwrap()), []);
    }
}

/// In one namespace, one after the other: each begins with what it makes of what the one before left.
#[test]
fn the_real_kernel_gets_there_from_any_state_in_any_split() {
    const CASES: usize = 60;
    let namespace = Namespace::new();
    let mut kernel = Kernel::open(&namespace.place()).unwrap();
    let mut runner = TestRunner::deterministic();
    for case in 0..CASES {
        let (start, log) = (any_actual(), any_cut(12)).new_tree(&mut runner).unwrap().current();
        let left = kernel.read().unwrap();
        let outside = left.neighbours.keys().map(|address| Op::RemoveNeighbour(*address));
        let outside: Vec<_> =
            outside.chain(left.routes.iter().map(|address| Op::RemoveRoute(*address))).collect();
        kernel.apply(&outside).unwrap();
        kernel.apply(&steps_to(&Actual { ruleset: true, ..start.clone() })).unwrap();
        if !start.ruleset {
            namespace.nft("delete table ip mooring");
        }
        assert_eq!(kernel.read().unwrap(), start, "case {case}: what it begins with");
        let states = log.states();
        for state in &states {
            bring_about(&mut kernel, state).unwrap();
        }
        let last = states.last().unwrap();
        let wanted = wanted(log::in_vpc(last, 1), &pools(last), true);
        assert_eq!(kernel.read().unwrap(), wanted, "case {case}: {log:?} from {start:?}");
    }
}
