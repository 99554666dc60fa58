//! The real kernel: one driver over nftables, rtnetlink and a packet socket.

pub(crate) mod attribute;
pub(crate) mod channel;
mod expression;
mod heard;
pub(crate) mod link;
pub(crate) mod namespace;
mod preflight;
pub(crate) mod ruleset;
mod standing;
mod table;
mod transaction;

use std::{
    mem::discriminant,
    net::{IpAddr, Ipv4Addr},
};

use mooring_domain::{
    address::Mac,
    nat::{Actual, Op, Touched},
};
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use socket2::Socket;

use self::{
    channel::Channel,
    heard::Heard,
    link::Link,
    ruleset::Ruleset,
    standing::Standing,
    transaction::{Sizes, Transaction},
};
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
    heard: Heard,
}

/// A transaction with more steps than this is not listened to.
const LARGE: usize = 64;

impl Kernel {
    /// Open the sockets inside the place's namespace, on a thread of their own that is gone afterwards.
    ///
    /// Faults when the namespace or a link is missing or a capability is: `CAP_SYS_ADMIN` (for another namespace than
    /// the process's), `CAP_NET_ADMIN` and `CAP_NET_RAW`.
    pub fn open(place: &Place) -> Result<Self, Fault> {
        let (nftables, routes, arp, heard) = namespace::inside(place, || {
            let nftables = Channel::open(NETLINK_NETFILTER, "open a socket to nftables")?;
            let routes = Channel::open(NETLINK_ROUTE, "open a socket to rtnetlink")?;
            Ok((nftables, routes, packet::sender()?, Heard::open()?))
        })?;
        let mut kernel =
            Self { place: place.clone(), ruleset: Ruleset::new(place), nftables, routes, arp, heard };
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

    /// `steps`: how many there are in it, about.
    fn commit(&mut self, transaction: Transaction, steps: usize) -> Result<(), Fault> {
        let requests = transaction.finish();
        if requests.is_empty() {
            return Ok(());
        }
        if steps > LARGE {
            self.heard.pause()?;
        }
        self.nftables.batch(requests, &[])?;
        match self.heard.is_listening() {
            true => self.heard.forget(),
            false => self.heard.listen(|| table::generation(&mut self.nftables))?,
        }
        Ok(())
    }

    /// Those of the steps that are nftables', in one transaction.
    ///
    /// A kernel that does not know how to take a set's size back (before Linux 6.6) refuses it or keeps it as a limit: there
    /// they are made without.
    fn transact(&mut self, ops: &[Op]) -> Result<(), Fault> {
        if !ops.contains(&Op::MakeRuleset) {
            return self.commit(Transaction::of(ops, Transaction::default(), &self.ruleset), ops.len());
        }
        let sizes = Sizes::of(ops);
        for sizes in [Some(sizes).filter(|sizes| !sizes.is_empty()), None] {
            let standing = Standing::of(&mut self.nftables, &self.ruleset)?;
            let sized = sizes.is_some();
            let transaction = Transaction::upon(standing, sizes.unwrap_or_default());
            let made = self.commit(Transaction::of(ops, transaction, &self.ruleset), ops.len());
            if !sized || (made.is_ok() && Standing::is_whole(&mut self.nftables, &self.ruleset)?) {
                return made;
            }
        }
        Ok(())
    }

    /// Steps of one kind, none of them nftables'.
    fn steps(&mut self, ops: &[Op]) -> Result<(), Fault> {
        // IPv6 never comes here (`nat::diff`).
        let addresses = ops.iter().filter_map(|op| match op {
            Op::RemoveNeighbour(IpAddr::V4(address))
            | Op::AddRoute(IpAddr::V4(address))
            | Op::RemoveRoute(IpAddr::V4(address)) => Some(*address),
            _ => None,
        });
        match ops.first() {
            Some(Op::SetNeighbour(..)) => {
                let inside = self.inside()?;
                let neighbours = ops.iter().filter_map(|op| match op {
                    Op::SetNeighbour(IpAddr::V4(address), mac) => Some((*address, *mac)),
                    _ => None,
                });
                link::set_neighbours(&mut self.routes, inside, neighbours)
            }
            Some(Op::RemoveNeighbour(_)) => {
                let inside = self.inside()?;
                link::remove_neighbours(&mut self.routes, inside, addresses)
            }
            Some(Op::AddRoute(_)) => {
                let outside = self.outside()?;
                link::add_routes(&mut self.routes, outside, addresses)
            }
            _ => link::remove_routes(&mut self.routes, addresses),
        }
    }
}

impl Driver for Kernel {
    fn read_known(&mut self, known: &Actual) -> Result<Actual, Fault> {
        // What was told before it is read now.
        self.heard.forget();
        let mut actual = table::read(&mut self.nftables, &self.ruleset, self.place.arp, known)?;
        actual.ruleset = actual.ruleset && Standing::is_whole(&mut self.nftables, &self.ruleset)?;
        let inside = self.inside()?;
        actual.neighbours = link::neighbours(&mut self.routes, inside)?;
        actual.routes = link::routes(&mut self.routes)?;
        Ok(actual)
    }

