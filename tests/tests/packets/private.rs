//! Nothing private leaves, and nothing that is ours comes in from outside as if it were.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::{Result, ensure};
use mooring_dataplane::DropReason;
use mooring_tests::{
    lab::{self, Namespace},
    probe::{Sniffer, ping},
};

use crate::{
    bytes::{Packet, TCP, echo, udp},
    carried::{Carried, EIP, EIP_2, FREE_EIP, PORT, SHORT, SOON, tell},
};

/// Of another network behind the VPC, and of another VPC.
const ELSEWHERE: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 7, 7), Ipv4Addr::new(10, 9, 9, 9)];
/// Public, but not the sender's.
const NOT_OURS: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);

fn datagram(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    udp(SocketAddrV4::new(source, PORT), SocketAddrV4::new(destination, PORT), b"private")
}

/// Send from inside; on the outside nothing of it is seen, and everything is counted.
fn stays_inside(
    net: &mut Carried,
    sources: &[Ipv4Addr],
    packets: impl Fn(Ipv4Addr) -> Vec<Packet>,
) -> Result<()> {
    let sniffer = Sniffer::start(&net.lab.core, "gateway")?;
    let packets: Vec<_> = sources.iter().copied().flat_map(packets).collect();
    net.drops(DropReason::PrivateSource, packets.len() as u64, |lab| {
        packets.iter().try_for_each(|packet| packet.send(&lab.host_c))?;
        // It took the same way, behind them.
        echo(lab::HAVIP, lab::CLIENT).send(&lab.vm_a)?;
        let from_eip = |ip: mooring_tests::probe::Ip| ip.source == EIP;
        sniffer.wait_for("what may leave", SOON, |frame| frame.ip().is_some_and(from_eip))?;
        Ok(())
    })?;
    let left = sniffer.select(|frame| frame.ip().is_some_and(|ip| sources.contains(&ip.source)));
    ensure!(left.is_empty(), "{} of {} left: {:?}", left.len(), packets.len(), left.first());
    Ok(())
}

pub fn a_storm_from_the_subnet_stays_inside(net: &mut Carried) -> Result<()> {
    let storm = |source| {
        let mut packets = vec![datagram(source, lab::CLIENT); 300];
        packets.extend(vec![echo(source, lab::CLIENT); 100]);
        packets.push(Packet::new(source, lab::CLIENT, TCP, vec![0; 40]));
        packets
    };
    stays_inside(net, &[lab::HOST_C, lab::VM_B], storm)
}

pub fn what_is_not_even_of_the_subnet_stays_inside_too(net: &mut Carried) -> Result<()> {
    let sources = [ELSEWHERE[0], ELSEWHERE[1], NOT_OURS];
    stays_inside(net, &sources, |source| vec![datagram(source, lab::CLIENT); 20])
}

/// The gateway's own packets leave from its outside address; one from its inside address does not.
pub fn the_gateways_inside_address_stays_inside(net: &mut Carried) -> Result<()> {
    net.drops(DropReason::PrivateSource, 1, |lab| {
        let sent = echo(lab::GATEWAY_INSIDE, lab::CLIENT).send(&lab.gateway);
        ensure!(sent.is_err(), "it left");
        Ok(())
    })?;
    net.sends(&echo(lab::GATEWAY_INSIDE, lab::CLIENT));
    ping(&net.lab.gateway, lab::GATEWAY_OUTSIDE, lab::CLIENT, 56, SOON)?;
    Ok(())
}

/// Send from the outside segment; inside nothing of it is seen, and everything is counted.
fn stays_outside(net: &mut Carried, reason: DropReason, packets: &[Packet]) -> Result<()> {
    let core: &Namespace = &net.lab.core;
    for packet in packets.iter().filter(|packet| packet.destination.is_private()) {
        core.ip(&format!("route replace {}/32 via {}", packet.destination, lab::GATEWAY_OUTSIDE))?;
    }
    let sniffer = Sniffer::start(&net.lab.switch, "gateway")?;
    net.drops(reason, packets.len() as u64, |lab| {
        packets.iter().try_for_each(|packet| packet.send(&lab.core))?;
        // It took the same way, behind them.
        echo(lab::CORE, EIP).send(&lab.core)?;
        let echo = |ip: mooring_tests::probe::Ip| ip.source == lab::CORE && ip.ports.0 == 8;
        sniffer.wait_for("what may come in", SOON, |frame| frame.ip().is_some_and(echo))?;
        Ok(())
    })?;
    let data = b"private";
    let came = sniffer.select(|frame| frame.payload.windows(data.len()).any(|bytes| bytes == data));
    ensure!(came.is_empty(), "{} of {} came in: {:?}", came.len(), packets.len(), came.first());
    Ok(())
}

