//! `mooringd` is killed under traffic, and in the middle of a bind. Packets do not notice; the bind is finished.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::report::Report;
use super::scene::{EIP, PATIENT, SOON, Scene, at, ms, same};
use crate::lab;
use crate::probe::{Lane, Prober, TcpFlow};
use crate::wait::wait_for;

/// How long packets flow without a `mooringd`.
const ALONE: Duration = Duration::from_millis(500);

pub(super) fn play(scene: &mut Scene, report: &mut Report) -> Result<()> {
    report.chapter("mooringd is killed");
    report.must("killed with SIGKILL under traffic and started again: no packet lost, same state", || {
        let figure = kill_under_traffic(scene)?;
        Ok((figure, ()))
    })?;
    report.check("kernel and fold agree, every table read back", || Ok(ms(scene.wait_agree()?)));
    report.check("killed in the middle of a bind: the bind is finished after the start", || {
        finish_a_bind(scene)
    });
    Ok(())
}

fn kill_under_traffic(scene: &mut Scene) -> Result<String> {
    let client = &scene.lab.client;
    let prober = Prober::start(client, &[Lane { from: lab::CLIENT, to: at(EIP) }])?;
    let flow = TcpFlow::start(client, lab::CLIENT, at(EIP), SOON)?;
    prober.wait_answered(None, SOON)?;
    let before = scene.state()?;
    scene.server.kill9()?;
    let alone = Instant::now();
    while alone.elapsed() < ALONE {
        flow.wait_progress(SOON)?;
    }
    scene.server.restart(None)?;
    scene.wait_agree()?;
    same("the state after the start", scene.state()?, before)?;
    flow.wait_progress(SOON)?;
    prober.wait_answered(None, SOON)?;
    let outage = prober.finish().remove(0);
    same("datagrams lost", outage.lost, 0)?;
    Ok(format!("{} of {} datagrams answered, the TCP connection lives", outage.sent, outage.sent))
}

/// The EIP `spare` is bound to the HAVIP `third` by a `mooringd` that dies between taking the hold and storing `Bound`.
fn finish_a_bind(scene: &mut Scene) -> Result<String> {
    scene.server.ask("havip create third --subnet web --address 10.0.1.70 --member vm-a")?;
    scene.server.ask("eip allocate spare --address 203.0.113.71")?;
    scene.server.restart(Some("bind.after-hold"))?;
    let answer = scene.server.moor("bind spare third --timeout 5 -o json")?;
    ensure!(answer.exit == 4, "`moor bind` should have lost its server: {answer:?}");
    let died = scene.server.wait_ended()?;
    ensure!(!died.success(), "mooringd ended by itself: {died}");
    scene.server.restart(None)?;
    let begin = Instant::now();
    wait_for("the bind to be finished", PATIENT, || match scene.state_of("spare") {
        Ok(state) if state == "IN_USE" => Ok(()),
        other => Err(format!("{other:?}")),
    })?;
    let took = begin.elapsed();
    scene.wait_agree()?;
    ensure!(!scene.traces("203.0.113.71".parse()?)?.is_empty(), "the kernel does not know it");
    Ok(format!("IN_USE {} after the start", ms(took)))
}
