//! Two gateways decide on what they see, health on what they hand in, in whatever order and as often as it comes: in the
//! end all have the same holder, and no older event moves traffic back to one that was overtaken. With damping the last one
//! that announced itself holds it once it is asked.

use std::collections::VecDeque;

use imbl::OrdMap;
use mooring_domain::{
    Event, Position, Stream, Timestamp,
    address::Mac,
    event::{ClaimFacts, Damping, HolderChanged, HolderRules},
    holder::{Command, Decision, HolderCore, Latest, Provisional, Recorded, Said, Sighting, Standing},
    nat::VpcDesired,
    resource::ResourceCore,
};
use proptest::prelude::*;

use super::{fixture::*, world};

const HAVIP: &str = "10.0.1.50";
const MILLISECOND: u64 = 1_000_000;
/// By how much the second gateway's clock is ahead.
const SKEW: u64 = 3 * MILLISECOND;

struct Gateway {
    name: &'static str,
    own: Provisional,
    desired: VpcDesired,
    observed: OrdMap<std::net::IpAddr, Standing>,
    /// Events folded.
    folded: usize,
    /// On the wire, not seen yet.
    wire: VecDeque<(Sighting, Said)>,
    /// Seen, not handed in yet.
    waiting: VecDeque<(u64, Sighting)>,
    /// The last claim that health has answered, and how many events there were then.
    answered: (u64, usize),
    numbers: u64,
    last_seen: Option<Sighting>,
}

impl Gateway {
    fn new(name: &'static str, damping: Damping) -> Self {
        let mut desired = VpcDesired::new("shop".parse().unwrap(), label("front"), Position(1));
        desired.holders.insert(ip(HAVIP), None);
        desired.members.insert(ip(HAVIP), [mac(1), mac(2)].into_iter().collect());
        let observed = OrdMap::unit(ip(HAVIP), Standing { damping, ..Standing::default() });
        let (own, wire) = (Provisional::default(), VecDeque::new());
        let (folded, waiting, answered, numbers) = (0, VecDeque::new(), (0, 0), 0);
        Self { name, own, desired, observed, folded, wire, waiting, answered, numbers, last_seen: None }
    }

    fn see(&mut self, now: Timestamp) {
        let Some((claim, how)) = self.wire.pop_front() else { return };
        self.numbers += 1;
        let seen = Decision { claim, number: Some(self.numbers) };
        let recorded = Recorded { desired: &self.desired, observed: &self.observed };
        self.own.see(recorded, ip(HAVIP), (seen, how), now);
        self.waiting.push_back((self.numbers, claim));
        self.last_seen = Some(claim);
    }

    fn fold(&mut self, events: &[Event]) {
        let Some(event) = events.get(self.folded) else { return };
        if let Event::HolderChanged(change) = event {
            self.desired.holders.insert(ip(HAVIP), Some(change.holder.mac));
        }
        self.observed.get_mut(&ip(HAVIP)).unwrap().evolve(event);
        self.folded += 1;
    }

    /// Whether health's word is another, and the holder is asked for.
    fn cover(&mut self) -> bool {
        let (number, events) = self.answered;
        let recorded = Recorded { desired: &self.desired, observed: &self.observed };
        self.folded >= events && !self.own.cover(number, recorded).is_empty()
    }

    /// Whether somebody is asked whose claim was postponed.
    fn is_due(&mut self, now: Timestamp) -> bool {
        let recorded = Recorded { desired: &self.desired, observed: &self.observed };
        !self.own.due(recorded, now).is_empty()
    }

    /// It forgets everything but what it reads again.
    fn crash(&mut self, damping: Damping, events: &[Event]) {
        *self = Self { wire: std::mem::take(&mut self.wire), ..Self::new(self.name, damping) };
        if damping != Damping::OFF {
            events.iter().for_each(|_| self.fold(events));
            self.own.begin(Recorded { desired: &self.desired, observed: &self.observed });
        }
    }

    fn holder(&self) -> Option<Mac> {
        let recorded = Recorded { desired: &self.desired, observed: &self.observed };
        self.own.over(recorded).holders[&ip(HAVIP)]
    }
}

struct World {
    health: Story<HolderCore>,
    latest: Latest,
    damping: Damping,
    events: Vec<Event>,
    gateways: [Gateway; 2],
    /// What reached at least one gateway.
    announced: Vec<Sighting>,
}

impl World {
    fn new(damping: Damping) -> Self {
        let mut resource = Story::<ResourceCore>::default();
        let mut health = Story::<HolderCore>::default();
        for command in world::commands_with(HolderRules { damping, ..HolderRules::default() }) {
            health.hears(Stream::Resource, vec![resource.given(&command)]);
        }
        let gateways = ["g1", "g2"].map(|name| Gateway::new(name, damping));
        let (latest, events, announced) = (Latest::default(), Vec::new(), Vec::new());
        Self { health, latest, damping, events, gateways, announced }
    }

    /// Whoever announced itself last has the address, and answers, alone or with all.
    fn ask(&mut self, gateway: usize) {
        if let (true, Some(owner)) = (self.damping != Damping::OFF, self.announced.last()) {
            let answer = Sighting { mac: owner.mac, observed_at: self.seen_at(gateway) };
            self.gateways[gateway].wire.push_back((answer, Said::Answered));
        }
    }

