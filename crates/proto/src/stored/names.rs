//! Names as they are read: what many events say is in memory once.

use std::{borrow::Borrow, collections::HashSet, hash::Hash, str::FromStr};

use mooring_domain::name::{GatewayName, Label, ProjectId, RegionId};

/// The names that were read.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub labels: Known<Label>,
    pub projects: Known<ProjectId>,
    pub regions: Known<RegionId>,
    pub gateways: Known<GatewayName>,
}

/// The names of one kind.
#[derive(Debug)]
pub(super) struct Known<T> {
    all: HashSet<T>,
    /// The last one: of neighbours in a log many have the same project, and all the same region.
    last: Option<T>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { all: HashSet::new(), last: None }
    }
}

impl<T: Borrow<str> + Clone + Eq + Hash + FromStr> Known<T> {
    /// The name in these bytes; nothing where it is none.
    pub fn read(&mut self, bytes: Option<&[u8]>) -> Option<T> {
        let bytes = bytes?;
        if let Some(last) = self.last.as_ref().filter(|last| (*last).borrow().as_bytes() == bytes) {
            return Some(last.clone());
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let name = match self.all.get(text) {
            Some(known) => known.clone(),
            None => {
                let name: T = text.parse().ok()?;
                self.all.insert(name.clone());
                name
            }
        };
        self.last = Some(name.clone());
        Some(name)
    }
}
