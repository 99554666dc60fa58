//! What a zombie answers keeps nothing from whoever announced itself after it; and clocks that were set back hold up nobody.

use std::time::Duration;

use imbl::OrdMap;
use mooring_domain::{
    Position, Timestamp,
    address::Mac,
    event::Damping,
    holder::{Decision, Provisional, Recorded, Said, Sighting, Standing, Verdict},
    nat::VpcDesired,
};

use super::fixture::*;

const HAVIP: &str = "10.0.1.50";
const ZOMBIE: u8 = 1;
const MASTER: u8 = 2;

/// A gateway by itself: neither event nor answer comes.
struct Gateway {
    own: Provisional,
    desired: VpcDesired,
    observed: OrdMap<std::net::IpAddr, Standing>,
    now: Timestamp,
}

impl Gateway {
    /// The zombie-to-be has just got it.
    fn at(seconds: u64) -> Self {
        let mut desired = VpcDesired::new("shop".parse().unwrap(), label("front"), Position(1));
        desired.holders.insert(ip(HAVIP), None);
        desired.members.insert(ip(HAVIP), [mac(ZOMBIE), mac(MASTER)].into_iter().collect());
        let damping = Damping { step: Duration::from_secs(5), cap: Duration::from_secs(10) };
        let observed = OrdMap::unit(ip(HAVIP), Standing { damping, ..Standing::default() });
        let mut gateway =
            Self { own: Provisional::default(), desired, observed, now: Timestamp(seconds * SECOND) };
        assert_eq!(gateway.hears(ZOMBIE, Said::Announced), Verdict::Moves);
        gateway
    }

    fn later(&mut self, seconds: u64) {
        self.now = Timestamp(self.now.0 + seconds * SECOND);
    }

    fn hears(&mut self, member: u8, how: Said) -> Verdict {
        let claim = Sighting { mac: mac(member), observed_at: self.now };
        let recorded = Recorded { desired: &self.desired, observed: &self.observed };
        let seen = Decision { claim, number: Some(self.now.0) };
        self.own.see(recorded, ip(HAVIP), (seen, how), self.now)
    }

    /// Who is asked first now.
    fn asks(&mut self) -> Option<Mac> {
        let recorded = Recorded { desired: &self.desired, observed: &self.observed };
        self.own.due(recorded, self.now).first().and_then(|(_, first)| *first)
    }
}

#[test]
fn who_was_postponed_is_asked_though_the_zombie_answers_every_second_until_then() {
    let mut gateway = Gateway::at(1000);
    gateway.later(1);
    assert_eq!(gateway.hears(MASTER, Said::Announced), Verdict::Postponed);
    // The master's packets are fenced, and the gateway asks the holder each time.
    for _ in 0..4 {
        assert_eq!(gateway.hears(ZOMBIE, Said::Answered), Verdict::Holds);
        assert_eq!(gateway.asks(), None, "too early");
        gateway.later(1);
    }
    gateway.later(1);
    assert_eq!(gateway.asks(), Some(mac(MASTER)));
    assert_eq!(gateway.hears(MASTER, Said::Answered), Verdict::Moves);
}

#[test]
fn a_holder_that_announces_itself_was_the_last_one_and_nobody_is_asked() {
    let mut gateway = Gateway::at(1000);
    gateway.later(1);
    assert_eq!(gateway.hears(MASTER, Said::Announced), Verdict::Postponed);
    gateway.later(1);
    assert_eq!(gateway.hears(ZOMBIE, Said::Announced), Verdict::Holds);
    gateway.later(10);
    assert_eq!(gateway.asks(), None);
}

#[test]
fn the_late_answer_of_the_former_holder_makes_it_no_rival() {
    let mut gateway = Gateway::at(1000);
    gateway.later(10);
    assert_eq!(gateway.hears(MASTER, Said::Announced), Verdict::Moves);
    // It was asked as the holder, just before.
    assert_eq!(gateway.hears(ZOMBIE, Said::Answered), Verdict::Postponed);
    gateway.later(6);
    assert_eq!(gateway.asks(), Some(mac(MASTER)), "the holder is asked first, as ever");
    assert_eq!(gateway.hears(MASTER, Said::Answered), Verdict::Holds);
    gateway.later(10);
    assert_eq!(gateway.asks(), None);
}

#[test]
fn clocks_that_were_set_back_postpone_nobody_for_longer_than_the_back_off() {
    let mut gateway = Gateway::at(10_000);
    gateway.now = Timestamp(1000 * SECOND);
    assert_eq!(gateway.hears(ZOMBIE, Said::Announced), Verdict::Holds);
    gateway.later(1);
    assert_eq!(gateway.hears(MASTER, Said::Announced), Verdict::Postponed);
    gateway.later(5);
    assert_eq!(gateway.asks(), Some(mac(MASTER)));
    assert_eq!(gateway.hears(MASTER, Said::Answered), Verdict::Moves);

    let mut gateway = Gateway::at(10_000);
    gateway.later(1);
    assert_eq!(gateway.hears(MASTER, Said::Announced), Verdict::Postponed);
    gateway.now = Timestamp(1000 * SECOND);
    assert_eq!(gateway.asks(), None);
    gateway.later(6);
    assert_eq!(gateway.asks(), Some(mac(MASTER)), "what waited when they were set back as well");
}
