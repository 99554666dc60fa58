//! What may change of a HAVIP, also while an EIP fronts it: everything but its address, its subnet and its owner. The binding
//! stands, and no NAT rule changes (F1); a holder that may hold it no more loses it.

use super::{check_damping, check_members, members};
use crate::{
    Event, Rejection,
    event::{HavipCreated, HavipFacts},
    name::Name,
    resource::{State, UpdateHavip, quotas},
};

pub(in crate::resource) fn update(state: &State, command: &UpdateHavip) -> Result<Vec<Event>, Rejection> {
    let UpdateHavip { scope, id, expected, change } = command;
    let present = &state.havips.require_at(scope, *id, "havip.name", *expected)?.facts;
    let mut rules = present.rules;
    rules.whole_subnet = change.whole_subnet.unwrap_or(rules.whole_subnet);
    rules.announce = change.announce.unwrap_or(rules.announce);
    if let Some(damping) = change.damping {
        check_damping(damping)?;
        rules.damping = damping;
    }
    let there = || present.members.iter().map(|member| member.id).collect();
    let no_member = |id| {
        let who = state.vnics.get(id).map(|vnic| vnic.facts.vnic.instance.to_string());
        let who = who.unwrap_or_else(|| Name { scope: scope.clone(), id }.to_string());
        let what = format!("a member {who} of the HAVIP {}", present.havip.display_name);
        Rejection::not_found("remove_members", what)
    };
    let members = match change.members_edit.of(change.members.as_ref(), there).map_err(no_member)? {
        None => present.members.clone(),
        Some(ids) => {
            check_members(scope, &ids)?;
            let members = members(state, scope, present.havip.subnet, &ids)?;
            quotas::check_members(state, scope, &present.members, &members)?;
            members
        }
    };
    let mut havip = present.havip.clone();
    if let Some(label) = change.display_name.as_ref().filter(|label| **label != havip.display_name) {
        state.havips.check_name(scope, label, "havip.display_name")?;
        havip = HavipFacts { display_name: label.clone(), ..havip };
    }
    let updated = HavipCreated { havip, members, rules };
    Ok(if updated == *present { Vec::new() } else { vec![Event::HavipUpdated(updated)] })
}
