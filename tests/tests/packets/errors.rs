//! ICMP errors: whoever gets one must recognize the packet it quotes, byte by byte, and learn no private address.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::{Result, ensure};
use mooring_dataplane::DropReason;
use mooring_tests::{
    lab::{self, Namespace},
    probe::{Frame, Sniffer, udp_ask},
};

use crate::{
    bytes::{ICMP, Packet, TCP, UDP, echo, icmp, tcp, udp},
    carried::{Carried, EIP, SOON, tell},
};

pub const UNREACHABLE: u8 = 3;
pub const TIME_EXCEEDED: u8 = 11;
pub const PARAMETER_PROBLEM: u8 = 12;
const CLOSED: u16 = 9;

/// A packet that can be quoted, between these two.
pub type Quoted = fn(Ipv4Addr, Ipv4Addr) -> Vec<u8>;

fn ports(source: Ipv4Addr, destination: Ipv4Addr) -> (SocketAddrV4, SocketAddrV4) {
    (SocketAddrV4::new(source, 40_000), SocketAddrV4::new(destination, 40_001))
}

pub fn quoted_udp(source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    let (source, destination) = ports(source, destination);
    udp(source, destination, b"thirteen byte").bytes()
}

fn quoted_udp_without_checksum(source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    let (source, destination) = ports(source, destination);
    let mut packet = udp(source, destination, b"hello");
    packet.payload[6..8].fill(0);
    packet.bytes()
}

pub fn quoted_tcp(source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    let (source, destination) = ports(source, destination);
    tcp(source, destination, b"hello").bytes()
}

/// As routers may: the IP header and eight bytes, which end before a TCP checksum.
fn quoted_tcp_eight_bytes(source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    quoted_tcp(source, destination)[..28].to_vec()
}

/// The header's checksum is there, the segment's end is not.
fn quoted_tcp_header(source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    quoted_tcp(source, destination)[..40].to_vec()
}

pub fn quoted_echo(source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    echo(source, destination).bytes()
}

/// A later fragment: what stands where a checksum would is data.
fn quoted_fragment(source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    let data = b"this is no UDP header, it is data".to_vec();
    Packet { fragment: 185, ..Packet::new(source, destination, UDP, data) }.bytes()
}

/// With options the payload begins elsewhere: nothing behind the quoted header is touched.
fn quoted_options(source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    let data = b"the port, the length and the rest".to_vec();
    Packet { options: vec![1; 4], ..Packet::new(source, destination, TCP, data) }.bytes()
}

pub const ALL: [(&str, Quoted); 8] = [
    ("UDP", quoted_udp),
    ("UDP without checksum", quoted_udp_without_checksum),
    ("TCP", quoted_tcp),
    ("eight bytes of TCP", quoted_tcp_eight_bytes),
    ("a TCP header", quoted_tcp_header),
    ("an echo", quoted_echo),
    ("a later fragment", quoted_fragment),
    ("a header with options", quoted_options),
];

/// The ICMP message of a frame that is one of this kind between these two.
fn message(frame: &Frame, kind: u8, from: Ipv4Addr, to: Ipv4Addr) -> Option<Vec<u8>> {
    let ip = frame.ip()?;
    let length = usize::from(u16::from_be_bytes([frame.payload[2], frame.payload[3]]));
    let ours =
        ip.protocol == ICMP && ip.ports.0 == u16::from(kind) && (ip.source, ip.destination) == (from, to);
    ours.then(|| frame.payload[20..length].to_vec())
}

