//! Every protocol, with ports and without, whole and in fragments: at the other end each packet is what its sender made
//! but for the address, to the last checksum.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::ensure;
use mooring_tests::{
    lab,
    probe::{Sniffer, UdpEcho, ping, udp_ask},
};

use crate::{
    bytes::{ICMP, Packet, TCP, UDP, echo, icmp, sctp, tcp, udp},
    carried::{Carried, EIP, PORT, SOON, tell},
    crossing::{BOTH, Way, arrive, cross, datagram},
    ways::connection_tracking_sees_none_of_it,
};

const IGMP: u8 = 2;
const GRE: u8 = 47;
const ESP: u8 = 50;
const UDP_LITE: u8 = 136;
/// "More fragments follow".
const MORE: u16 = 0x2000;

fn ports(source: Ipv4Addr, destination: Ipv4Addr) -> (SocketAddrV4, SocketAddrV4) {
    (SocketAddrV4::new(source, PORT), SocketAddrV4::new(destination, PORT))
}

fn datagram_of(data: &[u8], source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    let (source, destination) = ports(source, destination);
    udp(source, destination, data)
}

fn plain_udp(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    datagram_of(b"thirteen byte", source, destination)
}

fn plain_tcp(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    let (source, destination) = ports(source, destination);
    tcp(source, destination, b"an odd number")
}

fn plain_sctp(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    let (source, destination) = ports(source, destination);
    sctp(source, destination)
}

fn without_checksum(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    let mut packet = plain_udp(source, destination);
    packet.payload[6..8].fill(0);
    packet
}

/// UDP-Lite with all of it covered: UDP's checksum under another number.
fn udp_lite(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    let mut packet = plain_udp(source, destination);
    packet.protocol = UDP_LITE;
    packet.payload[4..8].fill(0);
    packet.sum(6)
}

/// With a key and a sequence number: there is nothing like a port in it.
fn gre(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    let header = [0x30, 0, 8, 0, 0, 0, 0, 42, 0, 0, 0, 1];
    Packet::new(source, destination, GRE, [&header[..], &[7; 40]].concat())
}

fn esp(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    let data = [&[0, 0, 1, 0, 0, 0, 0, 9][..], &[0xa5; 56]].concat();
    Packet::new(source, destination, ESP, data)
}

fn unknown(source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    Packet::new(source, destination, 253, b"a number that nobody has".to_vec())
}

type Made = fn(Ipv4Addr, Ipv4Addr) -> Packet;

pub const ALL: [(&str, Made); 9] = [
    ("UDP", plain_udp),
    ("UDP without a checksum", without_checksum),
    ("UDP-Lite", udp_lite),
    ("TCP", plain_tcp),
    ("SCTP", plain_sctp),
    ("an echo", echo),
    ("GRE", gre),
    ("ESP", esp),
    ("a protocol that nobody knows", unknown),
];

#[test]
fn every_protocol_passes_both_ways_and_is_right_to_the_last_checksum() {
    let mut net = Carried::new().unwrap();
    for (what, packet) in ALL {
        for way in BOTH {
            cross(&net, way, &[&packet]).unwrap_or_else(|error| panic!("{what}: {error:#}"));
        }
    }
    net.agrees().unwrap();
}

/// "0" means "none" in UDP: a sum that comes out as 0 is sent as its other zero, both ways.
#[test]
fn a_udp_checksum_that_comes_out_as_zero_is_not_taken_for_none() {
    let mut net = Carried::new().unwrap();
    for way in BOTH {
        let (source, destination) = way.seen();
        let sum = datagram_of(&[0, 0], source, destination).payload[6..8].to_vec();
        let (sent, mut seen) = (way.sent(), datagram_of(&sum, source, destination));
        assert_eq!(seen.payload[6..8], [0, 0]);
        seen.payload[6..8].fill(0xff);
        arrive(&net, way, &[datagram_of(&sum, sent.0, sent.1)], &[seen]).unwrap();
    }
    net.agrees().unwrap();
}

/// The fragments of a packet, 24 bytes each.
fn fragments(whole: &Packet) -> Vec<Packet> {
    let pieces: Vec<_> = whole.payload.chunks(24).collect();
    let fragment = |(index, piece): (usize, &&[u8])| {
        let more = if index + 1 < pieces.len() { MORE } else { 0 };
        Packet { fragment: more | (index * 3) as u16, payload: piece.to_vec(), ..whole.clone() }
    };
    pieces.iter().enumerate().map(fragment).collect()
}

