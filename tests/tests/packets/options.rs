//! IP options: a packet that has some passes as if it had none, and nobody writes down in them who is where.

use anyhow::{Result, ensure};
use mooring_tests::{lab, probe::Sniffer};

use crate::{
    bytes::{ICMP, Packet, echo, icmp},
    carried::{Carried, EIP, SOON, tell},
    crossing::{BOTH, Way, arrive, datagram},
    errors::{UNREACHABLE, quoted_udp},
    protocols,
};

/// "Write your addresses down": every router and the end itself, up to nine.
fn record_route() -> Vec<u8> {
    let mut options = vec![7, 39, 4];
    options.resize(40, 0);
    options
}

/// "Write your addresses and the time down", behind something that does nothing.
fn timestamps() -> Vec<u8> {
    let mut options = vec![1, 1, 68, 36, 5, 1];
    options.resize(40, 0);
    options
}

/// The longest there are, and all different.
pub fn options_are_blanked(net: &mut Carried, way: Way) -> Result<()> {
    let ((from, to), (seen_from, seen_to)) = (way.sent(), way.seen());
    let sent = Packet { options: record_route(), ..echo(from, to) };
    let seen = Packet { options: vec![1; 40], ..echo(seen_from, seen_to) };
    arrive(net, way, &[sent], &[seen])
}

/// They move the ports and the checksum; the gateway still mends the right one.
#[test]
fn every_protocol_passes_with_options_both_ways() {
    let mut net = Carried::new().unwrap();
    let label = [&[0x82, 11][..], &[0; 10]].concat();
    for options in [vec![1, 1, 1, 0], label, timestamps()] {
        let blank = vec![1; options.len()];
        for (what, packet) in protocols::ALL {
            for way in BOTH {
                let ((from, to), (seen_from, seen_to)) = (way.sent(), way.seen());
                let sent = Packet { options: options.clone(), ..packet(from, to) };
                let seen = Packet { options: blank.clone(), ..packet(seen_from, seen_to) };
                let arrived = arrive(&net, way, &[sent], &[seen]);
                arrived.unwrap_or_else(|error| panic!("{what} with {options:02x?}: {error:#}"));
            }
        }
    }
    net.agrees().unwrap();
}

#[test]
fn options_are_blank_behind_the_gateway() {
    tell(|net| BOTH.into_iter().try_for_each(|way| options_are_blanked(net, way)));
}

/// Who is asked for the route writes himself into his answer, or into the error about it.
#[test]
fn what_is_recorded_tells_no_private_address() {
    let mut net = Carried::new().unwrap();
    for options in [record_route(), timestamps()] {
        let closed = Packet::new(lab::CLIENT, EIP, 253, b"nobody serves it".to_vec());
        for packet in [echo(lab::CLIENT, EIP), closed] {
            let sniffer = Sniffer::start(&net.lab.client, "eth0").unwrap();
            Packet { options: options.clone(), ..packet }.send(&net.lab.client).unwrap();
            let answer = sniffer.wait_for("the answer", SOON, |frame| {
                frame.ip().is_some_and(|ip| (ip.source, ip.protocol) == (EIP, ICMP))
            });
            let answer = answer.unwrap();
            for private in [lab::HAVIP, lab::VM_A, lab::GATEWAY_INSIDE] {
                assert!(!answer.mentions(private), "{private} in {:02x?}", datagram(&answer));
            }
        }
    }
    net.agrees().unwrap();
}

/// The instance asks itself: its own address is the first that is written down.
#[test]
fn an_instance_that_records_its_route_tells_the_client_nothing() {
    tell(|net| {
        let sniffer = Sniffer::start(&net.lab.client, "eth0")?;
        let mut options = record_route();
        options[2] = 8;
        options[3..7].copy_from_slice(&lab::HAVIP.octets());
        Packet { options, ..echo(lab::HAVIP, lab::CLIENT) }.send(&net.lab.vm_a)?;
        let came =
            sniffer.wait_for("the packet", SOON, |frame| frame.ip().is_some_and(|ip| ip.source == EIP))?;
        ensure!(!came.mentions(lab::HAVIP) && !came.mentions(lab::GATEWAY_INSIDE), "{:02x?}", came.payload);
        Ok(())
    });
}

/// Nothing of what a packet carries is blanked with them.
#[test]
fn an_error_with_options_is_translated_like_any_other() {
    let mut net = Carried::new().unwrap();
    for way in BOTH {
        let error = |(source, destination), options: Vec<u8>| {
            let message = icmp(UNREACHABLE, 1, 0, &quoted_udp(destination, source));
            Packet { options, ..Packet::new(source, destination, ICMP, message) }
        };
        let (sent, seen) = (error(way.sent(), record_route()), error(way.seen(), vec![1; 40]));
        arrive(&net, way, &[sent], &[seen]).unwrap();
    }
    net.agrees().unwrap();
}
