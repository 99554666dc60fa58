//! The HAVIPs whose holders the log says have fallen silent: a gateway reports what it hears otherwise.

use std::net::IpAddr;

use imbl::{OrdMap, OrdSet};
use mooring_domain::{Event, event::HavipFacts, id::VpcId};
use serde::{Deserialize, Serialize};

/// Of every VPC.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Silent(OrdMap<VpcId, OrdSet<IpAddr>>);

impl Silent {
    /// Those of a VPC.
    pub(crate) fn of(&self, vpc: VpcId) -> OrdSet<IpAddr> {
        self.0.get(&vpc).cloned().unwrap_or_default()
    }

    pub(crate) fn fold(&mut self, event: &Event) {
        match event {
            Event::HolderSilent(silent) => {
                self.0.entry(silent.havip.vpc).or_default().insert(silent.havip.address);
            }
            Event::HolderHeard(heard) => self.forget(&heard.havip),
            Event::HolderChanged(change) => self.forget(&change.havip),
            Event::HolderWithdrawn(withdrawn) => self.forget(&withdrawn.havip),
            Event::HavipDeleted(havip) => self.forget(havip),
            Event::VpcDeleted(vpc) => drop(self.0.remove(&vpc.id)),
            _ => {}
        }
    }

    fn forget(&mut self, havip: &HavipFacts) {
        if let Some(of_vpc) = self.0.get_mut(&havip.vpc) {
            of_vpc.remove(&havip.address);
        }
    }
}
