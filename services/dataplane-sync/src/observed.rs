//! What holders' places rest on: what a gateway's own decision compares a new claim with.

use std::net::IpAddr;

use imbl::OrdMap;
use mooring_domain::{Event, event::HavipFacts, holder::Standing, id::VpcId};
use serde::{Deserialize, Serialize};

/// Of every HAVIP that is, or was, held, and of those with rules of their own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Observed(OrdMap<VpcId, OrdMap<IpAddr, Standing>>);

impl Observed {
    /// Those of a VPC.
    pub(crate) fn of(&self, vpc: VpcId) -> OrdMap<IpAddr, Standing> {
        self.0.get(&vpc).cloned().unwrap_or_default()
    }

    /// The HAVIPs of a VPC that two claim in turn.
    pub(crate) fn contested(&self, vpc: VpcId) -> impl Iterator<Item = IpAddr> {
        let of_vpc = self.0.get(&vpc).into_iter().flatten();
        of_vpc.filter(|(_, standing)| standing.contested).map(|(havip, _)| *havip)
    }

    pub(crate) fn fold(&mut self, event: &Event) {
        let havip = match event {
            Event::HavipCreated(havip) | Event::HavipUpdated(havip) => &havip.havip,
            Event::HolderChanged(change) => &change.havip,
            Event::HolderContested(contested) => &contested.havip,
            Event::HolderSettled(settled) => &settled.havip,
            Event::HolderWithdrawn(withdrawn) => &withdrawn.havip,
            Event::HavipDeleted(havip) => return self.forget(havip),
            Event::VpcDeleted(vpc) => return drop(self.0.remove(&vpc.id)),
            _ => return,
        };
        let of_vpc = self.0.entry(havip.vpc).or_default();
        let mut standing = of_vpc.get(&havip.address).copied().unwrap_or_default();
        standing.evolve(event);
        if standing == Standing::default() {
            of_vpc.remove(&havip.address);
        } else {
            of_vpc.insert(havip.address, standing);
        }
    }

    fn forget(&mut self, havip: &HavipFacts) {
        if let Some(of_vpc) = self.0.get_mut(&havip.vpc) {
            of_vpc.remove(&havip.address);
        }
    }
}
