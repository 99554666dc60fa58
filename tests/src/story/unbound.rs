//! The EIP is taken off, and put in front of another HAVIP. What must not be done is refused.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::report::Report;
use super::scene::{EIP, PATIENT, SOON, Scene, at, ms, same, text};
use crate::lab;
use crate::probe::{TcpFlow, udp_ask};
use crate::server::Refusal;

pub(super) fn play(scene: &mut Scene, report: &mut Report) -> Result<()> {
    report.chapter("The EIP moves to another HAVIP");
    report.must("unbind: an established TCP connection is dead at once", || {
        let flow = TcpFlow::start(&scene.lab.client, lab::CLIENT, at(EIP), SOON)?;
        ensure!(
            !scene.traces(EIP)?.is_empty(),
            "there is no trace of the EIP before, so its absence says nothing"
        );
        let begin = Instant::now();
        scene.server.ask("unbind web")?;
        let took = begin.elapsed();
        flow.expect_dead(Duration::from_millis(500))?;
        Ok((format!("not a byte came back in 500 ms; `moor unbind` took {}", ms(took)), ()))
    })?;
    report.check("rules, routes and neighbours of the gateway have no trace of the EIP", || {
        let traces = scene.traces(EIP)?;
        ensure!(traces.is_empty(), "{}", traces.join("\n"));
        Ok(format!("{EIP} stands nowhere; it is {}", scene.state_of("web")?))
    });
    report.must(
        "bound to a second HAVIP, which vm-a already held when it was created, it answers there",
        || {
            let took = move_to_the_second(scene)?;
            Ok((format!("vm-a answers for {}, {} after the bind", lab::HAVIP_2, ms(took)), ()))
        },
    )?;
    refusals(scene, report);
    Ok(())
}

fn move_to_the_second(scene: &mut Scene) -> Result<Duration> {
    let havip = lab::HAVIP_2;
    let second = scene.lab.keepalived(&scene.lab.vm_a, 150, havip)?;
    second.wait_holds(PATIENT)?;
    scene.second = Some(second);
    scene
        .server
        .ask(&format!("havip create second --subnet web --address {havip} --member vm-a --member vm-b"))?;
    scene.wait_holder("second", "vm-a")?;
    let begin = Instant::now();
    scene.server.ask("bind web second --wait")?;
    let answer = udp_ask(&scene.lab.client, lab::CLIENT, at(EIP), b"?", SOON)?;
    same("who answered", answer.server.as_str(), "vm-a@10.0.1.60")?;
    Ok(begin.elapsed())
}

fn refusals(scene: &Scene, report: &mut Report) {
    report.check("releasing a bound EIP is refused", || refused(scene, "eip release web", true));
    report.check("a second EIP for the HAVIP is refused", || {
        scene.server.ask("eip allocate extra")?;
        refused(scene, "bind extra second", true)
    });
    report.check("a second HAVIP for the EIP is refused", || refused(scene, "bind web front", true));
    report.check("an EIP of another region is refused", || {
        scene.server.ask("pool create far 192.0.2.128/28 --region r2")?;
        let far = scene.server.ask("eip allocate far --region r2")?;
        let far = text(&far, "name")?;
        refused(scene, &format!("bind {far} front"), false)
    });
}

/// The command is refused, says why and, if it must, who is in the way, and changes nothing.
fn refused(scene: &Scene, line: &str, somebody_in_the_way: bool) -> Result<String> {
    let before = (scene.state()?, events(scene)?);
    let Refusal { exit, reason, message, in_the_way, .. } = scene.server.refuse(line)?;
    ensure!(exit == 1 || exit == 2, "exit code {exit}: {message}");
    ensure!(!reason.is_empty() && !message.is_empty(), "no reason: {message}");
    ensure!(
        !in_the_way.is_empty() || !somebody_in_the_way,
        "{reason} does not say who is in the way: {message}"
    );
    same("state and log after it", (scene.state()?, events(scene)?), before)?;
    Ok(format!("{reason}: {message}"))
}

/// How many events the log has. How long a failover took is told behind it, whatever is asked meanwhile.
fn events(scene: &Scene) -> Result<usize> {
    let events = scene.server.events()?;
    Ok(events.iter().filter(|(kind, _)| kind != "failover_measured").count())
}
