//! Claims, from the ARP on the inside: what members claim by one socket, what others do by another. Whatever a stranger
//! sends, it takes no room from members, and no more time than its share.

use std::{
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use mooring_domain::address::Mac;
use socket2::Socket;

use super::{Claimants, Seen, ear::Ear};
use crate::{
    Fault, Known,
    kernel::link::Link,
    packet::{self, filter},
};

/// Room for a few thousand claims of members while nobody takes them.
const MEMBERS_BUFFER: usize = 4 << 20;
/// Room for a few hundred of everybody else.
const STRANGERS_BUFFER: usize = 128 << 10;
/// So many claims of strangers are looked at, at most,
const STRANGERS: usize = 32;
/// in this time. The others stay in the kernel, which throws away what finds no room.
const SHARE: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Claims {
    members: Ear,
    strangers: Ear,
    /// When the share began that is used up now, and how many were taken of it.
    share: (Instant, usize),
}

/// Says what a [`super::Watcher`] listens for, from another thread. Until it does every claim is heard.
#[derive(Clone, Debug)]
pub struct Ears {
    members: Arc<Socket>,
    strangers: Arc<Socket>,
}

impl Ears {
    /// What is claimed is heard from now on if it is known.
    pub fn listen_for(&self, known: &Known) -> Result<(), Fault> {
        let [members, strangers] = known.programs();
        // In this order a claim of one who has become a member is heard by either, or by both.
        packet::attach(&self.members, &members)?;
        packet::attach(&self.strangers, &strangers)
    }
}

impl Claims {
    pub(super) fn open(inside: Link) -> Result<Self, Fault> {
        Ok(Self {
            members: Ear::open(inside, &filter::everything(), MEMBERS_BUFFER)?,
            strangers: Ear::open(inside, &filter::nothing(), STRANGERS_BUFFER)?,
            share: (Instant::now(), 0),
        })
    }

    pub(super) fn ears(&self) -> Ears {
        Ears { members: self.members.socket.clone(), strangers: self.strangers.socket.clone() }
    }

    pub(super) fn follow(&self, inside: Link) -> Result<(), Fault> {
        self.members.follow(inside)?;
        self.strangers.follow(inside)
    }

    /// The sockets that are waited for; and how long at most, where one is left out until then.
    pub(super) fn waits_for(&self) -> (BorrowedFd<'_>, Result<BorrowedFd<'_>, Duration>) {
        let (begun, taken) = self.share;
        let rest = SHARE.saturating_sub(begun.elapsed());
        let used_up = taken >= STRANGERS && !rest.is_zero();
        (self.members.as_fd(), if used_up { Err(rest) } else { Ok(self.strangers.as_fd()) })
    }

    /// Take at most so many messages of members, and what strangers have a share in.
    pub(super) fn take(&mut self, most: usize, own: Option<Mac>, seen: &mut Vec<Seen>) -> Result<(), Fault> {
        self.members.take(most, own, seen)?;
        if self.share.0.elapsed() >= SHARE {
            self.share = (Instant::now(), 0);
        }
        self.share.1 += self.strangers.take(STRANGERS.saturating_sub(self.share.1), own, seen)?;
        for (claimants, ear) in [(Claimants::Members, &self.members), (Claimants::Strangers, &self.strangers)]
        {
            let claims = packet::dropped(&ear.socket)?;
            if claims > 0 {
                seen.push(Seen::Dropped { claimants, claims });
            }
        }
        Ok(())
    }
}
