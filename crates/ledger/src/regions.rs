//! One core in every region that a process serves.

use std::{collections::BTreeMap, sync::Arc};

use mooring_domain::{Decider, Rejection, name::RegionId};

use crate::{Ledger, Refused};

/// A service's ledgers by region. Clones share them.
pub struct Regions<D: Decider> {
    ledgers: Arc<BTreeMap<RegionId, Ledger<D>>>,
}

impl<D: Decider> Clone for Regions<D> {
    fn clone(&self) -> Self {
        Self { ledgers: self.ledgers.clone() }
    }
}

impl<D: Decider> FromIterator<(RegionId, Ledger<D>)> for Regions<D> {
    fn from_iter<T: IntoIterator<Item = (RegionId, Ledger<D>)>>(ledgers: T) -> Self {
        Self { ledgers: Arc::new(ledgers.into_iter().collect()) }
    }
}

impl<D: Decider> Regions<D> {
    /// The region's ledger. `field` is the request's field that names it.
    pub fn get(&self, field: &'static str, region: &RegionId) -> Result<&Ledger<D>, Refused> {
        self.ledgers.get(region).ok_or_else(|| {
            let served: Vec<_> = self.ledgers.keys().map(ToString::to_string).collect();
            let message = format!("this server serves {}, not {region}", served.join(", "));
            Rejection { message, ..Rejection::not_found(field, region) }.into()
        })
    }

    /// Every region with its ledger.
    pub fn iter(&self) -> impl Iterator<Item = (&RegionId, &Ledger<D>)> {
        self.ledgers.iter()
    }
}
