//! The whole outage that a client sees when real keepalived fails over, and beside it, at the same moment, that behind an
//! ordinary Linux router: one that learns from the same announcement.

use std::time::Duration;

use anyhow::{Context, Result};

use super::enter_shares;
use super::scene::{PATIENT, Scene};
use crate::bench::figure::Goal;
use crate::bench::report::Report;
use crate::bench::shares::Shares;
use crate::lab::{self, Keepalived, Namespace, Setup};
use crate::probe::Pinger;
use crate::wait::wait_for;

/// How much longer than behind the plain router, in ms.
const LONGER: Goal = Goal::AtMost(5.0);
const PEER: &str = "a plain Linux router";

/// How a holder goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its cable is pulled.
    Dies,
    /// Its keepalived is stopped in order.
    Stops,
}

/// One way to fail over, so many times.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Between two advertisements.
    pub advert: Duration,
    /// How the holder goes.
    pub end: End,
    /// How often.
    pub failovers: usize,
}

struct Members<'a> {
    scene: &'a Scene,
    setups: [Setup; 2],
    /// The holder first.
    on: Vec<(usize, Keepalived)>,
}

/// Measures one case.
pub fn measure(scene: &Scene, case: &Case, report: &mut Report) -> Result<()> {
    let mut members = Members::start(scene, case.advert)?;
    let (mut ours, mut plain, mut longer) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..case.failovers {
        let pinger = Pinger::start(
            &scene.lab.client,
            &[(lab::CLIENT, lab::FIRST_EIP), (lab::CLIENT_PLAIN, lab::HAVIP)],
        )?;
        pinger.wait_answered(PATIENT)?;
        let takes = members.on[1].1.takes();
        members.end_the_holder(case.end)?;
        counted("keepalived to take the HAVIP", takes + 1, || members.on[1].1.takes())?;
        // The one before cannot answer any more.
        pinger.wait_answered(PATIENT)?;
        let outages = pinger.finish();
        let of = |way: usize| outages[way].longest.as_secs_f64() * 1e3;
        ours.push(of(0));
        plain.push(of(1));
        longer.push(of(0) - of(1));
        members.come_back(case.end)?;
    }
    let how = match case.end {
        End::Dies => "the holder dies",
        End::Stops => "a clean stop",
    };
    let name = format!("keepalived at {} ms, {how}, {} times", case.advert.as_millis(), case.failovers);
    let (ours, plain) = (Shares::of(ours), Shares::of(plain));
    for percent in [50, 99, 100] {
        let figure = super::share(&format!("{name}: outage"), &ours, percent);
        report.enter(figure.beside(PEER, plain.at(percent)))?;
    }
    enter_shares(&format!("{name}: longer than behind {PEER}"), &Shares::of(longer), Some(LONGER), report)
}

impl<'a> Members<'a> {
    fn start(scene: &'a Scene, advert: Duration) -> Result<Members<'a>> {
        let setup = |priority| Setup { advert, nopreempt: true, ..Setup::of(priority, lab::HAVIP) };
        let mut members = Members { scene, setups: [setup(150), setup(100)], on: Vec::new() };
        for member in [0, 1] {
            let keepalived = members.keepalived(member)?;
            match member {
                0 => keepalived.wait_holds(PATIENT)?,
                _ => waits(&keepalived, 1)?,
            }
            members.on.push((member, keepalived));
        }
        Ok(members)
    }

    fn vm(&self, member: usize) -> &'a Namespace {
        let lab = &self.scene.lab;
        [&lab.vm_a, &lab.vm_b][member]
    }

    fn keepalived(&self, member: usize) -> Result<Keepalived> {
        self.scene.lab.keepalived_with(self.vm(member), &self.setups[member])
    }

    fn end_the_holder(&mut self, end: End) -> Result<()> {
        let (member, keepalived) = self.on.first_mut().context("nobody holds it")?;
        match end {
            End::Dies => {
                let member = *member;
                self.scene.lab.unplug(self.vm(member))
            }
            End::Stops => keepalived.stop(),
        }
    }

    /// It waits from now on, and the other one is the holder.
    fn come_back(&mut self, end: End) -> Result<()> {
        let (member, keepalived) = self.on.remove(0);
        let keepalived = match end {
            End::Dies => {
                let before = keepalived.waits();
                self.scene.lab.plug(self.vm(member))?;
                waits(&keepalived, before + 1)?;
                keepalived
            }
            End::Stops => {
                drop(keepalived);
                let keepalived = self.keepalived(member)?;
                waits(&keepalived, 1)?;
                keepalived
            }
        };
        self.on.push((member, keepalived));
        Ok(())
    }
}

fn waits(keepalived: &Keepalived, times: usize) -> Result<()> {
    counted("keepalived to wait for the HAVIP", times, || keepalived.waits())
}

fn counted(what: &str, times: usize, count: impl Fn() -> usize) -> Result<()> {
    wait_for(what, PATIENT, || match count() {
        now if now >= times => Ok(()),
        now => Err(format!("{now} of {times} times")),
    })
}
