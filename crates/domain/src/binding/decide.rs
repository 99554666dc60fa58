//! What callers ask: bind and unbind. Here are the four rules.

use std::net::IpAddr;

use super::{Binding, Phase, State};
use crate::{
    Event, Expected, Rejection,
    event::BindRequested,
    id::{BindingId, Eip, EipId, Havip},
    name::{Name, Scope},
};

pub(super) fn bind(
    state: &State,
    id: BindingId,
    eip: &Name<Eip>,
    havip: &Name<Havip>,
) -> Result<Vec<Event>, Rejection> {
    check_scopes(&eip.scope, &havip.scope)?;
    let of_eip = state.of_eip(&eip.scope.project, eip.id);
    let of_havip = state.of_havip(&havip.scope.project, havip.id);
    if let (Some(one), Some(other)) = (of_eip, of_havip)
        && one.request.binding == other.request.binding
    {
        return same_pair(one);
    }
    if let Some(to) = of_eip.and_then(|binding| state.moving_to(binding.request.binding)) {
        return Err(on_the_move(to));
    }
    check_free(of_eip, of_havip, eip, havip)?;
    check_new(state, id)?;
    Ok(vec![Event::BindRequested(request(id, eip, havip))])
}

pub(super) fn check_new(state: &State, id: BindingId) -> Result<(), Rejection> {
    if state.get(id).is_some() {
        return Err(Rejection::exists("ID_TAKEN", "id", format!("another binding has the id {id}")));
    }
    Ok(())
}

/// For an EIP that is free.
pub(super) fn request(id: BindingId, eip: &Name<Eip>, havip: &Name<Havip>) -> BindRequested {
    BindRequested {
        binding: id,
        eip: eip.id,
        havip: havip.id,
        project: havip.scope.project.clone(),
        region: havip.scope.region.clone(),
        eip_project: eip.scope.project.clone(),
        moved_from: None,
    }
}

pub(super) fn unbind(
    state: &State,
    scope: &Scope,
    eip: EipId,
    expected: Expected,
) -> Result<Vec<Event>, Rejection> {
    let Some(binding) = state.of_eip(&scope.project, eip).filter(|binding| binding.scope() == *scope) else {
        return Ok(Vec::new());
    };
    if let Some(to) = state.moving_to(binding.request.binding) {
        return Err(on_the_move(to));
    }
    match &binding.phase {
        Phase::InUse(facts) => {
            expected.check(binding.at, binding.name())?;
            Ok(vec![Event::UnbindRequested(facts.clone())])
        }
        Phase::Associating => {
            expected.check(binding.at, binding.name())?;
            let message = "the EIP is being bound; retry when that is done";
            Err(Rejection::in_transition("EIP_IN_TRANSITION", "eip", message).because_of(binding.name()))
        }
        Phase::Unassociating(_) | Phase::Failed { .. } => Ok(Vec::new()),
    }
}

/// The same region: needs no state, so that it comes before anything is looked up, whichever regions are served.
pub fn check_regions(eip: &Scope, havip: &Scope) -> Result<(), Rejection> {
    if eip.region != havip.region {
        let message = format!(
            "the EIP is in region {}, the HAVIP in {}; an EIP fronts only HAVIPs of its own region",
            eip.region, havip.region
        );
        return Err(Rejection::precondition("OTHER_REGION", "havip", message));
    }
    Ok(())
}

/// The same family, once both addresses are known.
pub fn check_families(eip: IpAddr, havip: IpAddr) -> Result<(), Rejection> {
    if eip.is_ipv4() == havip.is_ipv4() {
        return Ok(());
    }
    let message = format!("{eip} can't front {havip}: one is IPv4, the other IPv6");
    Err(Rejection::precondition("FAMILY_DIFFERS", "havip", message))
}

/// The EIP of this binding has not left the other yet.
pub(super) fn on_the_move(to: &Binding) -> Rejection {
    let message = format!("the EIP is being moved to {}; retry when that is done", to.havip());
    Rejection::in_transition("EIP_IN_TRANSITION", "eip", message).because_of(to.name())
}

/// The same region, before anything is looked up; then the same project.
pub(super) fn check_scopes(eip: &Scope, havip: &Scope) -> Result<(), Rejection> {
    check_regions(eip, havip)?;
    if eip.project != havip.project {
        let message = format!(
            "the EIP belongs to project {}, the HAVIP to {}; both must be of one project",
            eip.project, havip.project
        );
        return Err(Rejection::precondition("OTHER_PROJECT", "havip", message));
    }
    Ok(())
}

fn same_pair(binding: &Binding) -> Result<Vec<Event>, Rejection> {
    match binding.phase {
        Phase::Unassociating(_) => {
            let message = "this pair is being unbound; retry when that is done";
            Err(Rejection::in_transition("EIP_IN_TRANSITION", "eip", message).because_of(binding.name()))
        }
        _ => Ok(Vec::new()),
    }
}

/// The EIP is free, and one EIP per HAVIP. What will stay in the way is said before what a retry may find gone.
fn check_free(
    of_eip: Option<&Binding>,
    of_havip: Option<&Binding>,
    eip: &Name<Eip>,
    havip: &Name<Havip>,
) -> Result<(), Rejection> {
    if let Some(binding) = of_eip.filter(|binding| in_use(binding)) {
        let message = format!("{eip} fronts {} already; unbind it first, or move it", binding.havip());
        return Err(Rejection::precondition("EIP_TAKEN", "eip", message).because_of(binding.name()));
    }
    match (of_eip, of_havip) {
        (Some(binding), None) => Err(under_way(binding, eip)),
        (Some(binding), Some(other)) if !in_use(other) => Err(under_way(binding, eip)),
        _ => check_one_eip(of_havip, havip),
    }
}

/// The EIP of this binding has not come to its HAVIP, or off it.
pub(super) fn under_way(binding: &Binding, eip: &Name<Eip>) -> Rejection {
    let message = format!("{eip} is being bound to or unbound from {}; retry", binding.havip());
    Rejection::in_transition("EIP_IN_TRANSITION", "eip", message).because_of(binding.name())
}

/// One EIP per HAVIP.
pub(super) fn check_one_eip(of_havip: Option<&Binding>, havip: &Name<Havip>) -> Result<(), Rejection> {
    let Some(binding) = of_havip else { return Ok(()) };
    if in_use(binding) {
        let message = format!("{havip} is fronted by {} already; a HAVIP has one EIP", binding.eip());
        return Err(Rejection::precondition("HAVIP_TAKEN", "havip", message).because_of(binding.name()));
    }
    let message = format!("{} is being bound to or unbound from {havip}; retry", binding.eip());
    Err(Rejection::in_transition("HAVIP_IN_TRANSITION", "havip", message).because_of(binding.name()))
}

fn in_use(binding: &Binding) -> bool {
    matches!(binding.phase, Phase::InUse(_))
}
