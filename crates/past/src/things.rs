//! A thing as the services told it.

use std::collections::BTreeMap;

use mooring_domain::{
    Timestamp,
    binding::{self, Binding, Fronts},
    event::EipFacts,
    id::{self, Id},
    name::{Name, ProjectId, Scope},
    resource::{Facts, Table},
};
use mooring_proto::{
    answer,
    dataplane::v1::{GatewayStanding, NatElement, Thing, thing::Kind},
};

use crate::{Folded, Key};

type Names = BTreeMap<String, String>;

impl Folded {
    /// Everything that there was, kind by kind. Of a project only what is its own, beside the pools and gateways of the
    /// region.
    pub fn things(&self, project: Option<&ProjectId>) -> impl Iterator<Item = Thing> {
        let things = self.keys().filter_map(|key| self.thing(&key));
        things.filter(move |thing| project.is_none_or(|project| is_of(thing, project)))
    }

    /// The binding that has taken an EIP.
    fn fronts(&self, eip: &EipFacts) -> Option<Fronts> {
        self.binding.of_eip(&eip.project, eip.id).and_then(Binding::fronts)
    }

    /// One thing; none when it was not there.
    pub fn thing(&self, key: &Key) -> Option<Thing> {
        let mut names = Names::new();
        let kind = self.kind(key, &mut names)?;
        Some(Thing { display_names: names, kind: Some(kind) })
    }

    fn kind(&self, key: &Key, names: &mut Names) -> Option<Kind> {
        let state = &self.resource;
        Some(match key {
            Key::Pool(id) => {
                let pool = told(state.pools(), *id, names)?;
                // Only a commit of resource ends what cools: what time it was is no part of the fold.
                let cooling = state.cooling().count(*id, Timestamp(0));
                Kind::Pool(answer::resource::pool(&pool.facts, pool.at, state.allocated(*id), cooling))
            }
            Key::Vpc(id) => {
                Kind::Vpc(answer::resource::of(told(state.vpcs(), *id, names)?, answer::resource::vpc))
            }
            Key::Subnet(id) => {
                let subnet = told(state.subnets(), *id, names)?;
                told(state.vpcs(), subnet.facts.vpc, names);
                Kind::Subnet(answer::resource::of(subnet, answer::resource::subnet))
            }
            Key::Vnic(id) => {
                let vnic = told(state.vnics(), *id, names)?;
                told(state.subnets(), vnic.facts.subnet, names);
                Kind::Vnic(answer::resource::of(vnic, answer::resource::vnic))
            }
            Key::Havip(id) => {
                let havip = told(state.havips(), *id, names)?;
                told(state.subnets(), havip.facts.havip.subnet, names);
                told(state.vpcs(), havip.facts.havip.vpc, names);
                for member in &havip.facts.members {
                    told(state.vnics(), member.id, names);
                }
                Kind::Havip(answer::resource::havip(&havip.facts, havip.at, state.havip_held_by(*id)))
            }
            Key::Eip(id) => {
                let eip = told(state.eips(), *id, names)?;
                told(state.pools(), eip.facts.eip.pool, names);
                Kind::Eip(answer::resource::eip(&eip.facts, eip.at, self.fronts(&eip.facts.eip)))
            }
            Key::Binding(id) => {
                let binding = self.binding.get(*id)?;
                told(state.eips(), binding.request.eip, names);
                told(state.havips(), binding.request.havip, names);
                Kind::Binding(answer::binding::binding(binding, Vec::new()))
            }
            Key::Holder(id) => {
                let havip = self.holder.get(*id)?;
                told(state.havips(), *id, names);
                if let Some(holding) = &havip.holding {
                    told(state.vnics(), holding.vnic.id, names);
                }
                Kind::Holder(answer::health::holder(havip))
            }
            Key::Gateway(name) => Kind::Gateway(gateway_standing(self.binding.gateway(name)?)),
            Key::NatElement(vpc, eip) => {
                let havip = self.desired.vpcs.get(vpc)?.nat.get(eip)?.to_string();
                let scope = told(state.vpcs(), *vpc, names)?.facts.parent();
                let vpc = Name::<id::Vpc> { scope, id: *vpc }.to_string();
                Kind::NatElement(NatElement { vpc, eip: eip.to_string(), havip })
            }
        })
    }
}

/// A thing of a table, and its display name among the names.
fn told<'a, F: Facts>(
    table: &'a Table<F>,
    id: Id<F::Kind>,
    names: &mut Names,
) -> Option<&'a mooring_domain::resource::Entry<F>> {
    let entry = table.get(id)?;
    names.insert(entry.facts.name(), entry.facts.label().to_string());
    Some(entry)
}

fn gateway_standing(gateway: &binding::Gateway) -> GatewayStanding {
    GatewayStanding {
        name: answer::binding::gateway_name(gateway),
        registered: gateway.registered,
        position: gateway.at.position.0,
        drifts: gateway.drifts.count,
        last_drift_position: gateway.drifts.last.map_or(0, |at| at.position.0),
    }
}

/// Whether it belongs to a project, or to nobody's.
pub(crate) fn is_of(thing: &Thing, project: &ProjectId) -> bool {
    let name = match &thing.kind {
        None | Some(Kind::Pool(_) | Kind::Gateway(_)) => return true,
        Some(Kind::Vpc(vpc)) => &vpc.name,
        Some(Kind::Subnet(subnet)) => &subnet.name,
        Some(Kind::Vnic(vnic)) => &vnic.name,
        Some(Kind::Havip(havip)) => &havip.name,
        Some(Kind::Eip(eip)) => &eip.name,
        Some(Kind::Binding(binding)) => &binding.name,
        Some(Kind::Holder(holder)) => &holder.havip,
        Some(Kind::NatElement(element)) => &element.vpc,
    };
    let mut parts = name.splitn(5, '/').take(4);
    let scope = parts.by_ref().collect::<Vec<_>>().join("/");
    scope.parse::<Scope>().is_ok_and(|scope| scope.project == *project)
}
