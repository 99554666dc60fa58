//! What a gateway has of probing to show, for one VPC.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probed(Arc<Mutex<Option<Shown>>>);

/// How holders are probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// How many.
    pub(crate) holders: u64,
    /// How many of them answer no more.
    pub(crate) silent: u64,
    /// How often each.
    pub(crate) every: Duration,
    /// How often each if there were fewer.
    pub(crate) every_at_best: Duration,
    /// How many probes went out so far.
    pub(crate) sent: u64,
}

impl Probed {
    pub(crate) fn note(&self, change: impl FnOnce(&mut Shown)) {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default());
    }

    /// Nothing where nobody is probed.
    pub(crate) fn shown(&self) -> Option<Shown> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
