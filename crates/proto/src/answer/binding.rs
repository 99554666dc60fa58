//! What binding answers.

use mooring_domain::{
    binding::{Binding, Gateway, Phase},
    id,
    name::Name,
};

use crate::binding::v1 as api;

/// A binding. Which gateways have it in their kernels is in no log: who knows says it.
pub fn binding(of: &Binding, gateways: Vec<api::binding::Gateway>) -> api::Binding {
    use api::binding::State;
    let facts = of.facts();
    let (phase, failure) = match &of.phase {
        Phase::Associating => (State::Associating, String::new()),
        Phase::InUse(_) => (State::InUse, String::new()),
        Phase::Unassociating(_) => (State::Unassociating, String::new()),
        Phase::Failed { reason, message } => (State::Failed, format!("{reason}: {message}")),
    };
    api::Binding {
        name: of.name().to_string(),
        eip: of.eip().to_string(),
        havip: of.havip().to_string(),
        state: phase.into(),
        eip_address: facts.map(|facts| facts.eip.address.to_string()).unwrap_or_default(),
        havip_address: facts.map(|facts| facts.havip.address.to_string()).unwrap_or_default(),
        failure,
        position: of.at.position.0,
        gateways,
        moved_from: of.moved_from().map(|name| name.to_string()).unwrap_or_default(),
        vpc: facts
            .map(|facts| Name::<id::Vpc> { scope: of.scope(), id: facts.havip.vpc }.to_string())
            .unwrap_or_default(),
    }
}

/// The name of a gateway.
pub fn gateway_name(of: &Gateway) -> String {
    format!("regions/{}/gateways/{}", of.facts.region, of.facts.gateway)
}
