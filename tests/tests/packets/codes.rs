//! Every ICMP error with every code there is, about TCP, UDP, SCTP, an echo and protocols without ports, both ways.

use std::net::Ipv4Addr;

use anyhow::Result;

use crate::{
    bytes::{ICMP, Packet, icmp},
    carried::Carried,
    crossing::{BOTH, Way, arrive},
    errors::{
        ALL, PARAMETER_PROBLEM, Quoted, TIME_EXCEEDED, UNREACHABLE, quoted_echo, quoted_tcp, quoted_udp,
    },
    protocols,
};

/// Kind, code, and the word that follows: the next hop's MTU, or where the problem is.
fn every_code() -> Vec<(u8, u8, u32)> {
    let unreachable = (0..=15).map(|code| (UNREACHABLE, code, if code == 4 { 1400 } else { 0 }));
    let exceeded = (0..=1).map(|code| (TIME_EXCEEDED, code, 0));
    let problem = (0..=2).map(|code| (PARAMETER_PROBLEM, code, 0x0900_0000));
    unreachable.chain(exceeded).chain(problem).collect()
}

/// An error about a packet that went the other way: its sender sees what it sent itself.
fn about(net: &Carried, way: Way, (kind, code, rest): (u8, u8, u32), quoted: Quoted) -> Result<()> {
    let error = |(source, destination): (Ipv4Addr, Ipv4Addr)| {
        let message = icmp(kind, code, rest, &quoted(destination, source));
        Packet::new(source, destination, ICMP, message)
    };
    arrive(net, way, &[error(way.sent())], &[error(way.seen())])
}

#[test]
fn every_code_of_every_error_passes_both_ways() {
    let mut net = Carried::new().unwrap();
    for error in every_code() {
        for (what, quoted) in [("UDP", quoted_udp as Quoted), ("TCP", quoted_tcp), ("an echo", quoted_echo)] {
            for way in BOTH {
                let passed = about(&net, way, error, quoted);
                passed.unwrap_or_else(|fault| panic!("{error:?} about {what}: {fault:#}"));
            }
        }
    }
    net.agrees().unwrap();
}

#[test]
fn whatever_is_quoted_is_right_with_every_kind() {
    let mut net = Carried::new().unwrap();
    for kind in [UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM] {
        for (what, quoted) in ALL {
            for way in BOTH {
                let passed = about(&net, way, (kind, 0, 0), quoted);
                passed.unwrap_or_else(|fault| panic!("kind {kind} about {what}: {fault:#}"));
            }
        }
    }
    net.agrees().unwrap();
}

/// Protocols without ports, and SCTP: of what they quote only the address changes.
#[test]
fn errors_about_other_protocols_pass_both_ways() {
    let mut net = Carried::new().unwrap();
    for (what, packet) in protocols::ALL {
        for way in BOTH {
            let error = |(source, destination): (Ipv4Addr, Ipv4Addr)| {
                let message = icmp(UNREACHABLE, 2, 0, &packet(destination, source).bytes());
                Packet::new(source, destination, ICMP, message)
            };
            // UDP-Lite's own checksum stands in the quote as it was: no rule mends it, and no receiver looks.
            let mut seen = error(way.seen());
            if what == "UDP-Lite" {
                let (source, destination) = way.seen();
                let mut quoted = packet(destination, source).bytes();
                let (source, destination) = way.sent();
                quoted[26..28].copy_from_slice(&packet(destination, source).payload[6..8]);
                let (source, destination) = way.seen();
                seen = Packet::new(source, destination, ICMP, icmp(UNREACHABLE, 2, 0, &quoted));
            }
            let passed = arrive(&net, way, &[error(way.sent())], &[seen]);
            passed.unwrap_or_else(|fault| panic!("{what}: {fault:#}"));
        }
    }
    net.agrees().unwrap();
}
