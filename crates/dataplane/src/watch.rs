//! Sees what members of a VPC announce, and what breaks a gateway's view of them.
//!
//! Apart from [`crate::Kernel`]: it waits, on a thread of its own, while the driver works.

mod claims;
mod ear;
mod entries;
mod fenced;
mod links;

use std::{net::Ipv4Addr, os::fd::AsFd, sync::Arc, time::Duration};

use mooring_domain::{Timestamp, address::Mac, holder::Said};
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::eventfd::{EfdFlags, EventFd},
};

pub use self::claims::Ears;
use self::{claims::Claims, entries::Entries, fenced::Fenced, links::Links};
use crate::{
    Fault, Place,
    kernel::{
        channel::Channel,
        link::{self, Link},
        namespace,
    },
};

/// The most that one [`Watcher::wait`] takes from each of its sources.
const MOST: usize = 256;

/// One thing seen on the inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A claim: an ARP reply, or an ARP request by which an address announces itself.
    Claim {
        /// The address that the sender says it has.
        address: Ipv4Addr,
        /// The sender, as ARP has it. Never the gateway's own.
        mac: Mac,
        /// When the kernel received it.
        observed_at: Timestamp,
        /// Whether it said so unasked.
        said: Said,
    },
    /// The answer to a probe of this gateway's: somebody still has an address. It claims nothing.
    Alive {
        /// The address.
        address: Ipv4Addr,
        /// Who has it.
        mac: Mac,
    },
    /// The fence dropped a packet from a HAVIP, sent by a MAC that does not hold it. (Rate limited by the kernel.)
    Fenced {
        /// The HAVIP.
        address: Ipv4Addr,
        /// The sender.
        mac: Mac,
    },
    /// A neighbour on the inside that a program put there, be it ours or another, came, changed or went.
    Neighbour {
        /// Whose.
        address: Ipv4Addr,
        /// Where the permanent neighbour of ours leads now; `None`: there is none of ours.
        mac: Option<Mac>,
    },
    /// A local route to one address came, changed or went.
    Route {
        /// To where.
        address: Ipv4Addr,
        /// There is one of ours now.
        ours: bool,
    },
    /// A link went, came or changed: neighbours and routes may be lost. Read and compare again.
    LinkChanged,
    /// So many claims found no room in the kernel. Where they may be members', ask.
    Dropped {
        /// Whose.
        claimants: Claimants,
        /// How many.
        claims: u32,
    },
    /// So much was fenced at once that the kernel told only a part of it. Ask.
    Lost,
}

/// Who is listened to apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimants {
    /// Those that may hold a HAVIP; everybody, until a watcher is told who they are.
    Members,
    /// Everybody else.
    Strangers,
}

/// Ends a [`Watcher::wait`] from another thread.
#[derive(Clone, Debug)]
pub struct Waker {
    event: Arc<EventFd>,
}

impl Waker {
    /// The wait that is going on, or else the next one, returns at once.
    pub fn wake(&self) {
        // It fails only when the counter is full, and then the watcher is awake.
        let _ = self.event.write(1);
    }
}

/// Watches one place: claims by ARP, what the fence dropped, and what others do to links, neighbours and routes.
#[derive(Debug)]
pub struct Watcher {
    place: Place,
    inside: Option<Link>,
    route: Channel,
    claims: Claims,
    fenced: Fenced,
    links: Links,
    entries: Entries,
    waker: Waker,
}

impl Watcher {
    /// Open the sockets inside the place's namespace. There is one watcher per namespace: the kernel gives what the fence
    /// dropped to one listener only.
    pub fn open(place: &Place) -> Result<Self, Fault> {
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map_err(|errno| {
            Fault::Kernel { operation: "make an event to wake a watcher".to_owned(), source: errno.into() }
        })?;
        namespace::inside(place, || {
            let mut route = Channel::open(NETLINK_ROUTE, "open a socket to rtnetlink")?;
            // Links first: a change behind the look-up is seen.
            let (links, entries) = (Links::open(place)?, Entries::open()?);
            let inside = link::find(&mut route, place, &place.inside)?;
            Ok(Self {
                place: place.clone(),
                inside: Some(inside),
                claims: Claims::open(inside)?,
                fenced: Fenced::open()?,
                links,
                entries,
                route,
                waker: Waker { event: Arc::new(event) },
            })
        })
    }

    /// For the thread that will end the waiting.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// For whoever knows what is to be listened for.
    pub fn ears(&self) -> Ears {
        self.claims.ears()
    }

    /// What was seen, a few hundred things at most; nothing once `timeout` has passed or a [`Waker`] was used.
    pub fn wait(&mut self, timeout: Duration) -> Result<Vec<Seen>, Fault> {
        self.sleep(timeout)?;
        // It fails only when nobody woke us.
        let _ = self.waker.event.read();
        let mut seen = Vec::new();
        if self.links.changed()? {
            self.follow_inside()?;
            seen.push(Seen::LinkChanged);
        }
        self.claims.take(MOST, self.inside.map(|link| link.mac), &mut seen)?;
        self.fenced.take(MOST, &mut seen)?;
        self.entries.take(MOST, self.inside, &mut seen)?;
        Ok(seen)
    }

    fn sleep(&self, mut timeout: Duration) -> Result<(), Fault> {
        let (links, entries) = (self.links.as_fd(), self.entries.as_fd());
        let (members, strangers) = self.claims.waits_for();
        let mut fds = vec![members, self.fenced.as_fd(), links, entries, self.waker.event.as_fd()];
        match strangers {
            Ok(strangers) => fds.push(strangers),
            Err(later) => timeout = timeout.min(later),
        }
        let mut fds: Vec<_> = fds.into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        // Rounded up: a wait of less than a millisecond is none that spins.
        let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
        let timeout = PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => {
                Err(Fault::Kernel { operation: "wait for packets".to_owned(), source: errno.into() })
            }
        }
    }

    /// The inside may have come back as another link.
    fn follow_inside(&mut self) -> Result<(), Fault> {
        let now = match link::find(&mut self.route, &self.place, &self.place.inside) {
            Err(Fault::NoLink { .. }) => None,
            found => Some(found?),
        };
        if let Some(link) = now.filter(|link| self.inside.is_none_or(|before| before.index != link.index)) {
            self.claims.follow(link)?;
        }
        self.inside = now.or(self.inside);
        Ok(())
    }
}
