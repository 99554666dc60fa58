//! What health answers.

use mooring_domain::{
    event::VnicFacts,
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
        vpc: Name::<id::Vpc> { scope: scope.clone(), id: facts.vpc }.to_string(),
        ..Holder::default()
    };
    let Some(holding) = &havip.holding else { return nobody };
    let (state, contest) = match &havip.contest {
        Some(contest) => (State::Contested, Some(contest)),
        None if holding.silence.is_some() => (State::Stale, None),
        None => (State::Held, None),
    };
    let silence = holding.silence.as_ref();
    let rival = contest.map(|contest| &contest.rival);
    let name = |vnic: &VnicFacts| Name::<id::Vnic> { scope: scope.clone(), id: vnic.id }.to_string();
    Holder {
        state: state.into(),
        rival: rival.map(name).unwrap_or_default(),
        rival_instance: rival.map(|rival| rival.instance.to_string()).unwrap_or_default(),
        backoff_ends_at: contest.map(|_| holding.until().0).unwrap_or_default(),
        last_heard_at: silence.map(|silence| silence.since.0).unwrap_or_default(),
        unheard_by: silence.map(|silence| silence.gateway.to_string()).unwrap_or_default(),
        vnic: name(&holding.vnic),
        instance: holding.vnic.instance.to_string(),
        mac: holding.vnic.mac.to_string(),
        gateway: holding.lease.map_or_else(|| holding.claim.gateway.to_string(), |_| String::new()),
        lease_ends_at: holding.lease.map(|lease| lease.ends.0).unwrap_or_default(),
        observed_at: holding.claim.observed_at.0,
        position: holding.at.position.0,
        ..nobody
    }
}
