//! The real kernel: one driver over nftables, rtnetlink and a packet socket.

pub(crate) mod attribute;
pub(crate) mod channel;
mod expression;
pub(crate) mod link;
pub(crate) mod namespace;
mod preflight;
pub(crate) mod ruleset;
mod standing;
mod table;
mod transaction;

use std::net::{IpAddr, Ipv4Addr};

use mooring_domain::{
    address::Mac,
    nat::{Actual, Op},
};
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use socket2::Socket;

use self::{channel::Channel, link::Link, ruleset::Ruleset, standing::Standing, transaction::Transaction};
use crate::{
    Driver, DropReason, Fault, Place,
    arp::{Arp, BROADCAST},
    packet,
};

/// One VPC's router namespace, through sockets that were opened inside it and go on working from anywhere.
#[derive(Debug)]
pub struct Kernel {
    place: Place,
    ruleset: Ruleset,
    nftables: Channel,
    routes: Channel,
    arp: Socket,
}

impl Kernel {
    /// Open the sockets inside the place's namespace, on a thread of their own that is gone afterwards.
    ///
    /// Faults when the namespace or a link is missing or a capability is: `CAP_SYS_ADMIN` (for another namespace than
    /// the process's), `CAP_NET_ADMIN` and `CAP_NET_RAW`.
    pub fn open(place: &Place) -> Result<Self, Fault> {
        let (nftables, routes, arp) = namespace::inside(place, || {
            let nftables = Channel::open(NETLINK_NETFILTER, "open a socket to nftables")?;
            let routes = Channel::open(NETLINK_ROUTE, "open a socket to rtnetlink")?;
            Ok((nftables, routes, packet::sender()?))
        })?;
        let mut kernel = Self { place: place.clone(), ruleset: Ruleset::new(place), nftables, routes, arp };
        link::find(&mut kernel.routes, place, &place.inside)?;
        link::find(&mut kernel.routes, place, &place.outside)?;
        Ok(kernel)
    }

    fn inside(&mut self) -> Result<Link, Fault> {
        link::find(&mut self.routes, &self.place, &self.place.inside)
    }

    fn outside(&mut self) -> Result<Link, Fault> {
        link::find(&mut self.routes, &self.place, &self.place.outside)
    }

    fn commit(&mut self, transaction: &mut Transaction) -> Result<(), Fault> {
        let requests = std::mem::take(transaction).finish();
        if requests.is_empty() { Ok(()) } else { self.nftables.batch(requests) }
    }

    /// A step that is none of nftables'. The links are looked up once for all steps.
    fn step(&mut self, op: Op, links: &mut Links) -> Result<(), Fault> {
        match op {
            Op::SetNeighbour(IpAddr::V4(address), mac) => {
                let inside = links.inside.map_or_else(|| self.inside(), Ok)?;
                links.inside = Some(inside);
                link::set_neighbour(&mut self.routes, inside, address, mac)
            }
            Op::RemoveNeighbour(IpAddr::V4(address)) => {
                let inside = links.inside.map_or_else(|| self.inside(), Ok)?;
                links.inside = Some(inside);
                link::remove_neighbour(&mut self.routes, inside, address)
            }
            Op::AddRoute(IpAddr::V4(address)) => {
                let outside = links.outside.map_or_else(|| self.outside(), Ok)?;
                links.outside = Some(outside);
                link::add_route(&mut self.routes, outside, address)
            }
            Op::RemoveRoute(IpAddr::V4(address)) => link::remove_route(&mut self.routes, address),
            // nftables' own steps were taken before; IPv6 never comes here (`nat::diff`).
            _ => Ok(()),
        }
    }
}

/// The place's links as one list of steps found them.
#[derive(Default)]
struct Links {
    inside: Option<Link>,
    outside: Option<Link>,
}

