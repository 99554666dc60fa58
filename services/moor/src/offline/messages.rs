//! From the folded state to the API's messages: what the services would have answered at that moment, but for what no log
//! has (which gateway has applied what).

use std::net::IpAddr;

use mooring_domain::{
    CommitPosition,
    binding::{self, Binding, Phase},
    event::{EipFacts, HavipCreated, PoolCreated, SubnetCreated, VnicCreated, VpcCreated},
    holder,
    id::{self, Id, Kind},
    name::{Name, Scope},
    resource::{Entry, Facts},
};
use mooring_proto::{
    binding::v1 as binding_api,
    convert,
    health::v1::{Holder, holder::State as Held},
    resource::v1 as api,
};

use super::Folded;

fn name<K: Kind>(scope: &Scope, id: Id<K>) -> String {
    Name { scope: scope.clone(), id }.to_string()
}

fn position(at: CommitPosition) -> u64 {
    at.position.0
}

pub fn pool(folded: &Folded, entry: &Entry<PoolCreated>) -> api::Pool {
    let pool = &entry.facts;
    api::Pool {
        name: pool.name(),
        display_name: pool.display_name.to_string(),
        cidrs: pool.cidrs.iter().map(ToString::to_string).collect(),
        allocated: folded.resource.allocated(pool.id),
        position: position(entry.at),
    }
}

pub fn vpc(entry: &Entry<VpcCreated>) -> api::Vpc {
    let vpc = &entry.facts;
    api::Vpc { name: vpc.name(), display_name: vpc.display_name.to_string(), position: position(entry.at) }
}

pub fn subnet(entry: &Entry<SubnetCreated>) -> api::Subnet {
    let subnet = &entry.facts;
    api::Subnet {
        name: subnet.name(),
        display_name: subnet.display_name.to_string(),
        vpc: name(&subnet.parent(), subnet.vpc),
        cidr: subnet.cidr.to_string(),
        gateway_address: subnet.gateway_address.to_string(),
        position: position(entry.at),
    }
}

pub fn vnic(entry: &Entry<VnicCreated>) -> api::Vnic {
    let created = &entry.facts;
    api::Vnic {
        name: created.name(),
        instance: created.vnic.instance.to_string(),
        subnet: name(&created.parent(), created.subnet),
        mac: created.vnic.mac.to_string(),
        address: created.vnic.address.to_string(),
        position: position(entry.at),
    }
}

pub fn havip(folded: &Folded, entry: &Entry<HavipCreated>) -> api::Havip {
    let (created, scope) = (&entry.facts, entry.facts.parent());
    let held_by = folded.resource.havip_held_by(created.havip.id);
    api::Havip {
        name: created.name(),
        display_name: created.havip.display_name.to_string(),
        subnet: name(&scope, created.havip.subnet),
        address: created.havip.address.to_string(),
        members: created.members.iter().map(|vnic| name(&scope, vnic.id)).collect(),
        vpc: name(&scope, created.havip.vpc),
        binding: held_by.map(|binding| name(&scope, binding)).unwrap_or_default(),
        position: position(entry.at),
    }
}

pub fn eip(folded: &Folded, entry: &Entry<EipFacts>) -> api::Eip {
    let eip = &entry.facts;
    let binding = folded.binding.of_eip(eip.id);
    let state = convert::eip_state(binding.map(|binding| &binding.phase));
    api::Eip {
        name: eip.name(),
        display_name: eip.display_name.to_string(),
        address: eip.address.to_string(),
        pool: format!("regions/{}/{}/{}", eip.region, id::Pool::COLLECTION, eip.pool),
        state: state.into(),
        binding: binding.map(|binding| binding.name().to_string()).unwrap_or_default(),
        position: position(entry.at),
    }
}

/// Without the gateways: what they have applied is in no log.
pub fn binding(of: &Binding) -> binding_api::Binding {
    use binding_api::binding::State;
    let (state, failure) = match &of.phase {
        Phase::Associating => (State::Associating, String::new()),
        Phase::InUse(_) => (State::InUse, String::new()),
        Phase::Unassociating(_) => (State::Unassociating, String::new()),
        Phase::Failed { reason, message } => (State::Failed, format!("{reason}: {message}")),
    };
    let address = |of: Option<IpAddr>| of.map(|address| address.to_string()).unwrap_or_default();
    let facts = of.facts();
    binding_api::Binding {
        name: of.name().to_string(),
        eip: of.eip().to_string(),
        havip: of.havip().to_string(),
        state: state.into(),
        eip_address: address(facts.map(|facts| facts.eip.address)),
        havip_address: address(facts.map(|facts| facts.havip.address)),
        failure,
        position: position(of.at),
        gateways: Vec::new(),
    }
}

pub fn holder(havip: &holder::Havip) -> Holder {
    let facts = &havip.facts;
    let scope = Scope { project: facts.project.clone(), region: facts.region.clone() };
    let nobody = Holder {
        havip: name(&scope, facts.id),
        address: facts.address.to_string(),
        state: Held::None.into(),
        ..Holder::default()
    };
    let Some(holding) = &havip.holding else { return nobody };
    Holder {
        state: Held::Held.into(),
        vnic: name(&scope, holding.vnic.id),
        instance: holding.vnic.instance.to_string(),
        mac: holding.vnic.mac.to_string(),
        gateway: holding.claim.gateway.to_string(),
        observed_at: holding.claim.observed_at.0,
        position: position(holding.at),
        ..nobody
    }
}

/// The name of a gateway.
pub fn gateway(of: &binding::Gateway) -> String {
    format!("regions/{}/gateways/{}", of.facts.region, of.facts.gateway)
}
