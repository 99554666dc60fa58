//! Hairpin with state, where the operator's file says so: any inside host reaches an EIP of its VPC. The HAVIP sees the
//! gateway's own address, the host sees the EIP; everything else is as without it.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use anyhow::{Context as _, Result, ensure};
use mooring_dataplane::DropReason;
use mooring_domain::nat::Op;
use mooring_tests::{
    lab::{self, Lab},
    probe::{Mode, Sniffer, TcpFlow, TcpServer, UdpEcho, learned_mtu, ping, tcp_ask, udp_ask, upload},
};

use crate::{
    bytes::{ICMP, Packet, echo, icmp, tcp, udp},
    carried::{Carried, EIP, EIP_2, PORT, SHORT, SOON, tell, tell_tracked},
    crossing::datagram,
    errors::{PARAMETER_PROBLEM, TIME_EXCEEDED, UNREACHABLE, quotes},
    hairpin::{Ends, is_for},
    private::an_eip_is_not_reached_from_inside,
    ways::{connection_tracking_sees_none_of_it, fragments_pass_both_ways, reached},
};

const CLOSED: u16 = 9;
const LARGE: usize = 4000;
/// "Do not fragment".
const WHOLE: u16 = 0x4000;
const KINDS: [u8; 3] = [UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM];

fn ends(lab: &Lab) -> Ends<'_> {
    Ends {
        sender: (&lab.host_c, lab::HOST_C, lab::GATEWAY_INSIDE),
        receiver: (&lab.vm_a, lab::HAVIP, EIP),
        hops: 1,
    }
}

/// Of one flow: what the host sends, and the HAVIP answers to.
fn asked(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    udp(SocketAddrV4::new(source, 40_000), SocketAddrV4::new(destination, 40_001), b"asked")
}

fn answered(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    udp(SocketAddrV4::new(source, 40_001), SocketAddrV4::new(destination, 40_000), b"answered")
}

pub fn an_inside_host_reaches_an_eip(net: &mut Carried) -> Result<()> {
    let lab = &net.lab;
    // The last one is the holder itself, from its own address.
    for (ns, from) in [(&lab.host_c, lab::HOST_C), (&lab.vm_b, lab::VM_B), (&lab.vm_a, lab::VM_A)] {
        let seen = reached((&lab.vm_a, lab::HAVIP), (ns, from), EIP)?;
        ensure!(seen == [lab::GATEWAY_INSIDE; 2], "from {from}: the HAVIP's service saw {seen:?}");
    }
    Ok(())
}

/// Held, but without an EIP: such a HAVIP is a host like any other.
fn a_havip_without_an_eip_reaches_one(net: &mut Carried) -> Result<()> {
    crate::hairpin::second_havip(net)?;
    net.desired.nat.remove(&IpAddr::V4(EIP_2));
    net.reconcile()?;
    let lab = &net.lab;
    let seen = reached((&lab.vm_a, lab::HAVIP), (&lab.vm_b, lab::HAVIP_2), EIP)?;
    ensure!(seen == [lab::GATEWAY_INSIDE; 2], "the HAVIP's service saw {seen:?}");
    Ok(())
}

fn fragments_turn_round(net: &mut Carried) -> Result<()> {
    let lab = &net.lab;
    ping(&lab.host_c, lab::HOST_C, EIP, LARGE, SOON)?;
    let data: Vec<u8> = (0..LARGE).map(|n| n as u8).collect();
    let _server = UdpEcho::start(&lab.vm_a, SocketAddrV4::new(lab::HAVIP, PORT), "vm-a")?;
    let answer = udp_ask(&lab.host_c, lab::HOST_C, SocketAddrV4::new(EIP, PORT), &data, SOON)?;
    ensure!(answer.payload == data && *answer.peer.ip() == lab::GATEWAY_INSIDE, "from {}", answer.peer);
    Ok(())
}

