//! How far a VPC's kernel got, and up to which position that makes it equal to the fold.

use std::{collections::VecDeque, net::IpAddr};

use mooring_domain::{
    Position, Timestamp,
    holder::Sighting,
    nat::{RunningHash, VpcDesired},
};

/// How many attestations of a VPC are kept.
const KEPT: usize = 8;

/// What was put into a kernel, as of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attested {
    /// The position at which the VPC's elements had changed last.
    pub(crate) position: Position,
    /// Of what was put there.
    pub(crate) hash: RunningHash,
    /// Of what the fold wants there.
    pub(crate) folded: RunningHash,
}

/// How far a VPC got.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// The kernel is equal to this version of the target; 0 while nothing is known for certain.
    pub(crate) applied: Position,
    /// What is wrong, for people.
    pub(crate) fault: Option<String>,
    /// There is no namespace: nothing is carried.
    pub(crate) carries_nothing: bool,
    /// The namespace, for people; empty when the VPC does not live here.
    pub(crate) netns: String,
    /// A first round is over.
    pub(crate) tried: bool,
    /// What was put there, at the last positions; oldest first.
    pub(crate) attested: VecDeque<Attested>,
    /// When the kernel was last read back.
    pub(crate) read_back_at: Option<Timestamp>,
    /// How often somebody else was found to have changed the kernel.
    pub(crate) drifts: u64,
    /// HAVIPs that lead elsewhere than the log says, by this gateway's own decision.
    pub(crate) provisional: Vec<(IpAddr, Sighting)>,
}

impl Progress {
    /// Says what was put there; once for each position, as it is now.
    pub(crate) fn attest(&mut self, attested: Attested) {
        self.attested.retain(|known| known.position != attested.position);
        self.attested.push_back(attested);
        if self.attested.len() > KEPT {
            self.attested.pop_front();
        }
    }

    /// What is wanted as the gateway has it: its own decisions lie over what the log says.
    pub(crate) fn over(&self, desired: &mut VpcDesired) {
        for (havip, sighting) in &self.provisional {
            desired.holders.insert(*havip, Some(sighting.mac));
        }
    }

    /// The position that the kernel is equal to, where the fold is at `folded` and the VPC's target changed last at
    /// `version`: what comes after a target's last change leaves its kernel as it is.
    pub(crate) fn equal_to(&self, version: Position, folded: Position) -> Position {
        if self.applied >= version { folded } else { self.applied }
    }
}