impl Driver for Kernel {
    fn read(&mut self) -> Result<Actual, Fault> {
        let mut actual = table::read(&mut self.nftables, &self.ruleset, self.place.arp)?;
        actual.ruleset = actual.ruleset && Standing::is_whole(&mut self.nftables, &self.ruleset)?;
        let inside = self.inside()?;
        actual.neighbours = link::neighbours(&mut self.routes, inside)?;
        actual.routes = link::routes(&mut self.routes)?;
        Ok(actual)
    }

    fn apply(&mut self, ops: &[Op]) -> Result<(), Fault> {
        let (mut transaction, mut links) = (Transaction::default(), Links::default());
        if ops.contains(&Op::MakeRuleset) {
            transaction = Transaction::upon(Standing::of(&mut self.nftables, &self.ruleset)?);
        }
        // One transaction, where the last of its steps stands: `diff` lets none of the others stand between them.
        let last = ops.iter().rposition(|op| is_nftables(*op));
        for (index, op) in ops.iter().enumerate() {
            if !transaction.take(*op, &self.ruleset) {
                self.step(*op, &mut links)?;
            }
            if Some(index) == last {
                self.commit(&mut transaction)?;
            }
        }
        Ok(())
    }

    /// In the order of `diff`: no EIP is answered for that is not translated, and no HAVIP resolved by the kernel itself.
    fn clear(&mut self) -> Result<(), Fault> {
        for eip in link::routes(&mut self.routes)? {
            self.step(Op::RemoveRoute(eip), &mut Links::default())?;
        }
        let mut transaction = Transaction::default();
        transaction.delete(&self.ruleset);
        self.commit(&mut transaction)?;
        let inside = self.inside()?;
        let mut links = Links { inside: Some(inside), outside: None };
        for havip in link::neighbours(&mut self.routes, inside)?.into_keys() {
            self.step(Op::RemoveNeighbour(havip), &mut links)?;
        }
        Ok(())
    }

    fn generation(&mut self) -> Result<u32, Fault> {
        table::generation(&mut self.nftables)
    }

    fn drops(&mut self) -> Result<Vec<(DropReason, u64)>, Fault> {
        table::drops(&mut self.nftables)
    }

    fn ask(&mut self, havip: Ipv4Addr, holder: Option<Mac>) -> Result<(), Fault> {
        let inside = self.inside()?;
        let addresses = link::addresses(&mut self.routes, inside)?;
        let near = addresses.iter().find(|network| network.contains(&havip)).or(addresses.first());
        let sender = near.ok_or_else(|| Fault::NoAddress {
            link: self.place.inside.clone(),
            namespace: self.place.namespace(),
        })?;
        let question = Arp::question(inside.mac, sender.addr(), havip);
        packet::send(&self.arp, inside.index, holder.unwrap_or(BROADCAST), &question.bytes())
    }

    fn probe(&mut self, holders: &[(Ipv4Addr, Mac)]) -> Result<bool, Fault> {
        let inside = self.inside()?;
        for (havip, holder) in holders.iter().filter(|_| inside.carrier) {
            packet::send(&self.arp, inside.index, *holder, &Arp::probe(inside.mac, *havip).bytes())?;
        }
        Ok(inside.carrier)
    }

    fn announce(&mut self, eips: &[Ipv4Addr]) -> Result<(), Fault> {
        if !self.place.arp || eips.is_empty() {
            return Ok(());
        }
        let outside = self.outside()?;
        for arp in eips.iter().flat_map(|eip| Arp::announcement(outside.mac, *eip)) {
            packet::send(&self.arp, outside.index, BROADCAST, &arp.bytes())?;
        }
        Ok(())
    }

    fn preflight(&mut self) -> Result<Vec<String>, Fault> {
        preflight::look(&mut self.nftables, &self.place)
    }
}

fn is_nftables(op: Op) -> bool {
    !matches!(op, Op::SetNeighbour(..) | Op::RemoveNeighbour(_) | Op::AddRoute(_) | Op::RemoveRoute(_))
}