pub fn a_private_source_does_not_come_in(net: &mut Carried) -> Result<()> {
    let packets = [datagram(lab::HOST_C, EIP), datagram(lab::HAVIP, EIP), datagram(lab::VM_B, lab::VM_A)];
    stays_outside(net, DropReason::SpoofedSource, &packets)
}

pub fn an_eip_of_this_vpc_does_not_come_in_as_source(net: &mut Carried) -> Result<()> {
    stays_outside(net, DropReason::SpoofedSource, &[datagram(EIP, EIP), datagram(EIP_2, EIP)])
}

/// It may be bound in another VPC, or on another gateway: then it is somebody like anybody else.
pub fn another_address_of_the_pool_is_a_source_like_any_other(net: &mut Carried) -> Result<()> {
    let sniffer = Sniffer::start(&net.lab.vm_a, "eth0")?;
    datagram(FREE_EIP, EIP).send(&net.lab.core)?;
    let comes = |ip: mooring_tests::probe::Ip| (ip.source, ip.destination) == (FREE_EIP, lab::HAVIP);
    sniffer.wait_for("a packet from another EIP", SOON, |frame| frame.ip().is_some_and(comes))?;
    Ok(())
}

pub fn a_private_destination_is_not_reached_from_outside(net: &mut Carried) -> Result<()> {
    let packets = [datagram(lab::CORE, lab::HOST_C), datagram(lab::CORE, lab::HAVIP)];
    stays_outside(net, DropReason::PrivateDestination, &packets)
}

/// Routed here, or still in somebody's ARP table: neither passed on nor answered.
pub fn an_eip_that_fronts_nothing_is_dropped(net: &mut Carried) -> Result<()> {
    net.lab.core.ip(&format!("route replace {FREE_EIP}/32 via {}", lab::GATEWAY_OUTSIDE))?;
    stays_outside(net, DropReason::UnboundEip, &[datagram(lab::CORE, FREE_EIP)])
}

/// The gateway's own address may lie in a pool's block: it still answers.
pub fn the_gateways_own_address_in_a_pool_answers(net: &mut Carried) -> Result<()> {
    let own = Ipv4Addr::new(203, 0, 113, 94);
    net.lab.gateway.ip(&format!("address add {own}/32 dev out0"))?;
    if let Some(witness) = &mut net.witness {
        witness.has(own);
    }
    ping(&net.lab.client, lab::CLIENT, own, 56, SOON)?;
    Ok(())
}

/// Who is no HAVIP with an EIP: neither does the gateway's own stack answer nor does anything leave.
pub fn an_eip_is_not_reached_from_inside(net: &mut Carried) -> Result<()> {
    let outside = Sniffer::start(&net.lab.core, "gateway")?;
    net.drops(DropReason::Hairpin, 2, |lab| {
        for (ns, from) in [(&lab.host_c, lab::HOST_C), (&lab.vm_a, lab::VM_A)] {
            let pinged = ping(ns, from, EIP, 56, SHORT);
            ensure!(pinged.is_err(), "the EIP answered {from}");
        }
        Ok(())
    })?;
    let left = outside.select(|frame| frame.ip().is_some());
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}

#[test]
fn storm() {
    tell(a_storm_from_the_subnet_stays_inside);
}

#[test]
fn other_networks() {
    tell(what_is_not_even_of_the_subnet_stays_inside_too);
}

#[test]
fn gateways_inside_address() {
    tell(the_gateways_inside_address_stays_inside);
}

#[test]
fn private_source_from_outside() {
    tell(a_private_source_does_not_come_in);
}

#[test]
fn own_eip_from_outside() {
    tell(an_eip_of_this_vpc_does_not_come_in_as_source);
}

#[test]
fn other_eip_from_outside() {
    tell(another_address_of_the_pool_is_a_source_like_any_other);
}

#[test]
fn private_destination() {
    tell(a_private_destination_is_not_reached_from_outside);
}

#[test]
fn unbound_eip() {
    tell(an_eip_that_fronts_nothing_is_dropped);
}

#[test]
fn own_address_in_pool() {
    tell(the_gateways_own_address_in_a_pool_answers);
}

#[test]
fn hairpin() {
    tell(an_eip_is_not_reached_from_inside);
}