fn a_closed_port_refuses(net: &mut Carried) -> Result<()> {
    let (host, to) = (&net.lab.host_c, SocketAddrV4::new(EIP, CLOSED));
    let udp = udp_ask(host, lab::HOST_C, to, b"hello", SOON).map(drop).unwrap_err();
    let tcp = tcp_ask(host, lab::HOST_C, to, SOON).map(drop).unwrap_err();
    for error in [udp, tcp] {
        ensure!(error.kind() == std::io::ErrorKind::ConnectionRefused, "{error}");
    }
    Ok(())
}

fn a_datagram_without_checksum_passes_both_ways(net: &mut Carried) -> Result<()> {
    let without = |mut packet: Packet| {
        packet.payload[6..8].fill(0);
        packet
    };
    let ends = ends(&net.lab);
    ends.pass(|source, destination| without(asked(source, destination)))?;
    ends.back().pass(|source, destination| without(answered(source, destination)))
}

/// The HAVIP's error about what the host sent.
fn an_error_of_the_havip_is_recognized(net: &mut Carried) -> Result<()> {
    let ends = ends(&net.lab);
    ends.pass(asked)?;
    KINDS.into_iter().try_for_each(|kind| ends.back().error(kind, |from, to| asked(from, to).bytes()))
}

/// The host's error about what the HAVIP answered.
pub fn an_error_of_the_host_is_recognized(net: &mut Carried, kind: u8) -> Result<()> {
    let ends = ends(&net.lab);
    ends.pass(asked)?;
    ends.back().pass(answered)?;
    ends.error(kind, |from, to| answered(from, to).bytes())
}

/// The gateway's own errors: about what the host sent, and about what the HAVIP answered.
pub fn what_expires_at_the_turn_is_quoted_as_it_was_sent(net: &mut Carried) -> Result<()> {
    let ends = ends(&net.lab);
    let expiring = |make: fn(Ipv4Addr, Ipv4Addr) -> Packet, (source, destination)| Packet {
        ttl: 1,
        ..make(source, destination)
    };
    quotes(ends.sender.0, expiring(asked, ends.sent()), lab::GATEWAY_INSIDE).context("the first packet")?;
    ends.pass(asked)?;
    quotes(ends.sender.0, expiring(asked, ends.sent()), lab::GATEWAY_INSIDE).context("asked")?;
    quotes(ends.receiver.0, expiring(answered, ends.back().sent()), lab::GATEWAY_INSIDE).context("answered")
}

fn both_learn_of_a_smaller_path(net: &mut Carried) -> Result<()> {
    // Its packets are larger than any link until a link cuts them: a frame here is not what a router looks at.
    net.blind();
    let lab = &net.lab;
    for end in [lab::HAVIP, lab::HOST_C] {
        lab.gateway.ip(&format!("route add {end}/32 dev in0 mtu 1300"))?;
    }
    let ends = ends(lab);
    ends.pass(asked)?;
    ends.back().pass(answered)?;
    let (source, destination) = ends.back().sent();
    let large = vec![0x6d; 1400];
    let at = |address, port| SocketAddrV4::new(address, port);
    let large = Packet { fragment: WHOLE, ..udp(at(source, 40_001), at(destination, 40_000), &large) };
    let sniffer = Sniffer::start(&lab.vm_a, "eth0")?;
    large.send(&lab.vm_a)?;
    let sent = large.bytes();
    sniffer.wait_for("an error that quotes it", SOON, |frame| {
        // Fragmentation needed, 1300 bytes.
        let error = datagram(frame).filter(|bytes| bytes[20..22] == [UNREACHABLE, 4] && bytes[9] == ICMP);
        error.is_some_and(|bytes| bytes[26..28] == 1300u16.to_be_bytes() && sent.starts_with(&bytes[28..]))
    })?;
    let _sink = TcpServer::start(&lab.vm_a, at(lab::HAVIP, PORT), "vm-a", Mode::Sink)?;
    upload(&lab.host_c, lab::HOST_C, at(EIP, PORT), 500_000, SOON)?;
    let learned = learned_mtu(&lab.host_c, lab::HOST_C, EIP)?;
    ensure!(learned == Some(1300), "learned {learned:?}");
    Ok(())
}