    fn apply(&mut self, ops: &[Op]) -> Result<(), Fault> {
        let runs: Vec<&[Op]> = ops.chunk_by(|one, next| discriminant(one) == discriminant(next)).collect();
        let is_tables = |run: &[Op]| run.first().is_some_and(|op| is_nftables(*op));
        // One transaction, where the last of its steps stands: `diff` lets none of the others stand between them.
        let last = runs.iter().rposition(|run| is_tables(run));
        for (index, run) in runs.iter().enumerate() {
            if Some(index) == last {
                self.transact(ops)?;
            } else if !is_tables(run) {
                self.steps(run)?;
            }
        }
        Ok(())
    }

    /// In the order of `diff`: no EIP is answered for that is not translated, and no HAVIP resolved by the kernel itself.
    fn clear(&mut self) -> Result<(), Fault> {
        let routes = link::routes(&mut self.routes)?;
        self.steps(&routes.into_iter().map(Op::RemoveRoute).collect::<Vec<_>>())?;
        let mut transaction = Transaction::default();
        transaction.delete(&self.ruleset);
        self.commit(transaction, usize::MAX)?;
        let inside = self.inside()?;
        let neighbours = link::neighbours(&mut self.routes, inside)?;
        self.steps(&neighbours.into_keys().map(Op::RemoveNeighbour).collect::<Vec<_>>())
    }

    fn generation(&mut self) -> Result<u32, Fault> {
        if !self.heard.is_listening() {
            self.heard.listen(|| table::generation(&mut self.nftables))?;
        }
        match self.heard.generation() {
            Some(generation) => Ok(generation),
            None => table::generation(&mut self.nftables),
        }
    }

    fn touched(&mut self, since: u32) -> Result<Option<(u32, Vec<Touched>)>, Fault> {
        let now = self.generation()?;
        let touched = self.heard.touched(since, now);
        // Whoever asks mends it, or reads everything.
        self.heard.listen(|| table::generation(&mut self.nftables))?;
        Ok(touched.map(|touched| (now, touched)))
    }

    fn drops(&mut self) -> Result<Vec<(DropReason, u64)>, Fault> {
        table::drops(&mut self.nftables)
    }

    fn ask(&mut self, havips: &[(Ipv4Addr, Option<Mac>)]) -> Result<(), Fault> {
        let inside = self.inside()?;
        let addresses = link::addresses(&mut self.routes, inside)?;
        for (havip, holder) in havips {
            let near = addresses.iter().find(|network| network.contains(havip)).or(addresses.first());
            let sender = near.ok_or_else(|| Fault::NoAddress {
                link: self.place.inside.clone(),
                namespace: self.place.namespace(),
            })?;
            let question = Arp::question(inside.mac, sender.addr(), *havip);
            packet::send(&self.arp, inside.index, holder.unwrap_or(BROADCAST), &question.bytes())?;
        }
        Ok(())
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
