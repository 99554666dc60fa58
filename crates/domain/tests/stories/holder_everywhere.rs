//! Two gateways decide on what they see, health on what they hand in, in whatever order and as often as it comes: in the
//! end all have the same holder, and no older event moves traffic back to one that was overtaken.

use std::collections::VecDeque;

use imbl::OrdMap;
use mooring_domain::{
    Event, Position, Stream, Timestamp,
    address::Mac,
    event::{ClaimFacts, HolderChanged},
    holder::{Command, Decision, HolderCore, Latest, Provisional, Recorded, Sighting},
    nat::VpcDesired,
    resource::ResourceCore,
};
use proptest::prelude::*;

use super::{fixture::*, world};

const HAVIP: &str = "10.0.1.50";

struct Gateway {
    name: &'static str,
    own: Provisional,
    desired: VpcDesired,
    observed: OrdMap<std::net::IpAddr, Timestamp>,
    /// Events folded.
    folded: usize,
    /// On the wire, not seen yet.
    wire: VecDeque<Sighting>,
    /// Seen, not handed in yet.
    waiting: VecDeque<(u64, Sighting)>,
    /// The last claim that health has answered, and how many events there were then.
    answered: (u64, usize),
    numbers: u64,
    last_seen: Option<Sighting>,
}

impl Gateway {
    fn new(name: &'static str) -> Self {
        let mut desired = VpcDesired::new("shop".parse().unwrap(), label("front"), Position(1));
        desired.holders.insert(ip(HAVIP), None);
        desired.members.insert(ip(HAVIP), [mac(1), mac(2)].into_iter().collect());
        let (own, observed, wire) = (Provisional::default(), OrdMap::new(), VecDeque::new());
        let (folded, waiting, answered, numbers) = (0, VecDeque::new(), (0, 0), 0);
        Self { name, own, desired, observed, folded, wire, waiting, answered, numbers, last_seen: None }
    }

    fn see(&mut self, now: Timestamp) {
        let Some(claim) = self.wire.pop_front() else { return };
        self.numbers += 1;
        let seen = Decision { claim, number: Some(self.numbers) };
        let recorded = Recorded { desired: &self.desired, observed: &self.observed };
        self.own.see(recorded, ip(HAVIP), seen, now);
        self.waiting.push_back((self.numbers, claim));
        self.last_seen = Some(claim);
    }

    fn fold(&mut self, events: &[HolderChanged]) {
        if let Some(change) = events.get(self.folded) {
            self.desired.holders.insert(ip(HAVIP), Some(change.holder.mac));
            self.observed.insert(ip(HAVIP), change.claim.observed_at);
            self.folded += 1;
        }
    }

    fn cover(&mut self) {
        let (number, events) = self.answered;
        if self.folded >= events {
            self.own.cover(number, Recorded { desired: &self.desired, observed: &self.observed });
        }
    }

    /// It forgets everything but what it reads again.
    fn crash(&mut self) {
        *self = Self { wire: std::mem::take(&mut self.wire), ..Self::new(self.name) };
    }

    fn holder(&self) -> Option<Mac> {
        let recorded = Recorded { desired: &self.desired, observed: &self.observed };
        self.own.over(recorded).holders[&ip(HAVIP)]
    }
}

struct World {
    health: Story<HolderCore>,
    latest: Latest,
    events: Vec<HolderChanged>,
    gateways: [Gateway; 2],
    /// What reached at least one gateway.
    announced: Vec<Sighting>,
}

