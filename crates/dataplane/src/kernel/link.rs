//! Links, neighbours and routes over rtnetlink. Ours carry our protocol number; no other is read or removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use ipnet::Ipv4Net;
use mooring_domain::address::Mac;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE, ParseableParametrized};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage},
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType},
};

use super::channel::{Channel, Reply, Request};
use crate::{Fault, Place};

/// Who put a route or a neighbour there, as `ip route` and `ip neigh` show it. Free in iproute2's list.
pub(crate) const PROTOCOL: RouteProtocol = RouteProtocol::Other(77);
/// The table in which the kernel looks first, and which says what is its own.
pub(crate) const LOCAL_TABLE: u8 = 255;

/// What the kernel says of a neighbour or a route that is not there.
const GONE: [i32; 2] = [libc::ENOENT, libc::ESRCH];

/// A link as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) mac: Mac,
    pub(crate) carrier: bool,
}

/// The link of that name; it must carry Ethernet.
pub(crate) fn find(channel: &mut Channel, place: &Place, name: &str) -> Result<Link, Fault> {
    let operation = format!("look for the link {name:?} in {}", place.namespace());
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    let message = RouteNetlinkMessage::GetLink(message);
    let replies = match channel.request(Request { operation: operation.clone(), flags: 0, message }) {
        Err(Fault::Kernel { source, .. }) if source.raw_os_error() == Some(libc::ENODEV) => {
            return Err(Fault::NoLink { link: name.to_owned(), namespace: place.namespace() });
        }
        replies => replies?,
    };
    let found = parse(&operation, &replies)?.into_iter().find_map(|message| match message {
        RouteNetlinkMessage::NewLink(link) => Some(link),
        _ => None,
    });
    let found = found.ok_or_else(|| Fault::answer(&operation, "it is missing"))?;
    let mac = found.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Address(bytes) => Some(Mac(bytes.as_slice().try_into().ok()?)),
        _ => None,
    });
    match mac {
        Some(mac) if found.header.link_layer_type == LinkLayerType::Ether => {
            let carrier = found.header.flags.contains(LinkFlags::LowerUp);
            Ok(Link { index: found.header.index, mac, carrier })
        }
        _ => Err(Fault::NotEthernet { link: name.to_owned(), namespace: place.namespace() }),
    }
}

/// The link's IPv4 addresses, with the networks they are in.
pub(super) fn addresses(channel: &mut Channel, link: Link) -> Result<Vec<Ipv4Net>, Fault> {
    let operation = "list the addresses of a link";
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.index = link.index;
    let replies = channel.dump(operation, &RouteNetlinkMessage::GetAddress(message))?;
    let addresses = parse(operation, &replies)?.into_iter().filter_map(|message| {
        let RouteNetlinkMessage::NewAddress(address) = message else { return None };
        let local = address.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Local(IpAddr::V4(local)) => Some(*local),
            _ => None,
        });
        Ipv4Net::new(local?, address.header.prefix_len).ok().filter(|_| address.header.index == link.index)
    });
    Ok(addresses.collect())
}

/// Our permanent neighbours on the link.
pub(super) fn neighbours(channel: &mut Channel, link: Link) -> Result<BTreeMap<IpAddr, Mac>, Fault> {
    let operation = "list the neighbours of a link";
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    message.attributes.push(NeighbourAttribute::IfIndex(link.index));
    let replies = channel.dump(operation, &RouteNetlinkMessage::GetNeighbour(message))?;
    Ok(parse(operation, &replies)?.into_iter().filter_map(|message| ours(message, link)).collect())
}

fn ours(message: RouteNetlinkMessage, link: Link) -> Option<(IpAddr, Mac)> {
    let RouteNetlinkMessage::NewNeighbour(neighbour) = message else { return None };
    let (mut address, mut mac) = (None, None);
    for attribute in &neighbour.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => {
                address = Some(IpAddr::V4(*found))
            }
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.as_slice().try_into().ok().map(Mac),
            _ => {}
        }
    }
    let permanent =
        neighbour.header.state == NeighbourState::Permanent && neighbour.header.ifindex == link.index;
    let by_us = neighbour.attributes.contains(&NeighbourAttribute::Protocol(PROTOCOL));
    (permanent && by_us).then_some((address?, mac?))
}

