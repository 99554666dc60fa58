//! A span of custody as the API tells it.

use mooring_domain::{
    event::VnicFacts,
    id::{Binding, Eip, Havip, Id, Kind, Vnic, Vpc},
    name::{Name, ProjectId, RegionId, Scope},
};
use mooring_proto::dataplane::v1::{Custody, CustodyChange};

use super::{Change, Held, Span};

impl Span {
    pub(super) fn told(&self) -> Custody {
        let ended = self.ended.as_ref().map(Change::told);
        Custody { began: Some(self.began.told()), ended, ..self.held.told() }
    }
}

impl Change {
    fn told(&self) -> CustodyChange {
        CustodyChange {
            position: self.at.position.0,
            index: self.at.index,
            recorded_at: self.recorded_at.0,
            observed_at: self.observed_at.unwrap_or_default().0,
            actor: self.actor.clone(),
            kind: self.kind.to_owned(),
        }
    }
}

impl Held {
    fn told(&self) -> Custody {
        let mut told = Custody::default();
        if let Some(eip) = &self.eip {
            told.project = eip.project.to_string();
            told.eip = full::<Eip>(&eip.project, &eip.region, eip.id);
            told.eip_display_name = eip.display_name.to_string();
            told.eip_address = eip.address.to_string();
        }
        if let Some(havip) = &self.havip {
            told.project = havip.project.to_string();
            told.vpc = full::<Vpc>(&havip.project, &havip.region, havip.vpc);
            told.havip = full::<Havip>(&havip.project, &havip.region, havip.id);
            told.havip_display_name = havip.display_name.to_string();
            told.havip_address = havip.address.to_string();
            if let Some(binding) = self.binding {
                told.binding = full::<Binding>(&havip.project, &havip.region, binding);
            }
            if let Some(holder) = &self.holder {
                vnic(&mut told, &havip.project, &havip.region, holder);
            }
        }
        if let Some(own) = &self.own {
            told.project = own.project.to_string();
            told.vpc = full::<Vpc>(&own.project, &own.region, own.vpc);
            vnic(&mut told, &own.project, &own.region, &own.vnic);
        }
        told
    }
}

fn vnic(told: &mut Custody, project: &ProjectId, region: &RegionId, facts: &VnicFacts) {
    told.vnic = full::<Vnic>(project, region, facts.id);
    told.instance = facts.instance.to_string();
    told.mac = facts.mac.to_string();
    told.vnic_address = facts.address.to_string();
}

fn full<K: Kind>(project: &ProjectId, region: &RegionId, id: Id<K>) -> String {
    let scope = Scope { project: project.clone(), region: region.clone() };
    Name::<K> { scope, id }.to_string()
}
