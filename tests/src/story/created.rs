//! What is there before anything is bound: a HAVIP inside, and nothing outside.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::report::Report;
use super::scene::{PORT, Scene, at, ms, number, same, text};
use crate::lab;
use crate::probe::{Watch, is_private, shown, udp_ask};

pub(super) fn play(scene: &mut Scene, report: &mut Report) -> Result<()> {
    report.chapter("A HAVIP with two members; nothing is bound");
    report.must("a pool, a VPC, a subnet, vNICs of vm-a and vm-b, a HAVIP with both as members", || {
        let position = create(scene)?;
        Ok((format!("the log is at position {position}"), ()))
    })?;
    report.must("keepalived on vm-a takes the HAVIP, and Mooring knows it from its announcement", || {
        let on_a = scene.keepalived(&scene.lab.vm_a, 150)?;
        on_a.wait_holds(super::scene::PATIENT)?;
        let took = scene.wait_holder("front", "vm-a")?;
        Ok((format!("`moor holder` says so within {}", ms(took)), scene.on_a = Some(on_a)))
    })?;
    report.must("keepalived on vm-b waits", || {
        let on_b = scene.keepalived(&scene.lab.vm_b, 100)?;
        same("the holder", scene.holder("front")?, "vm-a".to_owned())?;
        Ok(("priority 100 behind 150".to_owned(), scene.on_b = Some(on_b)))
    })?;
    report.check("the inside host reaches the HAVIP", || {
        let answer = udp_ask(&scene.lab.host_c, lab::HOST_C, at(lab::HAVIP), b"?", super::scene::SOON)?;
        same("who answered", answer.server.as_str(), "vm-a@10.0.1.50")?;
        Ok(format!("{} answered", answer.server))
    });
    report.check("the client reaches nothing: no address of the pool answers", || {
        let answers = knock_on_the_pool(scene)?;
        ensure!(answers.is_empty(), "these answered: {answers:?}");
        Ok("0 of 32 answered".to_owned())
    });
    report.check("nothing leaves with the HAVIP as its source", || {
        let watch = Watch::start(&scene.lab)?;
        let sent = watch.send(&scene.lab.vm_a, lab::MAC_A, lab::HAVIP)?;
        let passed = watch.passed(is_private)?;
        ensure!(passed.is_empty(), "{} frames: {}", passed.len(), shown(&passed));
        Ok(format!("{sent} packets into the gateway, 0 out"))
    });
    Ok(())
}

fn create(scene: &Scene) -> Result<u64> {
    let server = &scene.server;
    let (pool, subnet) = (lab::EIP_POOL, lab::SUBNET);
    server.ask(&format!("pool create public {pool}"))?;
    server.ask("vpc create blue")?;
    let gateway = lab::GATEWAY_INSIDE;
    server.ask(&format!("subnet create web --vpc blue --cidr {subnet} --gateway {gateway}"))?;
    for (instance, mac, address) in [("vm-a", lab::MAC_A, lab::VM_A), ("vm-b", lab::MAC_B, lab::VM_B)] {
        server.ask(&format!("vnic create {instance} --subnet web --mac {mac} --address {address}"))?;
    }
    let havip = lab::HAVIP;
    let line = format!("havip create front --subnet web --address {havip} --member vm-a --member vm-b");
    let created = server.ask(&line)?;
    same("the HAVIP's address", text(&created, "address")?, "10.0.1.50")?;
    number(&created, "position")
}

/// Sends a datagram to every address of the pool and collects who answers.
fn knock_on_the_pool(scene: &Scene) -> Result<Vec<SocketAddr>> {
    let socket = scene.lab.client.run(|| UdpSocket::bind((lab::CLIENT, 0)))??;
    socket.set_read_timeout(Some(Duration::from_millis(300)))?;
    for n in 0..32 {
        let address = Ipv4Addr::from(u32::from(lab::FIRST_EIP) + n);
        socket.send_to(b"anybody there?", (address, PORT))?;
    }
    let (mut buffer, mut answers) = ([0; 2048], Vec::new());
    while let Ok((_, from)) = socket.recv_from(&mut buffer) {
        answers.push(from);
    }
    Ok(answers)
}
