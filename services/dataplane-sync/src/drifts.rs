//! What somebody changed in kernels, on its way into the record: binding writes it, since gateways are binding's. What it
//! does not take yet waits here, with the time at which it was found, and in a file: a gateway that is killed meanwhile
//! reports it after its next start. A bound on what waits and on how often one is sent keeps a quarrel over a kernel out
//! of the log.

mod kept;
mod reporter;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mooring_domain::{
    Position,
    binding::MAX_DIFFERENCES,
    event::{GatewayDriftFound, GatewayFacts},
    id::VpcId,
    name::{GatewayName, ProjectId, RegionId},
};
use mooring_runtime::crash;
use tokio::sync::Notify;
use uuid::Uuid;

use self::kept::Kept;
use crate::entered::Drift;

pub(crate) use reporter::report;

/// Drifts that may wait. Those after them are counted.
const WAITING: usize = 64;

/// One that waits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// By which binding knows one that it has recorded already.
    request_id: Uuid,
    pub(crate) drift: GatewayDriftFound,
}

/// Where workers put what they found. Clones share it.
#[derive(Clone)]
pub(crate) struct Drifts {
    gateway: GatewayFacts,
    waiting: Arc<Mutex<Waiting>>,
    come: Arc<Notify>,
}

struct Waiting {
    drifts: VecDeque<Found>,
    /// Since the last one that found room.
    unrecorded: u64,
    kept: Kept,
}

impl Waiting {
    fn keep(&self) {
        // The kernel is mended whether its record can be kept or not.
        if let Err(error) = self.kept.save(&self.drifts) {
            tracing::error!(%error, "drifts that wait for binding are in memory only");
        }
    }
}

impl Drifts {
    /// With what waited in this file when the last process ended.
    pub(crate) fn open(gateway: GatewayName, region: RegionId, file: PathBuf) -> Self {
        let (kept, drifts) = Kept::open(file);
        let waiting = Arc::new(Mutex::new(Waiting { drifts, unrecorded: 0, kept }));
        Self { gateway: GatewayFacts { gateway, region }, waiting, come: Arc::default() }
    }

    /// Takes what was found in a VPC's kernel that had been made equal to `position`.
    pub(crate) fn push(&self, vpc: VpcId, project: ProjectId, position: Position, drift: Drift) {
        let Drift { found_at, mended_at, rules, mut differences } = drift;
        let differing = differences.len() as u64;
        differences.truncate(MAX_DIFFERENCES);
        let mut waiting = self.lock();
        if waiting.drifts.len() >= WAITING {
            waiting.unrecorded += 1;
            return;
        }
        let unrecorded = std::mem::take(&mut waiting.unrecorded);
        let gateway = self.gateway.clone();
        let drift = GatewayDriftFound {
            gateway,
            project,
            vpc,
            position,
            found_at,
            mended_at,
            rules,
            differences,
            differing,
            unrecorded,
        };
        waiting.drifts.push_back(Found { request_id: Uuid::now_v7(), drift });
        waiting.keep();
        crash::point("drift.after-kept");
        self.come.notify_one();
    }

    /// The one that has waited longest.
    fn first(&self) -> Option<Found> {
        self.lock().drifts.front().cloned()
    }

    /// It waits no longer.
    fn recorded(&self, request_id: Uuid) {
        let mut waiting = self.lock();
        waiting.drifts.retain(|found| found.request_id != request_id);
        waiting.keep();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn pop(&self) -> Option<GatewayDriftFound> {
        let found = self.first()?;
        self.recorded(found.request_id);
        Some(found.drift)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use std::{fs, path::Path};

    use mooring_domain::{
        Timestamp,
        id::Id,
        nat::{Difference, Element},
    };

    use super::*;

    fn drift(elements: u8) -> Drift {
        let route =
            |last| Difference { wanted: Some(Element::Route([203, 0, 113, last].into())), found: None };
        let (found_at, mended_at) = (Timestamp(1), Timestamp(2));
        Drift { found_at, mended_at, rules: false, differences: (0..elements).map(route).collect() }
    }

    fn open(folder: &Path) -> Drifts {
        Drifts::open("gw-1".parse().unwrap(), "r1".parse().unwrap(), folder.join("drifts/r1"))
    }

    fn push(drifts: &Drifts, drift: Drift) {
        drifts.push(Id::new(Uuid::from_u128(7)), "p1".parse().unwrap(), Position(3), drift);
    }

    #[test]
    fn what_finds_no_room_is_counted_with_the_next_that_does() {
        let folder = tempfile::tempdir().unwrap();
        let drifts = open(folder.path());
        let push = |drift| push(&drifts, drift);
        (0..WAITING + 5).for_each(|_| push(drift(1)));
        assert_eq!(drifts.pop().unwrap().unrecorded, 0);
        push(drift(200));
        let all: Vec<_> = std::iter::from_fn(|| drifts.pop()).collect();
        let last = all.last().unwrap();
        assert_eq!((all.len(), last.unrecorded), (WAITING, 5));
        assert_eq!(
            (last.differences.len(), last.differing),
            (MAX_DIFFERENCES, 200),
            "the first ones by name"
        );
    }

    #[test]
    fn what_waits_outlives_the_process_and_waits_under_the_same_id() {
        let folder = tempfile::tempdir().unwrap();
        let drifts = open(folder.path());
        (1..4).for_each(|elements| push(&drifts, drift(elements)));
        let all: Vec<_> = drifts.lock().drifts.iter().cloned().collect();
        drifts.recorded(all[0].request_id);
        drop(drifts);
        let again = open(folder.path());
        assert_eq!(again.lock().drifts, &all[1..]);
        while again.pop().is_some() {}
        assert_eq!(fs::read_dir(folder.path().join("drifts")).unwrap().count(), 0, "nothing is left behind");
        assert_eq!(open(folder.path()).first(), None);
    }

    #[test]
    fn a_file_with_any_byte_changed_or_cut_off_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        push(&open(folder.path()), drift(2));
        let path = folder.path().join("drifts/r1");
        let good = fs::read(&path).unwrap();
        let spoiled = (0..good.len()).map(|at| {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            bad
        });
        for bad in spoiled.chain((0..good.len()).map(|length| good[..length].to_vec())) {
            fs::write(&path, &bad).unwrap();
            assert_eq!(open(folder.path()).first(), None, "{bad:02x?}");
            assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), bad);
            assert!(!path.exists());
        }
        fs::write(&path, good).unwrap();
        assert!(open(folder.path()).first().is_some());
    }
}