/// Send an error from one end and see exactly this message at the other.
fn arrives(
    (sender, from, to): (&Namespace, Ipv4Addr, Ipv4Addr),
    (receiver, seen_from, seen_at): (&Namespace, Ipv4Addr, Ipv4Addr),
    kind: u8,
    (sent, expected): (Vec<u8>, Vec<u8>),
) -> Result<()> {
    let sniffer = Sniffer::start(receiver, "eth0")?;
    let (sent, expected) = (icmp(kind, 1, 0, &sent), icmp(kind, 1, 0, &expected));
    Packet::new(from, to, ICMP, sent).send(sender)?;
    let frame =
        sniffer.wait_for("the error", SOON, |frame| message(frame, kind, seen_from, seen_at).is_some())?;
    let found = message(&frame, kind, seen_from, seen_at).unwrap_or_default();
    ensure!(found == expected, "kind {kind}:\n{found:02x?} instead of\n{expected:02x?}");
    Ok(())
}

/// From the client to the EIP, quoting what the client got from the EIP: the HAVIP's instance sees what it sent itself.
pub fn inwards(net: &Carried, kind: u8, quoted: Quoted) -> Result<()> {
    let lab = &net.lab;
    let both = (quoted(EIP, lab::CLIENT), quoted(lab::HAVIP, lab::CLIENT));
    arrives((&lab.client, lab::CLIENT, EIP), (&lab.vm_a, lab::CLIENT, lab::HAVIP), kind, both)
}

/// From the HAVIP to the client, quoting what the HAVIP got from the client: the client sees what it sent itself.
pub fn outwards(net: &Carried, kind: u8, quoted: Quoted) -> Result<()> {
    let lab = &net.lab;
    let both = (quoted(lab::CLIENT, lab::HAVIP), quoted(lab::CLIENT, EIP));
    arrives((&lab.vm_a, lab::HAVIP, lab::CLIENT), (&lab.client, EIP, lab::CLIENT), kind, both)
}

pub fn every_kind_passes_inwards(net: &mut Carried) -> Result<()> {
    [UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM]
        .into_iter()
        .try_for_each(|kind| inwards(net, kind, quoted_udp))
}

pub fn every_kind_passes_outwards(net: &mut Carried) -> Result<()> {
    [UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM]
        .into_iter()
        .try_for_each(|kind| outwards(net, kind, quoted_udp))
}

#[test]
fn errors_of_every_kind_pass_both_ways() {
    tell(every_kind_passes_inwards);
    tell(every_kind_passes_outwards);
}

#[test]
fn whatever_is_quoted_is_right_to_the_last_checksum() {
    let mut net = Carried::new().unwrap();
    for (what, quoted) in ALL {
        inwards(&net, UNREACHABLE, quoted).unwrap_or_else(|error| panic!("inwards, {what}: {error}"));
        outwards(&net, UNREACHABLE, quoted).unwrap_or_else(|error| panic!("outwards, {what}: {error}"));
    }
    net.agrees().unwrap();
}

pub fn an_error_that_quotes_another_private_address_does_not_leave(net: &mut Carried) -> Result<()> {
    let sniffer = Sniffer::start(&net.lab.client, "eth0")?;
    net.drops(DropReason::PrivateQuoted, 1, |lab| {
        let error = icmp(UNREACHABLE, 1, 0, &quoted_udp(lab::CLIENT, lab::HOST_C));
        Packet::new(lab::HAVIP, lab::CLIENT, ICMP, error).send(&lab.vm_a)?;
        // It took the same way as one that arrives, and was before it.
        Packet::new(lab::HAVIP, lab::CLIENT, ICMP, icmp(13, 0, 0, b"last")).send(&lab.vm_a)?;
        sniffer.wait_for("the message behind it", SOON, |frame| {
            message(frame, 13, EIP, lab::CLIENT).is_some()
        })?;
        Ok(())
    })?;
    let leaked = sniffer.select(|frame| frame.mentions(lab::HOST_C));
    ensure!(leaked.is_empty(), "{leaked:?}");
    Ok(())
}

#[test]
fn private_quoted() {
    tell(an_error_that_quotes_another_private_address_does_not_leave);
}

#[test]
fn a_closed_port_refuses_both_ways() {
    let mut net = Carried::new().unwrap();
    let lab = &net.lab;
    for (from, source, address) in [(&lab.client, lab::CLIENT, EIP), (&lab.vm_a, lab::HAVIP, lab::CLIENT)] {
        let asked = udp_ask(from, source, SocketAddrV4::new(address, CLOSED), b"hello", SOON);
        assert_eq!(asked.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused, "from {source}");
    }
    net.agrees().unwrap();
}