/// Permanent neighbours of ours, whatever was there before: they do not believe gratuitous ARP.
pub(super) fn set_neighbours(
    channel: &mut Channel,
    link: Link,
    neighbours: impl Iterator<Item = (Ipv4Addr, Mac)>,
) -> Result<(), Fault> {
    let request = |(address, mac): (Ipv4Addr, Mac)| {
        let mut message = neighbour(link, address);
        message.header.state = NeighbourState::Permanent;
        message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.into()));
        message.attributes.push(NeighbourAttribute::Protocol(PROTOCOL));
        Request {
            operation: format!("set the permanent neighbour {address} to {mac}"),
            flags: NLM_F_CREATE | NLM_F_REPLACE,
            message: RouteNetlinkMessage::NewNeighbour(message),
        }
    };
    channel.each(neighbours.map(request), &[])
}

/// No such neighbours. One that is gone already is no fault.
pub(super) fn remove_neighbours(
    channel: &mut Channel,
    link: Link,
    addresses: impl Iterator<Item = Ipv4Addr>,
) -> Result<(), Fault> {
    let request = |address| Request {
        operation: format!("remove the permanent neighbour {address}"),
        flags: 0,
        message: RouteNetlinkMessage::DelNeighbour(neighbour(link, address)),
    };
    channel.each(addresses.map(request), &GONE)
}

fn neighbour(link: Link, address: Ipv4Addr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.ifindex = link.index;
    message.attributes.push(NeighbourAttribute::Destination(NeighbourAddress::Inet(address)));
    message
}

/// Our local /32 routes.
pub(super) fn routes(channel: &mut Channel) -> Result<BTreeSet<IpAddr>, Fault> {
    let operation = "list our local routes";
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.table = LOCAL_TABLE;
    message.header.protocol = PROTOCOL;
    message.header.kind = RouteType::Local;
    let replies = channel.dump(operation, &RouteNetlinkMessage::GetRoute(message))?;
    let routes = parse(operation, &replies)?.into_iter().filter_map(|message| {
        let RouteNetlinkMessage::NewRoute(route) = message else { return None };
        let header = &route.header;
        let ours = header.protocol == PROTOCOL
            && header.table == LOCAL_TABLE
            && header.destination_prefix_length == 32;
        route.attributes.iter().filter(|_| ours).find_map(|attribute| match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(IpAddr::V4(*address)),
            _ => None,
        })
    });
    Ok(routes.collect())
}

/// Local routes: each address is the gateway's own, and so the kernel answers ARP for it on the link.
pub(super) fn add_routes(
    channel: &mut Channel,
    link: Link,
    addresses: impl Iterator<Item = Ipv4Addr>,
) -> Result<(), Fault> {
    let request = |address| Request {
        operation: format!("add the local route to {address}"),
        flags: NLM_F_CREATE | NLM_F_REPLACE,
        message: RouteNetlinkMessage::NewRoute(route(Some(link), address)),
    };
    channel.each(addresses.map(request), &[])
}

/// No such routes of ours. One that is gone already is no fault.
pub(super) fn remove_routes(
    channel: &mut Channel,
    addresses: impl Iterator<Item = Ipv4Addr>,
) -> Result<(), Fault> {
    let request = |address| Request {
        operation: format!("remove the local route to {address}"),
        flags: 0,
        message: RouteNetlinkMessage::DelRoute(route(None, address)),
    };
    channel.each(addresses.map(request), &GONE)
}

fn route(link: Option<Link>, address: Ipv4Addr) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.destination_prefix_length = 32;
    message.header.table = LOCAL_TABLE;
    message.header.protocol = PROTOCOL;
    message.header.scope = RouteScope::Host;
    message.header.kind = RouteType::Local;
    message.attributes.push(RouteAttribute::Destination(RouteAddress::Inet(address)));
    message.attributes.extend(link.map(|link| RouteAttribute::Oif(link.index)));
    message
}

fn parse(operation: &str, replies: &[Reply]) -> Result<Vec<RouteNetlinkMessage>, Fault> {
    let one = |reply: &Reply| RouteNetlinkMessage::parse_with_param(&reply.body, reply.kind);
    let all: Result<Vec<_>, _> = replies.iter().map(one).collect();
    all.map_err(|error| Fault::answer(operation, error.to_string()))
}
