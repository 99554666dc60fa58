//! From a question to a packet, and to the gateway that it comes to.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::{IpNet, Ipv4Net};
use mooring_domain::{
    Rejection,
    address::Mac,
    id::VpcId,
    nat::{
        VpcDesired,
        ruleset::Links,
        walk::{Arrival, Content, Gateway, Make, Own, Quote, Side},
        wanted,
    },
    resource::AddressOwner,
};
use mooring_proto::dataplane::v1::{GatewaySettings, QuotedPacket, Side as AskedSide, TracePacketRequest};

use crate::Folded;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
/// What a packet has for a port that was not said.
const PORTS: (u16, u16) = (40_000, 80);
const TTL: u8 = 64;
/// Who sends what nobody of the VPC sends.
pub(crate) const SOMEBODY: Mac = Mac([0; 6]);

/// A packet, and where it comes to.
pub(super) struct Asked {
    pub(super) vpc: VpcId,
    pub(super) gateway: Gateway,
    pub(super) arrival: Arrival,
}

impl Asked {
    pub(super) fn read(folded: &Folded, request: &TracePacketRequest) -> Result<Self, Rejection> {
        let ends = (address("source", &request.source)?, address("destination", &request.destination)?);
        let packet = packet(request, ends)?;
        let (vpc, desired) = vpc(folded, &request.vpc, ends)?;
        let is_inside = contains(desired.subnets.iter(), ends.0);
        let side = match request.side() {
            AskedSide::Inside => Side::Inside,
            AskedSide::Outside => Side::Outside,
            AskedSide::Unspecified if is_inside => Side::Inside,
            AskedSide::Unspecified => Side::Outside,
        };
        let mac = match request.mac.as_str() {
            "" if side == Side::Inside => mac_of(folded, vpc, desired, ends.0).unwrap_or(SOMEBODY),
            "" => SOMEBODY,
            mac => mac.parse().map_err(|error| Rejection::invalid("mac", format!("{mac:?}: {error}")))?,
        };
        let gateway = gateway(folded, vpc, desired, &request.gateway.clone().unwrap_or_default())?;
        Ok(Self { vpc, gateway, arrival: Arrival { side, mac, packet } })
    }
}

/// A gateway that is up to the fold.
pub(crate) fn gateway(
    folded: &Folded,
    vpc: VpcId,
    desired: &VpcDesired,
    settings: &GatewaySettings,
) -> Result<Gateway, Rejection> {
    let pools: BTreeSet<IpNet> = folded.desired.pools.values().flatten().copied().collect();
    let links = Links { inside: "inside".into(), outside: "outside".into(), hairpin: settings.hairpin };
    let subnets = folded.resource.subnets().iter().filter(|subnet| subnet.facts.vpc == vpc);
    let inside = subnets.filter_map(|subnet| match subnet.facts.gateway_address {
        IpAddr::V4(address) => Ipv4Net::new(address, subnet.facts.cidr.prefix_len()).ok(),
        IpAddr::V6(_) => None,
    });
    let outside = match settings.outside_address.as_str() {
        "" => Vec::new(),
        text => vec![address("gateway.outside_address", text)?],
    };
    let own = Own {
        inside: inside.collect(),
        outside,
        inside_mtu: mtu("gateway.inside_mtu", settings.inside_mtu)?,
        outside_mtu: mtu("gateway.outside_mtu", settings.outside_mtu)?,
    };
    Ok(Gateway::new(links, wanted(desired, &pools, !settings.routed), own))
}

fn mtu(field: &'static str, bytes: u32) -> Result<Option<u16>, Rejection> {
    const LEAST: u16 = 68;
    let wrong = || Rejection::invalid(field, format!("must be 0 or {LEAST} to 65535, not {bytes}"));
    match u16::try_from(bytes).map_err(|_| wrong())? {
        0 => Ok(None),
        bytes if bytes >= LEAST => Ok(Some(bytes)),
        _ => Err(wrong()),
    }
}

