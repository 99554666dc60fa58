//! The address of a released EIP cools: for a while only the project that had it gets it again.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use mooring_domain::{
    Event, Expected, Rejection, Timestamp,
    rejection::Class,
    resource::{AllocateEip, Command, CreatePool, MAX_COOLING, ReleaseEip, ResourceCore},
};
use proptest::prelude::*;

use super::{fixture::*, world};

const COOLING: Duration = Duration::from_hours(1);
const WHOLE: u64 = 4;

/// A pool of four addresses.
fn pool(cooling: Duration) -> Command {
    Command::CreatePool(CreatePool {
        id: id(1),
        region: region("north"),
        display_name: label("public"),
        cidrs: vec![net("203.0.113.0/30")],
        cooling,
    })
}

fn given() -> Story<ResourceCore> {
    let mut story = Story::default();
    story.given(&pool(COOLING));
    story
}

fn allocate(
    story: &mut Story<ResourceCore>,
    project: &str,
    number: u128,
    address: Option<&str>,
) -> Result<IpAddr, Rejection> {
    let (scope, now, address) = (scope(project), story.now, address.map(ip));
    let command = AllocateEip { scope, now, address, ..world::eip(number) };
    match &story.when(&Command::AllocateEip(command))?[..] {
        [Event::EipAllocated(described)] => Ok(described.eip.address),
        other => panic!("{other:?}"),
    }
}

fn release(story: &mut Story<ResourceCore>, project: &str, number: u128) -> Option<Timestamp> {
    let command =
        ReleaseEip { scope: scope(project), id: id(number), expected: Expected::default(), now: story.now };
    match story.given(&Command::ReleaseEip(command)) {
        Event::EipReleased(released) => released.cooling_until,
        other => panic!("{other:?}"),
    }
}

/// Allocated and cooling.
fn counts(story: &Story<ResourceCore>) -> (u64, u64) {
    (story.state.allocated(id(1)), story.state.cooling().count(id(1), story.now))
}

#[test]
fn a_released_address_is_kept_from_others_and_skipped_until_it_has_cooled() {
    let mut story = given();
    assert_eq!(allocate(&mut story, "shop", 1, None), Ok(ip("203.0.113.0")));
    let until = release(&mut story, "shop", 1).unwrap();
    assert_eq!(until, story.now.plus(COOLING));
    assert_eq!(counts(&story), (0, 1));
    let refusal = allocate(&mut story, "bank", 2, Some("203.0.113.0")).unwrap_err();
    assert_eq!(
        (refusal.class, refusal.reason, refusal.field),
        (Class::Precondition, "ADDRESS_COOLING", "eip.address")
    );
    assert_eq!(refusal.in_the_way, None, "not whose it was");
    assert_eq!(refusal.details, [("cooling_ends_at", until.0.to_string())]);
    assert_eq!(allocate(&mut story, "bank", 2, None), Ok(ip("203.0.113.1")));
    // Its own project gets it before any other.
    assert_eq!(allocate(&mut story, "shop", 3, None), Ok(ip("203.0.113.0")));
    let until = release(&mut story, "shop", 3).unwrap();

    story.now = Timestamp(until.0 - 1);
    allocate(&mut story, "bank", 4, Some("203.0.113.0")).unwrap_err();
    story.now = until;
    assert_eq!(counts(&story), (1, 0), "nothing has been stored since");
    assert_eq!(allocate(&mut story, "bank", 4, None), Ok(ip("203.0.113.0")));
    assert_eq!(counts(&story), (2, 0));
}

#[test]
fn its_former_project_gets_it_by_asking_for_it_and_that_ends_the_cooling() {
    let mut story = given();
    allocate(&mut story, "shop", 1, None).unwrap();
    release(&mut story, "shop", 1);
    let address = Some("203.0.113.0");
    allocate(&mut story, "shop", 2, address).unwrap();
    assert_eq!(counts(&story), (1, 0));
    let taken = allocate(&mut story, "bank", 3, address).unwrap_err();
    assert_eq!(taken.reason, "ADDRESS_TAKEN");
    // The old end of the cooling is nobody's any more.
    story.later(3600 * SECOND);
    allocate(&mut story, "bank", 3, None).unwrap();
    assert_eq!(
        (counts(&story), story.state.eip_at(ip("203.0.113.0")).unwrap().facts.eip.id),
        ((2, 0), id(2))
    );
}