/// What a packet with this TTL comes back as: the router that says so, and the packet that it quotes.
fn expired(ns: &Namespace, packet: Packet) -> Result<(Ipv4Addr, Vec<u8>)> {
    let sniffer = Sniffer::start(ns, "eth0")?;
    packet.send(ns)?;
    let frame = sniffer.wait_for("a time exceeded", SOON, |frame| {
        frame.ip().is_some_and(|ip| ip.protocol == ICMP && ip.ports.0 == u16::from(TIME_EXCEEDED))
    })?;
    let router = frame.ip().map(|ip| ip.source).unwrap_or(Ipv4Addr::UNSPECIFIED);
    let length = usize::from(u16::from_be_bytes([frame.payload[2], frame.payload[3]]));
    ensure!(
        mooring_tests::probe::checksum(&frame.payload[20..length]) == 0,
        "the error's own checksum is wrong"
    );
    Ok((router, frame.payload[28..length].to_vec()))
}

/// The packet as it was sent, but for its TTL.
pub fn quotes(ns: &Namespace, sent: Packet, router: Ipv4Addr) -> Result<()> {
    let (from, quoted) = expired(ns, sent.clone())?;
    ensure!(from == router, "expired at {from} and not at {router}");
    let expected = Packet { ttl: 1, ..sent }.bytes();
    ensure!(quoted == expected, "{quoted:02x?} instead of\n{expected:02x?}");
    Ok(())
}

/// The gateway's own error, about a packet that it has translated already.
pub fn a_packet_that_expires_at_the_gateway_is_quoted_with_the_eip(net: &mut Carried) -> Result<()> {
    let (source, destination) = ports(lab::CLIENT, EIP);
    let packet = Packet { ttl: 3, ..udp(source, destination, b"trace") };
    quotes(&net.lab.client, packet, lab::GATEWAY_OUTSIDE)
}

pub fn a_packet_that_expires_on_the_internet_is_quoted_with_the_havip(net: &mut Carried) -> Result<()> {
    let (source, destination) = ports(lab::HAVIP, lab::CLIENT);
    let packet = Packet { ttl: 2, ..udp(source, destination, b"trace") };
    quotes(&net.lab.vm_a, packet, lab::CORE)
}

#[test]
fn traceroute_shows_each_side_its_own_packet() {
    tell(a_packet_that_expires_at_the_gateway_is_quoted_with_the_eip);
    tell(a_packet_that_expires_on_the_internet_is_quoted_with_the_havip);
    // The gateway's own, inwards: it has not been translated yet, and is not to be.
    tell(|net| {
        let (source, destination) = ports(lab::HAVIP, lab::CLIENT);
        let packet = Packet { ttl: 1, ..udp(source, destination, b"trace") };
        quotes(&net.lab.vm_a, packet, lab::GATEWAY_INSIDE)
    });
    // The instance's own last hop is the HAVIP: nothing expires there.
    tell(|net| {
        let (source, destination) = ports(lab::CLIENT, EIP);
        let packet = Packet { ttl: 4, ..udp(source, destination, b"trace") };
        let (sniffer, client) = (Sniffer::start(&net.lab.client, "eth0")?, &net.lab.client);
        packet.send(client)?;
        let closed = |frame: &Frame| message(frame, UNREACHABLE, EIP, lab::CLIENT).is_some();
        sniffer.wait_for("the EIP's own answer", SOON, closed)?;
        let private = sniffer.select(|frame| frame.mentions(lab::HAVIP) || frame.mentions(lab::VM_A));
        ensure!(private.is_empty(), "{private:?}");
        ensure!(expired(client, Packet { ttl: 4, ..echo(lab::CLIENT, EIP) }).is_err(), "an echo expired");
        Ok(())
    });
}
