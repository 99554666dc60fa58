//! The HAVIP moves: both gateways follow, neither touches a rule of translation (F1), both fence who kept it.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use anyhow::Result;
use mooring_tests::{
    Namespace,
    figures::{ms, show},
    lab,
    probe::{Frame, Prober, Sniffer, ping},
    wait_for,
};

use crate::{lanes::*, stage::*};

/// Where what must not arrive is sent.
const PORTS: std::ops::Range<u16> = 9000..9010;

/// Sends to the client from an address of an instance, over one gateway.
fn send(stage: &Stage, vm: &Namespace, source: Ipv4Addr, gateway: usize) -> Result<()> {
    stage.pair.way_out_of(vm, &[gateway])?;
    vm.run(|| -> std::io::Result<()> {
        let socket = UdpSocket::bind((source, 0))?;
        for port in PORTS {
            socket.send_to(b"let me out", SocketAddrV4::new(lab::CLIENT, port))?;
        }
        Ok(())
    })??;
    Ok(())
}

fn arrived(frame: &Frame) -> bool {
    frame.ip().is_some_and(|ip| ip.protocol == 17 && PORTS.contains(&ip.ports.1))
}

/// Waits until a gateway has dropped so many packets more for this reason.
fn wait_dropped(stage: &Stage, gateway: usize, reason: &str, wanted: u64) -> Result<()> {
    wait_for(&format!("gateway {gateway} to drop {reason} up to {wanted}"), PATIENT, || {
        match stage.dropped(gateway, reason) {
            Ok(now) if now >= wanted => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
}

#[test]
fn a_failover_is_followed_by_both_gateways_and_a_zombie_is_fenced_at_both() {
    let mut stage = Stage::carrying().unwrap();
    stage.wait_agree().unwrap();
    let tables = [stage.nat_table(0).unwrap(), stage.nat_table(1).unwrap()];
    let revision = stage.binding_of("web").unwrap()["position"].clone();

    let outcome = stage.vm_a_dies().unwrap();
    show(&format!("failover seen over both gateways: {} at most, {outcome:?}", ms(outcome.longest)));
    stage.wait_holder("vm-b").unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_agree().unwrap();
    assert_eq!([stage.nat_table(0).unwrap(), stage.nat_table(1).unwrap()], tables, "F1");
    assert_eq!(stage.binding_of("web").unwrap()["position"], revision);

    fenced_at_both(&stage).unwrap();
}

/// vm-a comes back with the HAVIP still on its link, and tries one gateway after the other.
fn fenced_at_both(stage: &Stage) -> Result<()> {
    let lab = &stage.pair.lab;
    stage.pair.trust_routers()?;
    lab.plug(&lab.vm_a)?;
    assert!(lab.vm_a.has_address(lab::HAVIP)?, "a zombie has the HAVIP");
    let prober = Prober::start(&lab.client, &lanes(lab::CLIENT, EIP))?;
    let client = Sniffer::start(&lab.client, "eth0")?;
    for gateway in [0, 1] {
        let count = u64::try_from(PORTS.len())?;
        for (vm, source, reason) in [
            (&lab.vm_a, lab::HAVIP, "not_holder"),
            // F2, at each gateway.
            (&lab.vm_b, lab::VM_B, "private_source"),
        ] {
            let before = stage.dropped(gateway, reason)?;
            send(stage, vm, source, gateway)?;
            wait_dropped(stage, gateway, reason, before + count)?;
        }
        // What the holder sends arrives, as the EIP.
        send(stage, &lab.vm_b, lab::HAVIP, gateway)?;
    }
    let wanted = 2 * PORTS.len();
    wait_for("what the holder sent to arrive", PATIENT, || match client.select(arrived).len() {
        all if all == wanted => Ok(()),
        some => Err(format!("{some} of {wanted}")),
    })?;
    stage.pair.ways(&[0, 1])?;
    prober.wait_answered(Some("vm-b"), SOON)?;
    ping(&lab.client, lab::CLIENT, EIP, 56, SOON)?;
    let came = client.select(arrived);
    assert!(
        came.len() == wanted && came.iter().all(|frame| frame.ip().unwrap().source == EIP),
        "{}",
        came.len()
    );
    let outcome = total(&prober.finish());
    assert_eq!(outcome.lost, 0, "the holder's own traffic: {outcome:?}");
    Ok(())
}