/// Tracking gives no address to what belongs to no flow; its sender must not be shown to the HAVIP, nor answered by the
/// gateway's own stack.
pub fn what_belongs_to_no_flow_is_dropped(net: &mut Carried) -> Result<()> {
    let receiver = Sniffer::start(&net.lab.vm_a, "eth0")?;
    net.drops(DropReason::Hairpin, 2, |lab| {
        let (from, to) = (SocketAddrV4::new(lab::HOST_C, PORT), SocketAddrV4::new(EIP, PORT));
        // A reset out of nowhere: the flags stand at byte 13, the checksum at 16.
        let mut reset = tcp(from, to, b"");
        reset.payload[13] = 0x04;
        reset.payload[16..18].fill(0);
        reset.sum(16).send(&lab.host_c)?;
        let error = icmp(UNREACHABLE, 1, 0, &answered(EIP, lab::HOST_C).bytes());
        Packet::new(lab::HOST_C, EIP, ICMP, error).send(&lab.host_c)?;
        // It takes the same way, behind them.
        ping(&lab.host_c, lab::HOST_C, EIP, 56, SOON)?;
        Ok(())
    })?;
    let came = receiver.select(|frame| frame.ip().is_some_and(|ip| ip.source == lab::HOST_C));
    ensure!(came.is_empty(), "{came:02x?}");
    Ok(())
}

/// Answers to it would leave as the EIP, to whomever the sender names.
fn a_source_that_is_not_of_the_vpc_is_dropped(net: &mut Carried) -> Result<()> {
    net.drops(DropReason::Hairpin, 2, |lab| {
        for source in [Ipv4Addr::new(192, 168, 7, 7), Ipv4Addr::new(8, 8, 8, 8)] {
            echo(source, EIP).send(&lab.host_c)?;
        }
        ping(&lab.host_c, lab::HOST_C, EIP, 56, SOON)?;
        Ok(())
    })
}

fn after_an_unbind_an_established_flow_is_dead_at_once(net: &mut Carried) -> Result<()> {
    let address = SocketAddrV4::new(lab::HAVIP, PORT);
    let _server = TcpServer::start(&net.lab.vm_a, address, "vm-a", Mode::Echo)?;
    let flow = TcpFlow::start(&net.lab.host_c, lab::HOST_C, SocketAddrV4::new(EIP, PORT), SOON)?;
    flow.wait_progress(SOON)?;
    net.desired.nat.remove(&IpAddr::V4(EIP));
    net.reconcile()?;
    let receiver = Sniffer::start(&net.lab.vm_a, "eth0")?;
    flow.expect_dead(SHORT * 3)?;
    // What the HAVIP's instance sends again comes to nobody; nothing of the host's comes to it.
    let to_havip = |ip: mooring_tests::probe::Ip| ip.destination == lab::HAVIP;
    let came = receiver.select(|frame| !frame.outgoing && frame.ip().is_some_and(to_havip));
    ensure!(came.is_empty(), "{came:02x?}");
    Ok(())
}

/// Tracking still turns its destination back.
pub fn an_answer_after_an_unbind_is_dropped(net: &mut Carried) -> Result<()> {
    let host = Sniffer::start(&net.lab.host_c, "eth0")?;
    ends(&net.lab).pass(asked)?;
    // Nobody serves that port: once this is here, nothing of it is on the way any more.
    let refused = |ip: mooring_tests::probe::Ip| ip.source == EIP && ip.protocol == ICMP;
    host.wait_for("the instance's own answer", SOON, |frame| frame.ip().is_some_and(refused))?;
    // These steps alone: where a rule is taken away, all of them would be made anew.
    let (eip, havip) = (IpAddr::V4(EIP), IpAddr::V4(lab::HAVIP));
    net.desired.nat.remove(&eip);
    net.steps(&[Op::RemoveRoute(eip), Op::UnmapEip(eip), Op::UnmapHavip(havip)])?;
    net.drops(DropReason::Hairpin, 1, |lab| {
        answered(lab::HAVIP, lab::GATEWAY_INSIDE).send(&lab.vm_a)?;
        // It takes the same way, behind it.
        ping(&lab.vm_a, lab::HAVIP, lab::GATEWAY_INSIDE, 56, SOON)?;
        Ok(())
    })?;
    let from_havip = |ip: mooring_tests::probe::Ip| ip.source == lab::HAVIP;
    let came = host.select(|frame| is_for(frame, lab::MAC_C) && frame.ip().is_some_and(from_havip));
    ensure!(came.is_empty(), "{came:02x?}");
    Ok(())
}

