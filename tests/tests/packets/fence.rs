//! The fence: only the holder sends from a HAVIP, and a HAVIP without one is silent both ways.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::Instant,
};

use anyhow::{Result, ensure};
use mooring_dataplane::{DropReason, Seen, Watcher};
use mooring_tests::{
    lab,
    probe::{Sniffer, UdpEcho, ping, udp_ask},
};

use crate::{
    bytes::{Packet, echo, udp},
    carried::{Carried, EIP, EIP_2, PORT, SHORT, SOON, place, tell},
};

fn from_havip() -> Packet {
    let to = SocketAddrV4::new(lab::CLIENT, PORT);
    udp(SocketAddrV4::new(lab::HAVIP, PORT), to, b"fenced")
}

pub fn a_havip_as_source_from_another_mac_is_dropped(net: &mut Carried) -> Result<()> {
    let client = Sniffer::start(&net.lab.client, "eth0")?;
    net.drops(DropReason::NotHolder, 10, |lab| {
        for _ in 0..10 {
            from_havip().send(&lab.host_c)?;
        }
        echo(lab::HAVIP, lab::CLIENT).send(&lab.vm_a)?;
        let echo = |ip: mooring_tests::probe::Ip| ip.source == EIP && ip.ports.0 == 8;
        client.wait_for("what the holder sent behind it", SOON, |frame| frame.ip().is_some_and(echo))?;
        Ok(())
    })?;
    let passed = client.select(|frame| frame.ip().is_some_and(|ip| ip.protocol == 17));
    ensure!(passed.is_empty(), "{passed:?}");
    Ok(())
}

pub fn the_watcher_is_told_who_it_was(net: &mut Carried) -> Result<()> {
    let mut watcher = Watcher::open(&place(&net.lab.gateway))?;
    from_havip().send(&net.lab.host_c)?;
    let end = Instant::now() + SOON;
    let (mut seen, mut told) = (Vec::new(), Vec::new());
    while told.is_empty() {
        ensure!(Instant::now() < end, "not told; seen: {seen:?}");
        seen.extend(watcher.wait(SHORT)?);
        told = seen.iter().filter(|seen| matches!(seen, Seen::Fenced { .. })).copied().collect();
    }
    ensure!(told == [Seen::Fenced { address: lab::HAVIP, mac: lab::MAC_C.parse()? }], "{told:?}");
    Ok(())
}

pub fn who_has_no_havip_as_source_is_not_fenced(net: &mut Carried) -> Result<()> {
    ping(&net.lab.host_c, lab::HOST_C, lab::GATEWAY_INSIDE, 56, SOON)?;
    Ok(())
}

