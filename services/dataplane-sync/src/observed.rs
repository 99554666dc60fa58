//! When the claims were seen on which holders' places rest: what a gateway's own decision compares a new claim with.

use std::net::IpAddr;

use imbl::OrdMap;
use mooring_domain::{Event, Timestamp, id::VpcId};
use serde::{Deserialize, Serialize};

/// Of every HAVIP that is held.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Observed(OrdMap<VpcId, OrdMap<IpAddr, Timestamp>>);

impl Observed {
    /// Those of a VPC.
    pub(crate) fn of(&self, vpc: VpcId) -> OrdMap<IpAddr, Timestamp> {
        self.0.get(&vpc).cloned().unwrap_or_default()
    }

    pub(crate) fn fold(&mut self, event: &Event) {
        match event {
            Event::HolderChanged(change) => {
                let (havip, seen) = (&change.havip, change.claim.observed_at);
                self.0.entry(havip.vpc).or_default().insert(havip.address, seen);
            }
            Event::HavipDeleted(havip) => {
                if let Some(of_vpc) = self.0.get_mut(&havip.vpc) {
                    of_vpc.remove(&havip.address);
                }
            }
            _ => {}
        }
    }
}
