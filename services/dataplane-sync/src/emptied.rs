//! Places of VPCs that are gone. A gateway that was away while a VPC was deleted may have been decommissioned meanwhile, so that
//! nobody waited for it to take EIPs out: what it still has of the VPC is another's address by now. So each place is emptied
//! once by every gateway that starts, and at once when a VPC goes; unless another VPC lives there by now, whose worker makes the
//! kernel equal to what it wants.

use std::collections::BTreeSet;

use mooring_dataplane::{Driver, Fault, Place};
use mooring_domain::id::VpcId;

/// Opens a place's kernel.
pub(crate) type Open = fn(&Place) -> Result<Box<dyn Driver>, Fault>;

/// The VPCs whose places need not be looked at any more.
pub(crate) struct Emptied {
    open: Open,
    done: BTreeSet<VpcId>,
    /// Something could not be emptied.
    pub(crate) waiting: bool,
}

impl Emptied {
    pub(crate) fn new(open: Open) -> Self {
        Self { open, done: BTreeSet::new(), waiting: false }
    }

    /// How many need not be looked at.
    pub(crate) fn count(&self) -> usize {
        self.done.len()
    }

    /// Empties the places of these VPCs, where they have one; `inhabited` says in which namespace another VPC lives.
    pub(crate) fn empty(
        &mut self,
        gone: impl Iterator<Item = (VpcId, Option<Place>)>,
        inhabited: impl Fn(&Place) -> bool,
    ) {
        let told = std::mem::take(&mut self.waiting);
        for (vpc, place) in gone {
            if self.done.contains(&vpc) {
                continue;
            }
            let there = place.filter(|place| place.identity().is_some() && !inhabited(place));
            match there.map(|place| self.clear(&place)) {
                None | Some(Ok(())) => drop(self.done.insert(vpc)),
                Some(Err(fault)) => {
                    self.waiting = true;
                    if !told {
                        tracing::warn!(%vpc, %fault, "what is left of a deleted VPC can't be taken out; trying again");
                    }
                }
            }
        }
    }

    fn clear(&self, place: &Place) -> Result<(), Fault> {
        (self.open)(place)?.clear()
    }
}