/// From the fabric up: no packet of the zombie passes, the new holder's do, and the translation is the same table (F1).
pub fn after_a_failover_the_old_holder_is_fenced_out(net: &mut Carried) -> Result<()> {
    let listed = |net: &Carried| net.lab.gateway.output("nft -a list table ip mooring");
    let elements = |text: &str| {
        text.lines().filter(|line| !line.contains("packets")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = listed(net)?;
    net.lab.vm_b.ip(&format!("address add {}/32 dev eth0", lab::HAVIP))?;
    let _on_b = UdpEcho::start(&net.lab.vm_b, SocketAddrV4::new(lab::HAVIP, PORT), "vm-b")?;
    net.hold(Some(lab::MAC_B))?;
    let answer = udp_ask(&net.lab.client, lab::CLIENT, SocketAddrV4::new(EIP, PORT), b"who", SOON)?;
    ensure!(answer.server == "vm-b", "{} answered", answer.server);
    let zombie = ping(&net.lab.vm_a, lab::HAVIP, lab::CLIENT, 56, SHORT);
    ensure!(zombie.is_err(), "the zombie's echo was answered");
    ping(&net.lab.vm_b, lab::HAVIP, lab::CLIENT, 56, SOON)?;
    let after = listed(net)?;
    ensure!(elements(&before) == elements(&after), "the NAT table changed:\n{before}\n{after}");
    Ok(())
}

/// Were it passed on, the gateway would ask on the inside who has it, and believe whoever answers.
pub fn a_havip_that_nobody_holds_is_silent_and_never_asked_for(net: &mut Carried) -> Result<()> {
    let inside = Sniffer::start(&net.lab.switch, "gateway")?;
    net.lab.host_c.ip(&format!("address add {}/32 dev eth0", lab::HAVIP_2))?;
    net.drops(DropReason::NoHolder, 1, |lab| {
        let pinged = ping(&lab.client, lab::CLIENT, EIP_2, 56, SHORT);
        ensure!(pinged.is_err(), "a HAVIP that nobody holds answered");
        Ok(())
    })?;
    net.drops(DropReason::NoHolder, 1, |lab| {
        let sent = echo(lab::GATEWAY_INSIDE, lab::HAVIP_2).send(&lab.gateway);
        ensure!(sent.is_err(), "the gateway itself reaches a HAVIP that nobody holds");
        Ok(())
    })?;
    net.sends(&echo(lab::GATEWAY_INSIDE, lab::HAVIP_2));
    let asked = inside.select(|frame| frame.arp().is_some_and(|arp| arp.target == lab::HAVIP_2));
    ensure!(asked.is_empty(), "{asked:?}");
    net.drops(DropReason::NotHolder, 1, |lab| {
        let pinged = ping(&lab.host_c, lab::HAVIP_2, lab::CLIENT, 56, SHORT);
        ensure!(pinged.is_err(), "what was sent from a HAVIP that nobody holds was answered");
        Ok(())
    })
}

/// The fence stands on the inside; what comes in elsewhere with a HAVIP as source has not passed it.
pub fn a_havip_as_source_does_not_leave_from_a_third_link(net: &mut Carried) -> Result<()> {
    // A walk begins inside or outside.
    net.blind();
    let (gateway, other) = (&net.lab.gateway, &net.lab.plain);
    gateway.ip(&format!(
        "link add third type veth peer name third netns {}\nlink set third up\naddress add 172.31.0.1/30 dev third",
        other.name()
    ))?;
    other.ip(&format!(
        "link set third up\naddress add 172.31.0.2/30 dev third\nroute add {}/32 via 172.31.0.1",
        lab::CLIENT
    ))?;
    let client = Sniffer::start(&net.lab.client, "eth0")?;
    net.drops(DropReason::PrivateSource, 1, |lab| {
        from_havip().send(&lab.plain)?;
        // It takes the same link, behind it.
        ping(&lab.plain, Ipv4Addr::new(172, 31, 0, 2), Ipv4Addr::new(172, 31, 0, 1), 56, SOON)?;
        Ok(())
    })?;
    let passed = client.select(|frame| frame.ip().is_some_and(|ip| ip.protocol == 17));
    ensure!(passed.is_empty(), "{passed:?}");
    Ok(())
}

/// Gratuitous ARP of a stranger moves nothing: the holder's entry is permanent.
pub fn a_strangers_announcement_moves_nothing(net: &mut Carried) -> Result<()> {
    let _on_a = UdpEcho::start(&net.lab.vm_a, SocketAddrV4::new(lab::HAVIP, PORT), "vm-a")?;
    net.lab.host_c.ip(&format!("address add {}/32 dev eth0", lab::HAVIP))?;
    let _on_c = UdpEcho::start(&net.lab.host_c, SocketAddrV4::new(lab::HAVIP, PORT), "host-c")?;
    let gateway = Sniffer::start(&net.lab.gateway, "in0")?;
    // The kernel of a host announces its addresses when its link gets a MAC, if it is told to.
    net.lab.host_c.sysctl("net.ipv4.conf.eth0.arp_notify", "1")?;
    net.lab.host_c.ip(&format!("link set eth0 address {}", lab::MAC_C))?;
    gateway.wait_for("the stranger's announcement", SOON, |frame| {
        frame.arp().is_some_and(|arp| arp.is_gratuitous() && arp.sender == lab::HAVIP)
    })?;
    let answer = udp_ask(&net.lab.client, lab::CLIENT, SocketAddrV4::new(EIP, PORT), b"who", SOON)?;
    ensure!(answer.server == "vm-a", "{} answered", answer.server);
    Ok(())
}

#[test]
fn wrong_mac() {
    tell(a_havip_as_source_from_another_mac_is_dropped);
}

#[test]
fn third_link() {
    tell(a_havip_as_source_does_not_leave_from_a_third_link);
}

#[test]
fn told() {
    tell(the_watcher_is_told_who_it_was);
}

#[test]
fn not_fenced() {
    tell(who_has_no_havip_as_source_is_not_fenced);
}

#[test]
fn zombie() {
    tell(after_a_failover_the_old_holder_is_fenced_out);
}

#[test]
fn nobody() {
    tell(a_havip_that_nobody_holds_is_silent_and_never_asked_for);
}

#[test]
fn stranger() {
    tell(a_strangers_announcement_moves_nothing);
}
