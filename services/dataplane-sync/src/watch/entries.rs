//! What became of neighbours and routes, the latest of each, until the worker looks at them: our own changes are told as well,
//! thousands at once, and nobody is woken for them.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mooring_dataplane::Seen;

/// So many wait at most.
const MOST: usize = 1 << 18;

/// One VPC's. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries(Arc<Mutex<Latest>>);

/// By what it is of: a route or a neighbour.
type Latest = BTreeMap<(bool, Ipv4Addr), Seen>;

impl Entries {
    /// Keeps what was seen of a neighbour or a route. Whether there was room.
    pub(crate) fn note(&self, seen: Seen) -> bool {
        let key = match seen {
            Seen::Neighbour { address, .. } => (false, address),
            Seen::Route { address, .. } => (true, address),
            _ => return true,
        };
        let mut latest = self.latest();
        let room = latest.len() < MOST;
        if room {
            latest.insert(key, seen);
        }
        room
    }

    /// What came since this was asked last.
    pub(crate) fn take(&self) -> impl ExactSizeIterator<Item = Seen> {
        std::mem::take(&mut *self.latest()).into_values()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.latest().is_empty()
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use mooring_domain::address::Mac;

    use super::*;

    #[test]
    fn of_each_neighbour_and_route_the_latest_is_kept() {
        let (entries, address) = (Entries::default(), Ipv4Addr::new(10, 0, 1, 50));
        let neighbour = |last| Seen::Neighbour { address, mac: Some(Mac([2, 0, 0, 0, 0, last])) };
        let route = Seen::Route { address, ours: true };
        assert!([neighbour(1), route, neighbour(2)].into_iter().all(|seen| entries.note(seen)));
        assert_eq!(entries.take().collect::<Vec<_>>(), [neighbour(2), route]);
        assert_eq!(entries.take().count(), 0);
    }
}