#[test]
fn a_pool_is_exhausted_while_its_last_addresses_cool() {
    let mut story = given();
    for number in 1..=4 {
        allocate(&mut story, "shop", number, None).unwrap();
    }
    release(&mut story, "shop", 3);
    let refusal = allocate(&mut story, "bank", 9, None).unwrap_err();
    assert_eq!((refusal.class, refusal.reason), (Class::Exhausted, "POOL_EXHAUSTED"));
    story.later(3600 * SECOND);
    assert_eq!(allocate(&mut story, "bank", 9, None), Ok(ip("203.0.113.2")));
}

#[test]
fn whoever_asks_hears_of_it_while_it_cools() {
    let mut story = given();
    allocate(&mut story, "shop", 1, None).unwrap();
    let described = story.state.eips().get(id(1)).unwrap().facts.clone();
    let until = release(&mut story, "shop", 1).unwrap();
    let cooling = story.state.cooling().at(ip("203.0.113.0"), story.now).unwrap();
    assert_eq!((&cooling.facts.described, cooling.facts.until, cooling.at), (&described, until, story.at));
    assert!(story.state.cooling().at(ip("203.0.113.0"), until).is_none());
    assert!(story.state.eips().get(id(1)).is_none(), "what is decided about EIPs is not decided about it");
    story.now = until;
    allocate(&mut story, "bank", 2, Some("203.0.113.3")).unwrap();
    assert!(story.state.cooling().eips().get(id(1)).is_none(), "forgotten with the next commit");
}

#[test]
fn a_pool_may_have_no_cooling_but_none_of_more_than_a_year() {
    let mut story = Story::<ResourceCore>::default();
    let result = story.when(&pool(MAX_COOLING + Duration::from_nanos(1)));
    invalid(result, "pool.cooling_ms", "at most");
    story.given(&pool(Duration::ZERO));
    allocate(&mut story, "shop", 1, None).unwrap();
    assert_eq!(release(&mut story, "shop", 1), None);
    assert_eq!(allocate(&mut story, "bank", 2, None), Ok(ip("203.0.113.0")));
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { bank: bool, address: Option<u8> },
    Release { which: usize },
    Later { minutes: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), proptest::option::of(0..4u8)).prop_map(|(bank, address)| Step::Allocate { bank, address }),
        3 => (0..4usize).prop_map(|which| Step::Release { which }),
        2 => (1..50u64).prop_map(|minutes| Step::Later { minutes }),
    ]
}

proptest! {
    /// Against a map: who has each address, or had it, and until when it is kept for them.
    #[test]
    fn nobody_gets_an_address_that_is_anothers_or_was_until_it_has_cooled(steps in prop::collection::vec(step(), 1..60)) {
        let mut story = given();
        let mut had: BTreeMap<IpAddr, (&str, Timestamp)> = BTreeMap::new();
        let mut have: Vec<(u128, &str, IpAddr)> = Vec::new();
        for (number, step) in (10..).zip(steps) {
            let now = story.now;
            match step {
                Step::Later { minutes } => story.later(minutes * 60 * SECOND),
                Step::Release { which } => {
                    if have.is_empty() {
                        continue;
                    }
                    let (number, project, address) = have.swap_remove(which % have.len());
                    let until = release(&mut story, project, number).unwrap();
                    had.insert(address, (project, until));
                }
                Step::Allocate { bank, address } => {
                    let project = if bank { "bank" } else { "shop" };
                    let kept = |address: &IpAddr, by_chance: bool| {
                        had.get(address).is_some_and(|(whose, until)| *until > now && (by_chance || *whose != project))
                    };
                    let asked = address.map(|last| format!("203.0.113.{last}"));
                    let free: Vec<IpAddr> = (0..4)
                        .map(|last| ip(&format!("203.0.113.{last}")))
                        .filter(|address| have.iter().all(|(_, _, other)| other != address))
                        .collect();
                    let expected = match &asked {
                        Some(asked) => Some(ip(asked)).filter(|it| free.contains(it) && !kept(it, false)),
                        None => {
                            let own = |it: &&IpAddr| kept(it, true) && !kept(it, false);
                            free.iter().find(own).or_else(|| free.iter().find(|it| !kept(it, true))).copied()
                        }
                    };
                    let found = allocate(&mut story, project, number, asked.as_deref());
                    prop_assert_eq!(found.as_ref().ok(), expected.as_ref(), "{:?}", found);
                    if let Some(address) = expected {
                        had.remove(&address);
                        have.push((number, project, address));
                    }
                }
            }
            let cooling = had.values().filter(|(_, until)| *until > story.now).count() as u64;
            prop_assert_eq!(counts(&story), (have.len() as u64, cooling));
            prop_assert!(have.len() as u64 + cooling <= WHOLE);
        }
    }
}