/// The VPC that was said, or the one that a packet between these two comes to first.
pub(crate) fn vpc<'a>(
    folded: &'a Folded,
    said: &str,
    (source, destination): (Ipv4Addr, Ipv4Addr),
) -> Result<(VpcId, &'a VpcDesired), Rejection> {
    let all = || folded.desired.vpcs.iter().map(|(id, vpc)| (*id, vpc));
    if !said.is_empty() {
        let last = said.rsplit('/').next().unwrap_or(said);
        let is_it = |(id, vpc): &(VpcId, &VpcDesired)| {
            id.to_string() == last || (said == last && *vpc.display_name.as_str() == *said)
        };
        return only(folded, all().filter(is_it), || Rejection::not_found("vpc", format!("VPC {said}")));
    }
    let fronts = |vpc: &VpcDesired, address| vpc.nat.contains_key(&IpAddr::V4(address));
    let inside = |vpc: &VpcDesired, address| contains(vpc.subnets.iter(), address);
    let of = |is_it: &dyn Fn(&VpcDesired) -> bool| all().filter(|(_, vpc)| is_it(vpc)).collect::<Vec<_>>();
    let mut found = of(&|vpc| inside(vpc, source));
    for is_it in [
        &|vpc: &VpcDesired| fronts(vpc, destination),
        &|vpc: &VpcDesired| inside(vpc, destination),
        &|vpc: &VpcDesired| fronts(vpc, source),
        &|_: &VpcDesired| [source, destination].iter().any(|address| in_pools(folded, *address)),
    ] as [&dyn Fn(&VpcDesired) -> bool; 4]
    {
        if found.is_empty() {
            found = of(is_it);
        }
    }
    only(folded, found.into_iter(), || {
        let neither = format!(
            "an address of this region among {source} and {destination}: no subnet and no pool has either, and it"
        );
        Rejection::not_found("source", neither)
    })
}

/// The only one of several, or which there are.
fn only<'a>(
    folded: &Folded,
    mut found: impl Iterator<Item = (VpcId, &'a VpcDesired)>,
    none: impl FnOnce() -> Rejection,
) -> Result<(VpcId, &'a VpcDesired), Rejection> {
    let first = found.next().ok_or_else(none)?;
    let rest: Vec<_> = found.collect();
    if rest.is_empty() {
        return Ok(first);
    }
    let names = [first].into_iter().chain(rest).map(|(id, vpc)| {
        let name = super::name_of(folded, id);
        format!("{} ({name})", vpc.display_name)
    });
    let names = names.collect::<Vec<_>>().join(", ");
    Err(Rejection::precondition("AMBIGUOUS", "vpc", format!("which VPC? It may be {names}"))
        .because_of(names))
}

pub(crate) fn contains<'a>(mut blocks: impl Iterator<Item = &'a IpNet>, address: Ipv4Addr) -> bool {
    blocks.any(|block| block.contains(&IpAddr::V4(address)))
}

pub(crate) fn in_pools(folded: &Folded, address: Ipv4Addr) -> bool {
    contains(folded.desired.pools.values().flatten(), address)
}

/// Of the holder, or of the vNIC whose own address it is.
pub(crate) fn mac_of(folded: &Folded, vpc: VpcId, desired: &VpcDesired, address: Ipv4Addr) -> Option<Mac> {
    if let Some(holder) = desired.holders.get(&IpAddr::V4(address)) {
        return *holder;
    }
    match folded.resource.address_owner(vpc, address.into())? {
        AddressOwner::Vnic(id) => Some(folded.resource.vnics().get(id)?.facts.vnic.mac),
        _ => None,
    }
}

