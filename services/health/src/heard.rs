//! What this process was handed and wrote no event of, by region.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mooring_domain::{holder::Latest, name::RegionId};

/// Of one region. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct OfRegion(Arc<Mutex<Latest>>);

impl OfRegion {
    /// Nothing that is done with it can panic half way.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of every region.
pub(crate) type Heard = Arc<BTreeMap<RegionId, OfRegion>>;