fn nobody_is_told_to_go_straight(net: &mut Carried) -> Result<()> {
    for of in ["all", "in0"] {
        net.lab.gateway.sysctl(&format!("net.ipv4.conf.{of}.send_redirects"), "1")?;
    }
    let lab = &net.lab;
    let both = [Sniffer::start(&lab.host_c, "eth0")?, Sniffer::start(&lab.vm_a, "eth0")?];
    let _server = UdpEcho::start(&lab.vm_a, SocketAddrV4::new(lab::HAVIP, PORT), "vm-a")?;
    for _ in 0..3 {
        udp_ask(&lab.host_c, lab::HOST_C, SocketAddrV4::new(EIP, PORT), b"hello", SOON)?;
    }
    let hidden = [(lab::MAC_C, lab::HAVIP), (lab::MAC_A, lab::HOST_C)];
    for (sniffer, (mac, private)) in both.iter().zip(hidden) {
        let told = sniffer.select(|frame| is_for(frame, mac) && frame.mentions(private));
        ensure!(told.is_empty(), "{private} in {told:02x?}");
    }
    Ok(())
}

fn options_are_blanked_at_the_turn(net: &mut Carried) -> Result<()> {
    let ends = ends(&net.lab);
    for (ends, make) in [(ends, asked as fn(_, _) -> _), (ends.back(), answered)] {
        let mut options = vec![7, 39, 8];
        options.extend(ends.sender.1.octets());
        options.resize(40, 0);
        let (sent, seen) = (ends.sent(), ends.seen());
        let sent = Packet { options, ..make(sent.0, sent.1) };
        ends.becomes(&sent, &Packet { options: vec![1; 40], ..make(seen.0, seen.1) })?;
    }
    Ok(())
}

#[test]
fn reach() {
    tell_tracked(an_inside_host_reaches_an_eip);
}

#[test]
fn only_where_the_file_says_so() {
    tell(an_eip_is_not_reached_from_inside);
}

#[test]
fn havip_without_eip() {
    tell_tracked(a_havip_without_an_eip_reaches_one);
}

/// Tracking puts fragments together and takes them apart again, in the whole namespace.
#[test]
fn fragments() {
    tell_tracked(fragments_turn_round);
    tell_tracked(fragments_pass_both_ways);
}

#[test]
fn closed_port() {
    tell_tracked(a_closed_port_refuses);
}

#[test]
fn without_checksum() {
    tell_tracked(a_datagram_without_checksum_passes_both_ways);
}

#[test]
fn icmp_errors() {
    tell_tracked(an_error_of_the_havip_is_recognized);
    tell_tracked(|net| KINDS.into_iter().try_for_each(|kind| an_error_of_the_host_is_recognized(net, kind)));
}

#[test]
fn expired() {
    tell_tracked(what_expires_at_the_turn_is_quoted_as_it_was_sent);
}

#[test]
fn path_mtu() {
    tell_tracked(both_learn_of_a_smaller_path);
}

#[test]
fn no_flow() {
    tell_tracked(what_belongs_to_no_flow_is_dropped);
}

#[test]
fn strange_source() {
    tell_tracked(a_source_that_is_not_of_the_vpc_is_dropped);
}

#[test]
fn unbind() {
    tell_tracked(after_an_unbind_an_established_flow_is_dead_at_once);
}

#[test]
fn answer_after_unbind() {
    tell_tracked(an_answer_after_an_unbind_is_dropped);
}

#[test]
fn redirects() {
    tell_tracked(nobody_is_told_to_go_straight);
}

#[test]
fn options() {
    tell_tracked(options_are_blanked_at_the_turn);
}

#[test]
fn eip_traffic_stays_untracked() {
    tell_tracked(connection_tracking_sees_none_of_it);
}