fn packet(
    request: &TracePacketRequest,
    (source, destination): (Ipv4Addr, Ipv4Addr),
) -> Result<mooring_domain::nat::walk::Packet, Rejection> {
    let ports = (request.source_port, request.destination_port);
    let content = match (&request.about, protocol("protocol", &request.protocol, ICMP)?) {
        (Some(about), _) if request.protocol.is_empty() || request.protocol == "icmp" => {
            error(about, (source, destination))?
        }
        (Some(_), _) => {
            return Err(Rejection::invalid("protocol", "an ICMP error is icmp: leave the protocol out"));
        }
        (None, ICMP) => Content::Echo,
        (None, protocol) => Content::Other { protocol, ports: of_ports(protocol, ports)? },
    };
    let ttl = match request.ttl {
        0 => TTL,
        ttl => u8::try_from(ttl)
            .map_err(|_| Rejection::invalid("ttl", format!("must be 1 to 255, not {ttl}")))?,
    };
    let too_long = |_| Rejection::invalid("length", "a packet has at most 65535 bytes");
    let length = Some(request.length).filter(|length| *length > 0).map(u16::try_from);
    let length = length.transpose().map_err(too_long)?;
    let make = Make { source, destination, content, ttl, length, whole: request.whole };
    make.packet().map_err(|error| Rejection::invalid("length", error.to_string()))
}

/// Without more, about a datagram that came the other way.
fn error(about: &QuotedPacket, (from, to): (Ipv4Addr, Ipv4Addr)) -> Result<Content, Rejection> {
    let kind = match about.icmp_type {
        kind @ (3 | 11 | 12) => kind as u8,
        other => {
            let what = format!("must be 3, 11 or 12: no other error quotes a packet; it is {other}");
            return Err(Rejection::invalid("about.icmp_type", what));
        }
    };
    let code = u8::try_from(about.icmp_code)
        .map_err(|_| Rejection::invalid("about.icmp_code", "must be 0 to 255"))?;
    let or = |field, text: &str, otherwise| match text {
        "" => Ok(otherwise),
        text => address(field, text),
    };
    let protocol = protocol("about.protocol", &about.protocol, UDP)?;
    let ports = of_ports(protocol, (about.source_port, about.destination_port))?;
    let (source, destination) =
        (or("about.source", &about.source, to)?, or("about.destination", &about.destination, from)?);
    Ok(Content::Error(kind, code, Quote { source, destination, protocol, ports }))
}

fn of_ports(protocol: u8, (source, destination): (u32, u32)) -> Result<(u16, u16), Rejection> {
    if !matches!(protocol, TCP | UDP) {
        let what = format!("protocol {protocol} has no ports");
        return match (source, destination) {
            (0, 0) => Ok((0, 0)),
            (0, _) => Err(Rejection::invalid("destination_port", what)),
            _ => Err(Rejection::invalid("source_port", what)),
        };
    }
    let one = |field, port, otherwise| match u16::try_from(port) {
        Ok(0) => Ok(otherwise),
        Ok(port) => Ok(port),
        Err(_) => Err(Rejection::invalid(field, format!("must be 1 to 65535, not {port}"))),
    };
    Ok((one("source_port", source, PORTS.0)?, one("destination_port", destination, PORTS.1)?))
}

fn protocol(field: &'static str, text: &str, otherwise: u8) -> Result<u8, Rejection> {
    match text {
        "" => Ok(otherwise),
        "icmp" => Ok(ICMP),
        "tcp" => Ok(TCP),
        "udp" => Ok(UDP),
        number => number.parse().map_err(|_| {
            Rejection::invalid(
                field,
                format!("must be icmp, tcp, udp or a number from 0 to 255, not {number:?}"),
            )
        }),
    }
}

pub(crate) fn address(field: &'static str, text: &str) -> Result<Ipv4Addr, Rejection> {
    match text.parse() {
        Ok(IpAddr::V4(address)) => Ok(address),
        Ok(IpAddr::V6(_)) => {
            Err(Rejection::invalid(field, "IPv6 is in no kernel yet: an IPv4 address is needed"))
        }
        Err(_) => Err(Rejection::invalid(field, format!("{text:?} is no IPv4 address"))),
    }
}
