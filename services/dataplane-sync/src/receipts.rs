//! Receipts of failovers: how long this gateway took from a claim on the wire to its kernel, and to the log.
//!
//! Nothing waits for them. Workers leave a note when a kernel leads to another holder, and the fold when the log says so;
//! both are put together behind that, and handed in to health. What finds no room is counted, and has no receipt.

mod figures;
mod matching;
mod reporter;

use std::net::IpAddr;

use mooring_domain::{
    Commit, Event, Position, Timestamp,
    address::Mac,
    event::HolderChanged,
    id::VpcId,
    name::{GatewayName, RegionId},
};
use mooring_ledger::now;
use mooring_runtime::peer::Peer;
use tokio::{sync::mpsc, task::JoinHandle};

pub(crate) use self::figures::Figures;
use self::{figures::OfRegion, matching::Matching};

/// How many notes and receipts may wait.
const WAITING: usize = 4096;

/// Whom a HAVIP's traffic goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Led {
    pub(crate) vpc: VpcId,
    pub(crate) address: IpAddr,
    pub(crate) mac: Mac,
}

/// A kernel leads to another holder since a claim that was seen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) led: Led,
    /// The log said so before this gateway had looked at the claim; or the holder has only announced itself again.
    pub(crate) held: bool,
    /// Under which health has the claim.
    pub(crate) number: u64,
    pub(crate) claimed_at: Timestamp,
    pub(crate) decided_at: Timestamp,
    pub(crate) applied_at: Timestamp,
}

/// The log says who holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) led: Led,
    /// The number of this gateway's claim on which that rests; `None`: it is another's.
    pub(crate) number: Option<u64>,
    /// When that was seen.
    pub(crate) claimed_at: Timestamp,
    pub(crate) position: Position,
    /// When this gateway had it from the log.
    pub(crate) followed_at: Timestamp,
}

#[derive(Debug)]
enum Note {
    Moved(Moved),
    Stored(Stored),
}

/// Where notes are left, of one region. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Receipts {
    gateway: GatewayName,
    notes: mpsc::Sender<Note>,
    figures: OfRegion,
}

impl Receipts {
    /// A kernel was changed.
    pub(crate) fn moved(&self, moved: Moved) {
        self.note(Note::Moved(moved));
    }

    /// A move will have no receipt.
    pub(crate) fn lose(&self) {
        self.figures.lose(1);
    }

    /// The log has gone on.
    pub(crate) fn follow(&self, commit: &Commit) {
        for event in &commit.events {
            if let Event::HolderChanged(HolderChanged { havip, claim, .. }) = event {
                self.note(Note::Stored(Stored {
                    led: Led { vpc: havip.vpc, address: havip.address, mac: claim.mac },
                    number: (claim.gateway == self.gateway).then_some(claim.number),
                    claimed_at: claim.observed_at,
                    position: commit.at.position,
                    followed_at: now(),
                }));
            }
        }
    }

    fn note(&self, note: Note) {
        if self.notes.try_send(note).is_err() {
            self.figures.lose(1);
        }
    }
}

/// Notes that nobody puts together: a story reads them.
#[cfg(test)]
pub(crate) fn for_a_story() -> (Receipts, Left) {
    let (notes, left) = mpsc::channel(WAITING);
    let figures = Figures::default().of(&"r1".parse().unwrap());
    (Receipts { gateway: "gw-1".parse().unwrap(), notes, figures }, Left(left))
}

/// What workers have left.
#[cfg(test)]
pub(crate) struct Left(mpsc::Receiver<Note>);

#[cfg(test)]
impl Left {
    /// The next kernel that leads elsewhere.
    pub(crate) async fn next_moved(&mut self) -> Moved {
        match self.0.recv().await.unwrap() {
            Note::Moved(moved) => moved,
            Note::Stored(stored) => unreachable!("nobody follows a log here: {stored:?}"),
        }
    }

    /// Whether nobody has left anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Starts to put notes together, and to hand receipts in.
pub(crate) fn start(
    gateway: &GatewayName,
    region: &RegionId,
    health: Peer,
    figures: &Figures,
) -> (Receipts, [JoinHandle<()>; 2]) {
    let (notes, left) = mpsc::channel(WAITING);
    let (receipts, waiting) = mpsc::channel(WAITING);
    let figures = figures.of(region);
    let matching = tokio::spawn(put_together(left, receipts, figures.clone()));
    let reporter = reporter::start(gateway, region, health, waiting);
    (Receipts { gateway: gateway.clone(), notes, figures }, [matching, reporter])
}

async fn put_together(
    mut notes: mpsc::Receiver<Note>,
    receipts: mpsc::Sender<(Moved, Stored)>,
    figures: OfRegion,
) {
    let mut matching = Matching::default();
    while let Some(note) = notes.recv().await {
        let receipt = match note {
            Note::Moved(moved) => matching.moved(moved),
            Note::Stored(stored) => matching.stored(stored),
        };
        if let Some((moved, stored)) = receipt {
            figures.to_kernel(moved.applied_at.since(moved.claimed_at));
            figures.to_log(stored.followed_at.since(moved.claimed_at));
            figures.lose(u64::from(receipts.try_send((moved, stored)).is_err()));
        }
        figures.lose(matching.take_lost());
    }
}