    fn seen_at(&self, gateway: usize) -> Timestamp {
        let skew = if self.damping == Damping::OFF { 0 } else { SKEW * gateway as u64 };
        Timestamp(self.health.now.0 + skew)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Announce { member, after, reaches } => {
                let after = if self.damping == Damping::OFF { 1 } else { after };
                self.health.later(after * MILLISECOND);
                if reaches.contains(&true) {
                    self.announced.push(Sighting { mac: mac(member), observed_at: self.health.now });
                }
                for gateway in (0..2).filter(|gateway| reaches[*gateway]) {
                    let claim = Sighting { mac: mac(member), observed_at: self.seen_at(gateway) };
                    self.gateways[gateway].wire.push_back((claim, Said::Announced));
                }
            }
            Step::See(gateway) => self.gateways[gateway].see(self.health.now),
            Step::HandIn { gateway, answer_lost } => self.hand_in(gateway, answer_lost),
            Step::Fold(gateway) => self.gateways[gateway].fold(&self.events),
            Step::Cover(gateway) => {
                if self.gateways[gateway].cover() {
                    self.ask(gateway);
                }
            }
            Step::Tick(gateway) => {
                if self.gateways[gateway].is_due(self.health.now) {
                    self.ask(gateway);
                }
            }
            Step::CrashGateway(gateway) => {
                self.gateways[gateway].crash(self.damping, &self.events);
                self.ask(gateway);
            }
            Step::CrashHealth => self.latest = Latest::default(),
        }
    }

    fn hand_in(&mut self, gateway: usize, answer_lost: bool) {
        let gateway = &mut self.gateways[gateway];
        let Some((number, seen)) = gateway.waiting.front().copied() else { return };
        let name = gateway.name.parse().unwrap();
        let claim = ClaimFacts { gateway: name, number, mac: seen.mac, observed_at: seen.observed_at };
        let (vpc, address, now) = (id(1), ip(HAVIP), self.health.now);
        let commands = self.latest.commands(&self.health.state, [(vpc, address, claim)], now);
        self.events.extend(commands.iter().flat_map(|command| self.health.when(command).unwrap()));
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
        }
        for gateway in [0, 1] {
            self.step(Step::Cover(gateway));
            assert!(self.gateways[gateway].own.is_empty(), "{:?}", self.gateways[gateway].own);
        }
    }

    /// Everything arrives, and whoever was postponed is asked, until nobody has anything to say.
    fn settle_damped(&mut self) {
        for _ in 0..8 {
            self.settle();
            self.health.later(self.damping.cap.as_nanos() as u64 + 200 * MILLISECOND);
            (0..2).for_each(|gateway| self.step(Step::Tick(gateway)));
            if self.gateways.iter().all(|gateway| gateway.wire.is_empty()) {
                return;
            }
        }
        panic!("it goes on for ever: {:?}", self.events);
    }

    /// Health looks whether it has settled, after a time in which it must have.
    fn look(&mut self) {
        self.health.later(self.damping.cap.as_nanos() as u64 + 1200 * MILLISECOND);
        let heard = self.latest.heard(self.health.state.at(id(1), ip(HAVIP)).unwrap());
        let settle = Command::Settle { havip: id(1), heard, since: Timestamp(0), now: self.health.now };
        self.events.extend(self.health.when(&settle).unwrap());
        assert_eq!(self.health.state.contested().count(), 0);
        self.settle();
        for gateway in &self.gateways {
            assert_eq!(gateway.observed[&ip(HAVIP)].rival, None);
        }
    }

    /// Nobody gets it before the one before has kept it for as long as it may.
    fn nobody_is_too_early(&self) {
        let changes = |event: &Event| {
            if let Event::HolderChanged(change) = event { Some(change.clone()) } else { None }
        };
        let changes: Vec<HolderChanged> = self.events.iter().filter_map(changes).collect();
        for pair in changes.windows(2) {
            assert!(pair[0].backoff >= self.damping.step && pair[0].backoff <= self.damping.cap);
            assert!(pair[1].claim.observed_at >= pair[0].claim.observed_at.plus(pair[0].backoff), "{pair:?}");
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
    /// So many milliseconds after the one before.
    Announce {
        member: u8,
        after: u64,
        reaches: [bool; 2],
    },
    See(usize),
    HandIn {
        gateway: usize,
        answer_lost: bool,
    },
    Fold(usize),
    Cover(usize),
    /// A gateway looks whether somebody is to be asked.
    Tick(usize),
    CrashGateway(usize),
    CrashHealth,
}

fn ordinary() -> impl Strategy<Value = Step> {
    let gateway = 0..2usize;
    prop_oneof![
        2 => (1..=2u8, 10..1500u64, any::<[bool; 2]>())
            .prop_map(|(member, after, reaches)| Step::Announce { member, after, reaches }),
        3 => gateway.clone().prop_map(Step::See),
        3 => (gateway.clone(), any::<bool>())
            .prop_map(|(gateway, answer_lost)| Step::HandIn { gateway, answer_lost }),
        3 => gateway.clone().prop_map(Step::Fold),
        2 => gateway.clone().prop_map(Step::Cover),
        1 => gateway.prop_map(Step::Tick),
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
        let mut world = World::new(Damping::OFF);
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
        let mut world = World::new(Damping::OFF);
        steps.into_iter().for_each(|step| world.step(step));
        world.settle();
        let holder = world.holder();
        prop_assert_eq!(world.gateways.each_ref().map(Gateway::holder), [holder; 2]);
    }

    #[test]
    fn with_damping_nobody_is_too_early_and_whoever_announced_itself_last_holds_it_in_the_end_whoever_crashed(
        steps in prop::collection::vec(anything(), 0..80),
    ) {
        let mut world = World::new(Damping::default());
        steps.into_iter().for_each(|step| world.step(step));
        world.settle_damped();
        world.nobody_is_too_early();
        let last = world.announced.last().map(|claim| claim.mac);
        prop_assert_eq!(world.holder(), last);
        prop_assert_eq!(world.gateways.each_ref().map(Gateway::holder), [last; 2]);
        world.look();
        prop_assert_eq!(world.gateways.each_ref().map(Gateway::holder), [last; 2]);
    }
}