impl World {
    fn new() -> Self {
        let mut resource = Story::<ResourceCore>::default();
        let mut health = Story::<HolderCore>::default();
        for command in world::commands() {
            health.hears(Stream::Resource, vec![resource.given(&command)]);
        }
        let gateways = ["g1", "g2"].map(Gateway::new);
        Self { health, latest: Latest::default(), events: Vec::new(), gateways, announced: Vec::new() }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Announce { member, reaches } => {
                self.health.later(1_000_000);
                let claim = Sighting { mac: mac(member), observed_at: self.health.now };
                if reaches.contains(&true) {
                    self.announced.push(claim);
                }
                let reached = self.gateways.iter_mut().zip(reaches).filter(|(_, reaches)| *reaches);
                reached.for_each(|(gateway, _)| gateway.wire.push_back(claim));
            }
            Step::See(gateway) => self.gateways[gateway].see(self.health.now),
            Step::HandIn { gateway, answer_lost } => self.hand_in(gateway, answer_lost),
            Step::Fold(gateway) => self.gateways[gateway].fold(&self.events),
            Step::Cover(gateway) => self.gateways[gateway].cover(),
            Step::CrashGateway(gateway) => self.gateways[gateway].crash(),
            Step::CrashHealth => self.latest = Latest::default(),
        }
    }

    fn hand_in(&mut self, gateway: usize, answer_lost: bool) {
        let gateway = &mut self.gateways[gateway];
        let Some((number, seen)) = gateway.waiting.front().copied() else { return };
        let name = gateway.name.parse().unwrap();
        let claim = ClaimFacts { gateway: name, number, mac: seen.mac, observed_at: seen.observed_at };
        let (vpc, address, now) = (id(1), ip(HAVIP), self.health.now);
        let latest = self.latest.consider(&self.health.state, vpc, address, &claim, now);
        let command = Command::Claim { vpc, address, claim, latest, now };
        for event in self.health.when(&command).unwrap() {
            let Event::HolderChanged(change) = event else { panic!("{event:?}") };
            self.events.push(change);
        }
        if !answer_lost {
            gateway.waiting.pop_front();
            gateway.answered = (number, self.events.len());
        }
    }

    /// Everything arrives.
    fn settle(&mut self) {
        for gateway in [0, 1] {
            while !self.gateways[gateway].wire.is_empty() {
                self.step(Step::See(gateway));
            }
            while !self.gateways[gateway].waiting.is_empty() {
                self.hand_in(gateway, false);
            }
        }
        for gateway in &mut self.gateways {
            while gateway.folded < self.events.len() {
                gateway.fold(&self.events);
            }
            gateway.cover();
            assert!(gateway.own.is_empty(), "{:?}", gateway.own);
        }
    }

    fn holder(&self) -> Option<Mac> {
        let held = self.health.state.at(id(1), ip(HAVIP)).unwrap().holding.as_ref();
        held.map(|holding| holding.vnic.mac)
    }

    /// A gateway has the last one it saw announcing, or one that has announced itself later.
    fn nobody_goes_back(&self) {
        for gateway in &self.gateways {
            let Some(last) = gateway.last_seen else { continue };
            let holder = gateway.holder();
            let later = |claim: &Sighting| Some(claim.mac) == holder && claim.observed_at >= last.observed_at;
            assert!(self.announced.iter().any(later), "{}: {holder:?} after {last:?}", gateway.name);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Announce { member: u8, reaches: [bool; 2] },
    See(usize),
    HandIn { gateway: usize, answer_lost: bool },
    Fold(usize),
    Cover(usize),
    CrashGateway(usize),
    CrashHealth,
}

fn ordinary() -> impl Strategy<Value = Step> {
    let gateway = 0..2usize;
    prop_oneof![
        2 => (1..=2u8, any::<[bool; 2]>()).prop_map(|(member, reaches)| Step::Announce { member, reaches }),
        3 => gateway.clone().prop_map(Step::See),
        3 => (gateway.clone(), any::<bool>())
            .prop_map(|(gateway, answer_lost)| Step::HandIn { gateway, answer_lost }),
        3 => gateway.clone().prop_map(Step::Fold),
        2 => gateway.prop_map(Step::Cover),
    ]
}

fn anything() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => ordinary(),
        1 => (0..2usize).prop_map(Step::CrashGateway),
        1 => Just(Step::CrashHealth),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whoever_was_seen_last_by_any_holds_it_and_no_older_event_moves_traffic_back(
        steps in prop::collection::vec(ordinary(), 0..80),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.nobody_goes_back();
        }
        world.settle();
        let last = world.announced.last().map(|claim| claim.mac);
        prop_assert_eq!(world.holder(), last);
        prop_assert_eq!(world.gateways.each_ref().map(Gateway::holder), [last; 2]);
    }

    #[test]
    fn whoever_crashed_all_have_the_same_holder_in_the_end(
        steps in prop::collection::vec(anything(), 0..80),
    ) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.step(step));
        world.settle();
        let holder = world.holder();
        prop_assert_eq!(world.gateways.each_ref().map(Gateway::holder), [holder; 2]);
    }
}
