//! The EIP fronts the HAVIP: what the client reaches, what it sees of the inside, and what it never sees.

use std::io::ErrorKind;
use std::net::SocketAddrV4;
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use super::report::Report;
use super::scene::{CLOSED, EIP, PATIENT, SOON, Scene, at, ms, number, same};
use crate::lab;
use crate::probe::{
    Ip, Mode, TcpServer, UdpEcho, Watch, is_private, learned_mtu, ping, shown, tcp_ask, udp_ask, upload,
};

pub(super) fn play(scene: &mut Scene, report: &mut Report) -> Result<()> {
    report.chapter("An EIP fronts the HAVIP");
    report.must("an EIP is allocated and bound", || bind(scene))?;
    inwards(scene, report);
    outwards(scene, report);
    path_mtu(scene, report);
    Ok(())
}

fn bind(scene: &Scene) -> Result<(String, ())> {
    scene.server.ask(&format!("eip allocate web --address {EIP}"))?;
    same("the EIP's state", scene.state_of("web")?.as_str(), "AVAILABLE")?;
    let begin = Instant::now();
    let binding = scene.server.ask("bind web front --wait")?;
    let took = ms(begin.elapsed());
    same("the EIP's state", scene.state_of("web")?.as_str(), "IN_USE")?;
    Ok((
        format!(
            "{EIP} to 10.0.1.50 at position {}, in the kernel after {took}",
            number(&binding, "position")?
        ),
        (),
    ))
}

fn inwards(scene: &Scene, report: &mut Report) {
    let client = &scene.lab.client;
    report.check("ping of the EIP", || {
        let small = ping(client, lab::CLIENT, EIP, 56, SOON)?;
        let large = ping(client, lab::CLIENT, EIP, 4000, SOON)?;
        Ok(format!("{}; {} for 4000 bytes in fragments", ms(small), ms(large)))
    });
    report.check("TCP to the EIP reaches the service on vm-a, which sees the client's own address", || {
        let answer = tcp_ask(client, lab::CLIENT, at(EIP), SOON)?;
        same("who answered", answer.server.as_str(), "vm-a@10.0.1.50")?;
        same("whom it saw", *answer.peer.ip(), lab::CLIENT)?;
        Ok(format!("{} saw {}", answer.server, answer.peer.ip()))
    });
    report.check("UDP to the EIP reaches the service on vm-a", || {
        let answer = udp_ask(client, lab::CLIENT, at(EIP), b"hello", SOON)?;
        same("who answered", answer.server.as_str(), "vm-a@10.0.1.50")?;
        let large = udp_ask(client, lab::CLIENT, at(EIP), &[7; 4000], SOON)?;
        same("what came back", large.payload.len(), 4000)?;
        Ok(format!("{} saw {}; 4000 bytes in fragments came back", answer.server, answer.peer.ip()))
    });
    report.check("a closed UDP port", || {
        let closed = SocketAddrV4::new(EIP, CLOSED);
        match udp_ask(client, lab::CLIENT, closed, b"?", SOON) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok("connection refused".to_owned()),
            other => bail!("{other:?}"),
        }
    });
    report.check("traceroute shows the EIP and no private address", || traceroute(scene));
}

fn traceroute(scene: &Scene) -> Result<String> {
    let watch = Watch::start(&scene.lab)?;
    let source = lab::CLIENT;
    let line = format!("traceroute -n -q 1 -w 1 -m 8 -s {source} {EIP}");
    let hops: Vec<String> = scene.lab.client.output(&line)?.lines().skip(1).map(hop).collect();
    same("the last hop", hops.last().cloned(), Some(EIP.to_string()))?;
    ensure!(!hops.iter().any(|hop| hop.starts_with("10.")), "private: {hops:?}");
    let leaked = watch.passed(is_private)?;
    ensure!(leaked.is_empty(), "private addresses inside packets: {}", shown(&leaked));
    Ok(hops.join(" > "))
}

fn hop(line: &str) -> String {
    line.split_whitespace().nth(1).unwrap_or("?").to_owned()
}

fn outwards(scene: &Scene, report: &mut Report) {
    let lab = &scene.lab;
    report.check("what vm-a sends from the HAVIP, the client sees coming from the EIP", || {
        let udp = UdpEcho::start(&lab.client, at(lab::CLIENT), "client")?;
        let tcp = TcpServer::start(&lab.client, at(lab::CLIENT), "client", Mode::Echo)?;
        let watch = Watch::start(lab)?;
        udp_ask(&lab.vm_a, lab::HAVIP, at(lab::CLIENT), b"from the HAVIP", SOON)?;
        tcp_ask(&lab.vm_a, lab::HAVIP, at(lab::CLIENT), SOON)?;
        ping(&lab.vm_a, lab::HAVIP, lab::CLIENT, 56, SOON)?;
        let seen: Vec<_> = udp.peers().iter().chain(&tcp.peers()).map(|peer| peer.ip()).collect();
        same("whom the client saw", seen, vec![EIP.into(), EIP.into()])?;
        let leaked = watch.passed(is_private)?;
        ensure!(leaked.is_empty(), "private addresses inside packets: {}", shown(&leaked));
        Ok(format!("UDP, TCP and ping: {EIP}"))
    });
    report.check("what vm-a sends from its own address, the client does not see at all", || {
        let watch = Watch::start(lab)?;
        let sent = watch.send(&lab.vm_a, lab::MAC_A, lab::VM_A)?;
        // The gateway's mark, and the answer to it, are all that the client may see and send, whatever the source.
        let is_mark = |ip: Ip| [ip.source, ip.destination].contains(&lab::GATEWAY_OUTSIDE);
        let foreign = watch.passed(|frame| frame.ip().is_some_and(|ip| !is_mark(ip)))?;
        ensure!(foreign.is_empty(), "{} frames: {}", foreign.len(), shown(&foreign));
        Ok(format!("{sent} packets into the gateway, 0 out"))
    });
}

fn path_mtu(scene: &Scene, report: &mut Report) {
    let lab = &scene.lab;
    report.check("with a 1300-byte link in the middle a 2 MB upload from the HAVIP finishes", || {
        lab.set_middle_mtu(1300)?;
        let _sink = TcpServer::start(&lab.client, at(lab::CLIENT), "client", Mode::Sink)?;
        same("the path MTU known before", learned_mtu(&lab.vm_a, lab::HAVIP, lab::CLIENT)?, None)?;
        let sent = upload(&lab.vm_a, lab::HAVIP, at(lab::CLIENT), 2_000_000, PATIENT)?;
        same("whom the client saw", *sent.receiver.peer.ip(), EIP)?;
        let learned = learned_mtu(&lab.vm_a, lab::HAVIP, lab::CLIENT)?;
        same("the path MTU that vm-a learned", learned, Some(1300))?;
        lab.set_middle_mtu(1500)?;
        Ok(format!("{}; vm-a has learned 1300", ms(sent.took)))
    });
}