fn long(protocol: u8, source: Ipv4Addr, destination: Ipv4Addr) -> Packet {
    let data: Vec<u8> = (0..80).collect();
    match protocol {
        UDP => datagram_of(&data, source, destination),
        TCP => {
            let (source, destination) = ports(source, destination);
            tcp(source, destination, &data)
        }
        ICMP => Packet::new(source, destination, ICMP, icmp(8, 0, 0x0001_0002, &data)),
        _ => Packet::new(source, destination, protocol, data),
    }
}

/// Only addresses are looked at: no fragment waits for another, and the first has the checksum of the whole.
#[test]
fn fragments_pass_in_any_order_and_alone() {
    let mut net = Carried::new().unwrap();
    for protocol in [UDP, TCP, ICMP, GRE, ESP] {
        for way in BOTH {
            let ((from, to), (seen_from, seen_to)) = (way.sent(), way.seen());
            let sent = fragments(&long(protocol, from, to));
            let seen = fragments(&long(protocol, seen_from, seen_to));
            assert!(sent.len() >= 4, "{}", sent.len());
            for order in [vec![0, 1, 2, 3], vec![3, 2, 1, 0], vec![2, 0, 3, 1], vec![2], vec![0]] {
                let pick = |all: &[Packet]| order.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
                let arrived = arrive(&net, way, &pick(&sent), &pick(&seen));
                arrived.unwrap_or_else(|error| panic!("{protocol}, {order:?}: {error:#}"));
            }
        }
    }
    net.agrees().unwrap();
}

/// A stranger's rule that tracks makes the kernel put fragments together before anybody sees them, and take them apart
/// behind everybody: what arrives is whole, translated, and untracked.
#[test]
fn fragments_pass_where_a_strangers_rule_tracks() {
    tell(|net| {
        connection_tracking_sees_none_of_it(net)?;
        if let Some(witness) = &mut net.witness {
            witness.gathers();
        }
        let data: Vec<u8> = (0..4000).map(|n| n as u8).collect();
        let lab = &net.lab;
        let at = |address| SocketAddrV4::new(address, PORT);
        let inside = UdpEcho::start(&lab.vm_a, at(lab::HAVIP), "vm-a")?;
        ensure!(udp_ask(&lab.client, lab::CLIENT, at(EIP), &data, SOON)?.payload == data);
        let outside = UdpEcho::start(&lab.client, at(lab::CLIENT), "client")?;
        let answer = udp_ask(&lab.vm_a, lab::HAVIP, at(lab::CLIENT), &data, SOON)?;
        ensure!(answer.payload == data && *answer.peer.ip() == EIP, "from {}", answer.peer);
        // They would answer each other's answers to what is sent now, for ever.
        drop((inside, outside));
        for way in BOTH {
            let ((from, to), (seen_from, seen_to)) = (way.sent(), way.seen());
            let sniffer = Sniffer::start(if way == Way::In { &lab.vm_a } else { &lab.client }, "eth0")?;
            let mut sent = fragments(&long(UDP, from, to));
            sent.reverse();
            let sender = if way == Way::In { &lab.client } else { &lab.vm_a };
            sent.iter().try_for_each(|fragment| fragment.send(sender))?;
            // In one piece or in several: the kernel's own business. The first of it has the right checksum.
            let whole = long(UDP, seen_from, seen_to);
            sniffer.wait_for("its beginning", SOON, |frame| {
                datagram(frame).is_some_and(|bytes| bytes.get(20..44) == whole.payload.get(..24))
            })?;
        }
        Ok(())
    });
}

/// A multicast protocol's packet to an EIP is a packet to an EIP.
#[test]
fn igmp_passes_like_any_other() {
    let packet = |source, destination| Packet::new(source, destination, IGMP, icmp(0x11, 0, 0, &[]));
    for way in BOTH {
        cross(&Carried::new().unwrap(), way, &[&packet]).unwrap();
    }
}

/// An echo of the longest packet there is: 65 535 bytes in fragments, both ways.
#[test]
fn the_longest_packet_there_is() {
    tell(|net| {
        let lab = &net.lab;
        ping(&lab.client, lab::CLIENT, EIP, 65_507, SOON)?;
        ping(&lab.vm_a, lab::HAVIP, lab::CLIENT, 65_507, SOON)?;
        Ok(())
    });
}
