//! What health answers.

use mooring_domain::{
    holder::Havip,
    id,
    name::{Name, Scope},
};

use crate::health::v1::{Holder, holder::State};

/// Who holds a HAVIP.
pub fn holder(havip: &Havip) -> Holder {
    let facts = &havip.facts;
    let scope = Scope { project: facts.project.clone(), region: facts.region.clone() };
    let nobody = Holder {
        havip: Name::<id::Havip> { scope: scope.clone(), id: facts.id }.to_string(),
        address: facts.address.to_string(),
        state: State::None.into(),
        ..Holder::default()
    };
    let Some(holding) = &havip.holding else { return nobody };
    Holder {
        state: State::Held.into(),
        vnic: Name::<id::Vnic> { scope, id: holding.vnic.id }.to_string(),
        instance: holding.vnic.instance.to_string(),
        mac: holding.vnic.mac.to_string(),
        gateway: holding.claim.gateway.to_string(),
        observed_at: holding.claim.observed_at.0,
        position: holding.at.position.0,
        ..nobody
    }
}
