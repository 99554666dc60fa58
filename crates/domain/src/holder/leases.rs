//! The leases of a region, in order: whichever has ended is found without a look at the others.

use serde::{Deserialize, Serialize};

use super::{CLOCK_TOLERANCE, Lease};
use crate::{Timestamp, id::HavipId, packed::PackedSet};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Leases {
    by_end: PackedSet<(Timestamp, HavipId)>,
    by_beginning: PackedSet<(Timestamp, HavipId)>,
}

impl Leases {
    /// A HAVIP's lease is another one from now on.
    pub(super) fn change(&mut self, havip: HavipId, before: Option<Lease>, lease: Option<Lease>) {
        if let Some(before) = before {
            self.by_end.remove(&(before.ends, havip));
            self.by_beginning.remove(&(before.began(), havip));
        }
        if let Some(lease) = lease {
            self.by_end.insert((lease.ends, havip));
            self.by_beginning.insert((lease.began(), havip));
        }
    }

    /// Those whose time has come, the first to end first, and those that began before the clock was set back.
    pub(super) fn may_have_ended(&self, now: Timestamp) -> impl Iterator<Item = HavipId> {
        let ended = self.by_end.iter().take_while(move |(end, _)| *end <= now);
        let latest = now.plus(CLOCK_TOLERANCE);
        let ahead = self.by_beginning.iter().rev().take_while(move |(beginning, _)| *beginning > latest);
        ended.chain(ahead).map(|(_, havip)| *havip)
    }
}
