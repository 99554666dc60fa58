//! What there is in a region, one by one: which thing, of which kind.

use std::net::IpAddr;

use mooring_domain::{
    Event,
    event::{BindingFacts, EipDescribed, EipFacts, EipReleased, HavipFacts},
    id::{BindingId, EipId, HavipId, PoolId, SubnetId, VnicId, VpcId},
    name::GatewayName,
};

use crate::Folded;

/// One thing, by what it is known by for all time. In order: kind by kind, and by id in each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A pool.
    Pool(PoolId),
    /// A VPC.
    Vpc(VpcId),
    /// A subnet.
    Subnet(SubnetId),
    /// A vNIC.
    Vnic(VnicId),
    /// A HAVIP.
    Havip(HavipId),
    /// An EIP.
    Eip(EipId),
    /// A binding.
    Binding(BindingId),
    /// Who holds a HAVIP.
    Holder(HavipId),
    /// A gateway.
    Gateway(GatewayName),
    /// What a VPC has for an EIP.
    NatElement(VpcId, IpAddr),
}

impl Folded {
    /// Everything that there is, in order.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        let of = &self.resource;
        let networks = of.pools().iter().map(|pool| Key::Pool(pool.facts.id));
        let networks = networks.chain(of.vpcs().iter().map(|vpc| Key::Vpc(vpc.facts.id)));
        let networks = networks.chain(of.subnets().iter().map(|subnet| Key::Subnet(subnet.facts.id)));
        let networks = networks.chain(of.vnics().iter().map(|vnic| Key::Vnic(vnic.facts.vnic.id)));
        let havips = || of.havips().iter().map(|havip| havip.facts.havip.id);
        let eips = of.eips().iter().map(|eip| Key::Eip(eip.facts.eip.id));
        let bindings = self.binding.iter().map(|binding| Key::Binding(binding.request.binding));
        let gateways = self.binding.gateways().map(|gateway| Key::Gateway(gateway.facts.gateway.clone()));
        let elements = self
            .desired
            .vpcs
            .iter()
            .flat_map(|(vpc, desired)| desired.nat.keys().map(|eip| Key::NatElement(*vpc, *eip)));
        networks
            .chain(havips().map(Key::Havip))
            .chain(eips)
            .chain(bindings)
            .chain(havips().map(Key::Holder))
            .chain(gateways)
            .chain(elements)
    }
}

/// What an event is about: it can have changed nothing else of a region.
pub(crate) fn touched(event: &Event) -> Vec<Key> {
    match event {
        Event::PoolCreated(pool) | Event::PoolUpdated(pool) | Event::PoolDeleted(pool) => {
            vec![Key::Pool(pool.id)]
        }
        Event::VpcCreated(vpc) | Event::VpcDeleted(vpc) => vec![Key::Vpc(vpc.id)],
        Event::SubnetCreated(subnet) | Event::SubnetUpdated(subnet) | Event::SubnetDeleted(subnet) => {
            vec![Key::Subnet(subnet.id)]
        }
        Event::VnicCreated(vnic) | Event::VnicDeleted(vnic) => vec![Key::Vnic(vnic.vnic.id)],
        Event::HavipCreated(havip) | Event::HavipUpdated(havip) => {
            vec![Key::Havip(havip.havip.id), Key::Holder(havip.havip.id)]
        }
        Event::HavipDeleted(havip) => vec![Key::Havip(havip.id), Key::Holder(havip.id)],
        // How many of a pool are allocated belongs to the pool.
        Event::EipAllocated(EipDescribed { eip, .. }) | Event::EipReleased(EipReleased { eip, .. }) => {
            vec![Key::Pool(eip.pool), Key::Eip(eip.id)]
        }
        Event::EipUpdated(described) => vec![Key::Eip(described.eip.id)],
        Event::HoldReleased(released) => {
            released.held.iter().flat_map(|(eip, havip)| pair(released.binding, eip, havip)).collect()
        }
        Event::HoldPlaced(facts)
        | Event::Bound(facts)
        | Event::UnbindRequested(facts)
        | Event::Unbound(facts) => {
            let BindingFacts { binding, eip, havip } = facts;
            pair(*binding, eip, havip).into()
        }
        Event::BindRequested(request) => asked(request.binding, request.eip, request.havip).into(),
        Event::BindFailed(failed) => {
            asked(failed.request.binding, failed.request.eip, failed.request.havip).into()
        }
        Event::GatewayRegistered(facts) | Event::GatewayDecommissioned(facts) => {
            vec![Key::Gateway(facts.gateway.clone())]
        }
        Event::GatewayDriftFound(drift) => vec![Key::Gateway(drift.gateway.gateway.clone())],
        Event::HolderChanged(changed) => vec![Key::Holder(changed.havip.id)],
        Event::HolderContested(contested) => vec![Key::Holder(contested.havip.id)],
        Event::HolderSettled(settled) => vec![Key::Holder(settled.havip.id)],
        Event::HolderWithdrawn(withdrawn) => vec![Key::Holder(withdrawn.havip.id)],
        Event::LeaseRenewed(renewed) => vec![Key::Holder(renewed.havip.id)],
        Event::HolderSilent(facts) | Event::HolderHeard(facts) => vec![Key::Holder(facts.havip.id)],
        // What a project may have is nothing that is there.
        Event::ClaimRejected(_) | Event::FailoverMeasured(_) | Event::QuotasChanged(_) => Vec::new(),
    }
}

/// An EIP shows its binding's state, a HAVIP who holds it.
fn asked(binding: BindingId, eip: EipId, havip: HavipId) -> [Key; 3] {
    [Key::Havip(havip), Key::Eip(eip), Key::Binding(binding)]
}

fn pair(binding: BindingId, eip: &EipFacts, havip: &HavipFacts) -> [Key; 4] {
    let [held, shown, of] = asked(binding, eip.id, havip.id);
    [held, shown, of, Key::NatElement(havip.vpc, eip.address)]
}
