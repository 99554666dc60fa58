//! Answers to probes, until the worker looks for them: nothing waits for one, so nobody is woken for it.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mooring_domain::address::Mac;

/// One VPC's, at most one for each HAVIP. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Arc<Mutex<BTreeMap<Ipv4Addr, Mac>>>);

impl Answers {
    /// The holder of a HAVIP has answered.
    pub(crate) fn note(&self, havip: Ipv4Addr, holder: Mac) {
        self.all().insert(havip, holder);
    }

    /// Those that came since this was asked last.
    pub(crate) fn take(&self) -> BTreeMap<Ipv4Addr, Mac> {
        std::mem::take(&mut *self.all())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Ipv4Addr, Mac>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
