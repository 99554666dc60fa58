//! Traceroute through an EIP, as three kinds of probes, in both directions: each hop says who it is in addresses of the
//! asker's side, and quotes the asker's own packet.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::{Result, ensure};
use mooring_tests::{
    lab::{self, Namespace},
    probe::{Frame, Sniffer, TcpServer},
};

use crate::{
    bytes::{ICMP, Packet, TCP, echo, tcp, udp},
    carried::{Carried, EIP, PORT, SOON},
    crossing::datagram,
    errors::TIME_EXCEEDED,
};

const EDGE_OF_CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const EDGE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const CORE_TO_CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const MOST_HOPS: u8 = 8;
/// Where traceroute begins.
const CLOSED: u16 = 33_434;

type Probe = fn(Ipv4Addr, Ipv4Addr) -> Packet;

fn at(address: Ipv4Addr, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(address, port)
}

const PROBES: [(&str, Probe); 3] = [
    ("UDP", |from, to| udp(at(from, 40_000), at(to, CLOSED), b"trace")),
    ("an echo", echo),
    ("TCP", |from, to| tcp(at(from, 40_000), at(to, PORT), b"")),
];

/// Who answered, and the packet quoted if it was an error of a router on the way.
fn answer(frame: &Frame, asker: Ipv4Addr) -> Option<(Ipv4Addr, Option<Vec<u8>>)> {
    let ip = frame.ip().filter(|ip| ip.destination == asker && !frame.outgoing)?;
    let quoted = || datagram(frame).and_then(|bytes| bytes.get(28..)).map(<[u8]>::to_vec);
    match (ip.protocol, ip.ports.0) {
        (ICMP, kind) if kind == u16::from(TIME_EXCEEDED) => Some((ip.source, quoted())),
        (ICMP | TCP, _) => Some((ip.source, None)),
        _ => None,
    }
}

/// Every hop, to the one that is the end.
fn trace((ns, from): (&Namespace, Ipv4Addr), to: Ipv4Addr, probe: Probe) -> Result<Vec<Ipv4Addr>> {
    let mut hops = Vec::new();
    for ttl in 1..=MOST_HOPS {
        let sniffer = Sniffer::start(ns, "eth0")?;
        Packet { ttl, ..probe(from, to) }.send(ns)?;
        let frame = sniffer
            .wait_for(&format!("hop {ttl} after {hops:?}"), SOON, |frame| answer(frame, from).is_some())?;
        let (hop, quoted) = answer(&frame, from).unwrap_or((from, None));
        hops.push(hop);
        let Some(quoted) = quoted else { return Ok(hops) };
        let sent = Packet { ttl: 1, ..probe(from, to) }.bytes();
        ensure!(quoted == sent, "{hop} quotes {quoted:02x?} and not {sent:02x?}");
    }
    Ok(hops)
}

#[test]
fn from_the_client_to_the_eip() {
    let mut net = Carried::new().unwrap();
    let lab = &net.lab;
    let private = Sniffer::start(&lab.client, "eth0").unwrap();
    for (what, probe) in PROBES {
        let hops = trace((&lab.client, lab::CLIENT), EIP, probe).unwrap_or_else(|e| panic!("{what}: {e:#}"));
        assert_eq!(hops, [EDGE_OF_CLIENT, CORE_TO_CLIENT, lab::GATEWAY_OUTSIDE, EIP], "{what}");
    }
    let private = private.select(|frame| {
        [lab::HAVIP, lab::VM_A, lab::GATEWAY_INSIDE].iter().any(|address| frame.mentions(*address))
    });
    assert!(private.is_empty(), "{private:?}");
    net.agrees().unwrap();
}

#[test]
fn from_the_holder_as_the_havip() {
    let mut net = Carried::new().unwrap();
    let lab = &net.lab;
    let _answers =
        TcpServer::start(&lab.client, at(lab::CLIENT, PORT), "client", mooring_tests::probe::Mode::Echo);
    for (what, probe) in PROBES {
        let hops =
            trace((&lab.vm_a, lab::HAVIP), lab::CLIENT, probe).unwrap_or_else(|e| panic!("{what}: {e:#}"));
        assert_eq!(hops, [lab::GATEWAY_INSIDE, lab::CORE, EDGE, lab::CLIENT], "{what}");
    }
    net.agrees().unwrap();
}
