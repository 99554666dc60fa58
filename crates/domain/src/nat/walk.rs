//! A packet walked through a gateway without a kernel: the hooks in their order, the rules that apply, what they find and
//! write, and what becomes of it. The rules are those of [`super::ruleset`], which the driver writes into kernels; only
//! what stands between them (routing, TTL, connection tracking, the gateway's own errors) is said here.

mod checksum;
mod errors;
mod make;
mod packet;
mod rule;
mod stages;
mod tracking;

use std::{collections::BTreeSet, net::IpAddr, net::Ipv4Addr};

use ipnet::Ipv4Net;

use super::{
    Actual, DropReason,
    ruleset::{Links, Table, tables},
};
use crate::address::Mac;

pub use make::{Content, Make, NotAPacket, Quote};
pub use packet::{Packet, Tuple};
pub use rule::Deed;
pub use tracking::Flows;

use rule::Passing;

/// A side of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Towards the VPC's subnets.
    Inside,
    /// Towards the public network.
    Outside,
}

impl Side {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Outside => "outside",
        }
    }
}

/// What the gateway has of its own in a VPC's namespace; none of it is in the log but the addresses of subnets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Its addresses on the inside, each with its network.
    pub inside: Vec<Ipv4Net>,
    /// Its addresses on the outside, and any other.
    pub outside: Vec<Ipv4Addr>,
    /// The largest packet that the link inside takes, in bytes.
    pub inside_mtu: Option<u16>,
    /// The largest packet that the link outside takes, in bytes.
    pub outside_mtu: Option<u16>,
}

/// One VPC's part of a gateway.
#[derive(Debug)]
pub struct Gateway {
    links: Links,
    tables: [Table; 2],
    elements: Actual,
    own: Own,
}

impl Gateway {
    /// Between these links, with these elements, neighbours and routes: [`super::wanted`] has what should be there.
    pub fn new(links: Links, elements: Actual, own: Own) -> Self {
        Self { tables: tables(&links), links, elements, own }
    }

    /// What is in its sets.
    pub fn elements(&self) -> &Actual {
        &self.elements
    }

    fn link(&self, side: Side) -> &str {
        match side {
            Side::Inside => &self.links.inside,
            Side::Outside => &self.links.outside,
        }
    }

    fn is_own(&self, address: Ipv4Addr) -> bool {
        let inside = self.own.inside.iter().map(Ipv4Net::addr);
        let mut all = inside.chain(self.own.outside.iter().copied());
        address.is_loopback()
            || all.any(|own| own == address)
            || self.elements.routes.contains(&IpAddr::V4(address))
    }

    /// Where the routes lead; `None`: to the gateway itself.
    fn route(&self, to: Ipv4Addr) -> Option<Side> {
        let ip = IpAddr::V4(to);
        let inside = |blocks: &BTreeSet<_>| blocks.iter().any(|block: &ipnet::IpNet| block.contains(&ip));
        if self.is_own(to) {
            None
        } else if inside(&self.elements.subnets) || self.own.inside.iter().any(|net| net.contains(&to)) {
            Some(Side::Inside)
        } else {
            Some(Side::Outside)
        }
    }

    /// The gateway's own address towards another.
    fn address_towards(&self, to: Ipv4Addr, side: Side) -> Option<Ipv4Addr> {
        let inside = &self.own.inside;
        match side {
            Side::Inside => inside.iter().find(|net| net.contains(&to)).or(inside.first()).map(Ipv4Net::addr),
            Side::Outside => self.own.outside.first().copied(),
        }
    }

    fn mtu(&self, side: Side) -> Option<u16> {
        match side {
            Side::Inside => self.own.inside_mtu,
            Side::Outside => self.own.outside_mtu,
        }
    }
}

/// A packet that comes to a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// By which link.
    pub side: Side,
    /// From whom on that link.
    pub mac: Mac,
    /// The packet.
    pub packet: Packet,
}

/// One thing that happens to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A chain of ours that hangs at a hook.
    Hook {
        /// The table.
        table: &'static str,
        /// The chain.
        chain: &'static str,
        /// Before routing or behind it.
        before_routing: bool,
        /// The lower, the earlier.
        priority: i32,
    },
    /// A rule that applied.
    Rule {
        /// The table.
        table: &'static str,
        /// The chain.
        chain: &'static str,
        /// What it is for.
        purpose: &'static str,
        /// What it did.
        deeds: Vec<Deed>,
        /// What it decided; nothing: the next rule follows.
        verdict: Option<super::ruleset::expression::Verdict>,
    },
    /// Connection tracking knows its flow, and wrote this address.
    Tracked {
        /// As source or destination.
        source: bool,
        /// What was there.
        old: Ipv4Addr,
        /// What is there now.
        new: Ipv4Addr,
    },
    /// The routes lead there; `None`: to the gateway itself.
    Route {
        /// For this destination.
        to: Ipv4Addr,
        /// By which link.
        side: Option<Side>,
    },
    /// A permanent neighbour entry, ours, or none: then the kernel asks by ARP.
    Neighbour {
        /// Of this address.
        address: Ipv4Addr,
        /// Its MAC.
        mac: Option<Mac>,
    },
}

/// Why a packet does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// A rule counted and dropped it.
    Counted(DropReason),
    /// A rule dropped it and said nothing: what the gateway itself should not have sent.
    Unsaid,
    /// Its TTL has come to its end.
    Expired,
    /// It must not be cut, and the link takes no more than this, in bytes.
    TooLarge(u16),
    /// Its source is one of the gateway's own addresses: the kernel believes none of it.
    Martian,
    /// Nobody passes multicast or broadcast on.
    NotForOne,
    /// The kernel does not look at it.
    Flawed(&'static str),
    /// A rule that tracks makes the kernel wait for all fragments and put them together first.
    Fragment,
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It left.
    Sent {
        /// By which link.
        side: Side,
        /// To whom on that link; `None`: to the next router, or whoever answers when the kernel asks.
        mac: Option<Mac>,
        /// As this.
        packet: Packet,
    },
    /// It is for the gateway itself.
    Taken(Packet),
    /// It does not go on.
    Dropped(Stopped),
}

/// The way of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// In their order.
    pub steps: Vec<Step>,
    /// Its end.
    pub fate: Fate,
    /// The gateway's own error about it, and its way.
    pub error: Option<Box<(Packet, Walk)>>,
}

/// Walks a packet that comes to the gateway through it.
pub fn walk(gateway: &Gateway, flows: &mut Flows, arrival: &Arrival) -> Walk {
    let mut passing = Passing::new(gateway, flows, arrival.packet.clone());
    passing.mac = Some(arrival.mac);
    passing.from = Some(arrival.side);
    let mut steps = Vec::new();
    let fate = stages::forward(&mut passing, &mut steps);
    let about = passing.packet;
    let error = errors::about(gateway, &about, &fate, arrival)
        .map(|error| Box::new((error.clone(), sent(gateway, flows, error))));
    Walk { steps, fate, error }
}

/// Walks a packet of the gateway's own.
pub fn sent(gateway: &Gateway, flows: &mut Flows, packet: Packet) -> Walk {
    let mut passing = Passing::new(gateway, flows, packet);
    let mut steps = Vec::new();
    let fate = stages::own(&mut passing, &mut steps);
    Walk { steps, fate, error: None }
}
