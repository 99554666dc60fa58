//! Both ways through the gateway: the client reaches the EIP, the HAVIP is seen as the EIP, nothing else is.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddrV4},
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Result, ensure};
use mooring_dataplane::DropReason;
use mooring_tests::{
    lab::{self, Namespace},
    probe::{Mode, TcpServer, UdpEcho, ping, tcp_ask, udp_ask},
};

use crate::carried::{Carried, EIP, PORT, SHORT, SOON, tell};

const LARGE: usize = 4000;

fn at(address: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, PORT)
}

/// One service on an address, asked in all three ways from elsewhere: who came, as the service saw it.
pub fn reached(
    serving: (&Namespace, Ipv4Addr),
    asking: (&Namespace, Ipv4Addr),
    address: Ipv4Addr,
) -> Result<Vec<IpAddr>> {
    // A port of its own: a program that is being started elsewhere has the sockets of before for a moment.
    static PORTS: AtomicU16 = AtomicU16::new(PORT + 1);
    let port = PORTS.fetch_add(1, Ordering::Relaxed);
    let at = |address| SocketAddrV4::new(address, port);
    let udp = UdpEcho::start(serving.0, at(serving.1), "server")?;
    let tcp = TcpServer::start(serving.0, at(serving.1), "server", Mode::Echo)?;
    ping(asking.0, asking.1, address, 56, SOON)?;
    udp_ask(asking.0, asking.1, at(address), b"hello", SOON)?;
    tcp_ask(asking.0, asking.1, at(address), SOON)?;
    Ok(udp.peers().into_iter().chain(tcp.peers()).map(|peer| peer.ip()).collect())
}

pub fn the_client_reaches_the_havip_through_the_eip(net: &mut Carried) -> Result<()> {
    let lab = &net.lab;
    let seen = reached((&lab.vm_a, lab::HAVIP), (&lab.client, lab::CLIENT), EIP)?;
    ensure!(seen == [lab::CLIENT; 2], "the HAVIP's service saw {seen:?}");
    Ok(())
}

pub fn what_the_holder_sends_from_the_havip_leaves_as_the_eip(net: &mut Carried) -> Result<()> {
    let lab = &net.lab;
    let seen = reached((&lab.client, lab::CLIENT), (&lab.vm_a, lab::HAVIP), lab::CLIENT)?;
    ensure!(seen == [EIP; 2], "the client saw {seen:?}");
    Ok(())
}

/// F2.
pub fn what_the_holder_sends_from_its_own_address_does_not_leave(net: &mut Carried) -> Result<()> {
    let server = UdpEcho::start(&net.lab.client, at(lab::CLIENT), "client")?;
    net.drops(DropReason::PrivateSource, 1, |lab| {
        let asked = udp_ask(&lab.vm_a, lab::VM_A, at(lab::CLIENT), b"hello", SHORT);
        ensure!(asked.is_err(), "{asked:?}");
        Ok(())
    })?;
    ensure!(server.peers().is_empty(), "the client saw {:?}", server.peers());
    Ok(())
}

/// Only the first fragment has ports and a checksum; all of them have addresses.
pub fn fragments_pass_both_ways(net: &mut Carried) -> Result<()> {
    let lab = &net.lab;
    ping(&lab.client, lab::CLIENT, EIP, LARGE, SOON)?;
    ping(&lab.vm_a, lab::HAVIP, lab::CLIENT, LARGE, SOON)?;
    let data: Vec<u8> = (0..LARGE).map(|n| n as u8).collect();
    let _inside = UdpEcho::start(&lab.vm_a, at(lab::HAVIP), "vm-a")?;
    let answer = udp_ask(&lab.client, lab::CLIENT, at(EIP), &data, SOON)?;
    ensure!(answer.payload == data && *answer.peer.ip() == lab::CLIENT, "from {}", answer.peer);
    let _outside = UdpEcho::start(&lab.client, at(lab::CLIENT), "client")?;
    let answer = udp_ask(&lab.vm_a, lab::HAVIP, at(lab::CLIENT), &data, SOON)?;
    ensure!(answer.payload == data && *answer.peer.ip() == EIP, "from {}", answer.peer);
    Ok(())
}

/// Somebody else's rule turns tracking on in the namespace; EIP traffic must not be in it, whoever began.
pub fn connection_tracking_sees_none_of_it(net: &mut Carried) -> Result<()> {
    let gateway = &net.lab.gateway;
    for command in [
        "add table ip theirs",
        "add chain ip theirs forward { type filter hook forward priority 0 ; }",
        "flush chain ip theirs forward",
        "add rule ip theirs forward ct state != untracked counter",
        "add rule ip theirs forward ct state untracked counter",
    ] {
        gateway.output(&format!("nft {command}"))?;
    }
    the_client_reaches_the_havip_through_the_eip(net)?;
    what_the_holder_sends_from_the_havip_leaves_as_the_eip(net)?;
    let listed = net.lab.gateway.output("nft list chain ip theirs forward")?;
    let packets =
        |line: &str| line.split_whitespace().skip_while(|word| *word != "packets").nth(1)?.parse().ok();
    let counted: Vec<u64> = listed.lines().filter_map(packets).collect();
    ensure!(matches!(counted[..], [0, some] if some > 0), "tracked and untracked packets: {counted:?}");
    Ok(())
}

/// Before the first EIP, and where one stays unbound, the HAVIP is as private as any other address.
pub fn a_havip_without_an_eip_is_reached_from_inside_only(net: &mut Carried) -> Result<()> {
    net.desired.nat.clear();
    net.reconcile()?;
    let lab = &net.lab;
    let seen = reached((&lab.vm_a, lab::HAVIP), (&lab.host_c, lab::HOST_C), lab::HAVIP)?;
    ensure!(seen == [lab::HOST_C; 2], "the HAVIP's service saw {seen:?}");
    ensure!(ping(&lab.client, lab::CLIENT, EIP, 56, SHORT).is_err(), "an EIP answers that fronts nothing");
    ensure!(
        ping(&lab.vm_a, lab::HAVIP, lab::CLIENT, 56, SHORT).is_err(),
        "a HAVIP without an EIP was answered"
    );
    Ok(())
}

#[test]
fn client_to_eip() {
    tell(the_client_reaches_the_havip_through_the_eip);
}

#[test]
fn havip_to_client() {
    tell(what_the_holder_sends_from_the_havip_leaves_as_the_eip);
}

#[test]
fn f2() {
    tell(what_the_holder_sends_from_its_own_address_does_not_leave);
}

#[test]
fn fragments() {
    tell(fragments_pass_both_ways);
}

#[test]
fn no_tracking() {
    tell(connection_tracking_sees_none_of_it);
}

#[test]
fn havip_alone() {
    tell(a_havip_without_an_eip_is_reached_from_inside_only);
}
