//! From the claim on the wire to the neighbour entry and to the first packet at the new holder, under 10 000 packets a
//! second: with the control plane there, and with it killed.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use mooring_domain::Timestamp;

use super::scene::{PATIENT, Scene};
use super::{BENCH, enter_shares};
use crate::bench::figure::{Figure, Goal};
use crate::bench::report::Report;
use crate::bench::shares::Shares;
use crate::lab;
use crate::probe::{Announcer, Neighbours, Pinger, Stamped, number};
use crate::wait::wait_for;

/// In ms.
const NEIGHBOUR: Goal = Goal::AtMost(1.0);
const FIRST_PACKET: Goal = Goal::AtMost(2.0);
/// Between two failovers, a bit more each time: they are not to fall into step with anything.
const PAUSE: Duration = Duration::from_millis(10);

/// One member: where packets come, and who says that the HAVIP is there.
struct Member {
    announcer: Announcer,
    arrivals: Stamped,
}

/// What is looked at.
struct Watched {
    members: [Member; 2],
    claims: Stamped,
    neighbours: Neighbours,
}

/// What so many failovers gave, in ms.
#[derive(Default)]
struct Seen {
    neighbour: Vec<f64>,
    first_packet: Vec<f64>,
    arrived: BTreeSet<usize>,
}

/// Has the HAVIP move so many times, up and down.
pub fn measure(scene: &mut Scene, failovers: usize, report: &mut Report) -> Result<()> {
    scene.both_have_it()?;
    let mut watched = Watched::start(scene)?;
    // Whoever held it before: from here on it is known who does.
    watched.warm_up()?;
    scene.wait_settled()?;
    for control_plane in ["control plane up", "control plane down"] {
        if control_plane.ends_with("down") {
            scene.kill_the_control_plane()?;
        }
        let pinger = Pinger::start(&scene.lab.client, &[(lab::CLIENT, lab::FIRST_EIP)])?;
        pinger.wait_answered(PATIENT)?;
        let mut seen = Seen::default();
        for failover in 0..failovers {
            watched.fail_over(failover % 2, &mut seen)?;
            std::thread::sleep(PAUSE + Duration::from_micros(37) * u32::try_from(failover % 100)?);
        }
        let outage = pinger.finish().remove(0);
        watched.collect(&mut seen)?;
        let case = |what: &str| format!("{control_plane}: {what}");
        let neighbour = Shares::of(seen.neighbour);
        enter_shares(&case("claim to neighbour entry"), &neighbour, Some(NEIGHBOUR), report)?;
        let first_packet = Shares::of(seen.first_packet);
        enter_shares(
            &case("claim to first packet at the new holder"),
            &first_packet,
            Some(FIRST_PACKET),
            report,
        )?;
        let nobody = (0..outage.sent).filter(|number| !seen.arrived.contains(number)).count();
        for (what, value) in [
            ("requests sent", outage.sent),
            ("requests that came to no member", nobody),
            ("requests without an answer", outage.lost),
        ] {
            report.enter(Figure::new(BENCH, case(what), value as f64, "packets"))?;
        }
        report.enter(Figure::new(BENCH, case("failovers"), neighbour.count() as f64, "failovers"))?;
    }
    Ok(())
}

impl Watched {
    fn start(scene: &Scene) -> Result<Watched> {
        let lab = &scene.lab;
        let member = |vm| {
            let (announcer, arrivals) = (Announcer::new(vm)?, Stamped::icmp(vm, lab::HAVIP, None)?);
            anyhow::Ok(Member { announcer, arrivals })
        };
        Ok(Watched {
            members: [member(&lab.vm_b)?, member(&lab.vm_a)?],
            claims: Stamped::arp(&lab.gateway)?,
            neighbours: Neighbours::start(&lab.gateway)?,
        })
    }

    /// The last one of these is that of the second member, and so the first failover is one.
    fn warm_up(&mut self) -> Result<()> {
        for member in &self.members {
            member.announcer.announce(lab::HAVIP)?;
            self.wait_led(member.announcer.mac)?;
        }
        self.claims.claims().map(drop)
    }

    /// When the neighbour entry was seen to lead to this MAC.
    fn wait_led(&self, mac: [u8; 6]) -> Result<Timestamp> {
        wait_for("the neighbour entry to change", PATIENT, || {
            let led =
                self.neighbours.take().into_iter().find(|led| (led.address, led.mac) == (lab::HAVIP, mac));
            led.map(|led| led.at).ok_or_else(|| "nothing".to_owned())
        })
    }

    fn fail_over(&mut self, to: usize, seen: &mut Seen) -> Result<()> {
        self.collect(seen)?;
        let mac = self.members[to].announcer.mac;
        self.members[to].announcer.announce(lab::HAVIP)?;
        let led = self.wait_led(mac)?;
        let claims = self.claims.claims()?.into_iter();
        let of_this = claims.filter(|(_, havip, by)| (*havip, *by) == (lab::HAVIP, mac)).map(|(at, ..)| at);
        let claimed = of_this.min().context("the claim was not seen")?;
        seen.neighbour.push(milliseconds(claimed, led));
        let arrivals = &mut self.members[to].arrivals;
        let arrived = &mut seen.arrived;
        let first = wait_for("a packet at the new holder", PATIENT, || {
            let mut first = None;
            let taken = arrivals.take(|stamp, packet| {
                arrived.extend(number(packet));
                // What came when it held the HAVIP last is no packet of this failover.
                first = first.or(Some(stamp).filter(|stamp| *stamp > claimed));
            });
            taken.map_err(|error| format!("{error:#}"))?;
            first.ok_or_else(|| "none".to_owned())
        })?;
        seen.first_packet.push(milliseconds(claimed, first));
        Ok(())
    }

    fn collect(&mut self, seen: &mut Seen) -> Result<()> {
        let arrived = &mut seen.arrived;
        self.members
            .iter_mut()
            .try_for_each(|member| member.arrivals.take(|_, packet| arrived.extend(number(packet))))
    }
}

pub(super) fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).as_secs_f64() * 1e3
}
