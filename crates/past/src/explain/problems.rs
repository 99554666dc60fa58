//! What the log says keeps packets from passing, and what to do. What only kernels know is said by who asks them.

use mooring_domain::{
    CommitPosition,
    binding::Phase,
    holder::{Holding, Silence},
    name::Label,
};
use mooring_proto::dataplane::v1::Problem;

use super::subject::Subject;
use crate::{Folded, trace::origin};

/// Worst first.
pub(super) fn of(folded: &Folded, subject: &Subject<'_>) -> Vec<Problem> {
    let mut problems: Vec<_> = binding(subject).into_iter().collect();
    problems.extend(failed(folded, subject));
    problems.extend(holder(folded, subject));
    if folded.binding.registered_gateways().next().is_none() {
        let what = "no gateway is registered: nobody carries the region's traffic";
        let remedy = "start a dataplane-sync, or mooringd with --gateway; `moor gateway list` shows them";
        problems.push(problem("NO_GATEWAY", what, remedy, "", None));
    }
    problems
}

fn problem(
    reason: &str,
    what: impl Into<String>,
    remedy: impl Into<String>,
    runbook: &str,
    at: Option<CommitPosition>,
) -> Problem {
    Problem {
        reason: reason.to_owned(),
        what: what.into(),
        remedy: remedy.into(),
        runbook: runbook.to_owned(),
        origin: at.map(origin::at),
    }
}

fn binding(subject: &Subject<'_>) -> Option<Problem> {
    const UNBOUND: &str = "docs/runbooks/unbound-eip.md";
    let address = subject.address;
    let (eip, havip) = (subject.eip, subject.havip);
    let name = eip.map(|eip| eip.facts.eip.display_name.to_string()).unwrap_or_default();
    if let Some(binding) = subject.binding {
        return match &binding.phase {
            Phase::Associating => {
                let remedy = "wait: it goes on by itself; `moor binding get` says how far it is";
                Some(problem("BEING_BOUND", "it is being bound", remedy, "", Some(binding.at)))
            }
            Phase::Unassociating(_) => {
                let what = "it is being unbound: gateways have to take it out, or have already";
                let remedy =
                    "`moor status` and `moor gateway list` say who has not; bind it again when it is free";
                Some(problem("BEING_UNBOUND", what, remedy, UNBOUND, Some(binding.at)))
            }
            Phase::InUse(_) | Phase::Failed { .. } => None,
        };
    }
    Some(match (eip, havip) {
        (Some(eip), _) => {
            let what = format!("the EIP {name} fronts nothing: it is not bound");
            problem("NOT_BOUND", what, format!("`moor bind {name} HAVIP`"), UNBOUND, Some(eip.at))
        }
        (None, Some(havip)) => {
            let label = &havip.facts.havip.display_name;
            let what = format!(
                "no EIP fronts the HAVIP {label}: it is reached from inside alone, and nothing of its leaves"
            );
            let remedy = format!("`moor bind EIP {label}`");
            problem("NOT_BOUND", what, remedy, "docs/runbooks/private-source.md", Some(havip.at))
        }
        (None, None) if subject.sends.is_none() => {
            let what = format!("{address} is allocated to nobody");
            let remedy = format!("`moor eip allocate NAME --address {address}`, then `moor bind NAME HAVIP`");
            problem("NOT_ALLOCATED", what, remedy, UNBOUND, None)
        }
        (None, None) => {
            let what = "no EIP can front it: only a HAVIP is fronted, and nothing private leaves";
            let remedy = "make a HAVIP with the instance as member, and bind an EIP to that";
            problem("NO_HAVIP", what, remedy, "docs/runbooks/private-source.md", None)
        }
    })
}

/// The bind that came to nothing last, of an EIP or HAVIP that is not bound.
fn failed(folded: &Folded, subject: &Subject<'_>) -> Option<Problem> {
    if subject.binding.is_some() {
        return None;
    }
    let (eip, havip) =
        (subject.eip.map(|eip| eip.facts.eip.id), subject.havip.map(|havip| havip.facts.havip.id));
    let is_it = |of: &&mooring_domain::binding::Binding| {
        Some(of.request.eip) == eip || Some(of.request.havip) == havip
    };
    let failed = folded.binding.iter().filter(is_it).filter_map(|of| match &of.phase {
        Phase::Failed { reason, message } => Some((of.at, reason, message)),
        _ => None,
    });
    let (at, reason, message) = failed.max_by_key(|(at, ..)| *at)?;
    let what = format!("the last bind came to nothing: {reason}: {message}");
    Some(problem("BIND_FAILED", what, "remove what is in the way, and bind again", "", Some(at)))
}

fn holder(folded: &Folded, subject: &Subject<'_>) -> Option<Problem> {
    let havip = subject.havip?;
    let facts = &havip.facts.havip;
    // Said of what a gateway does: its own decision counts as the log's.
    let holders = &folded.desired.vpcs.get(&facts.vpc)?.holders;
    if let Some(mac) = holders.get(&facts.address).copied().flatten() {
        let holding = folded.holder.get(facts.id)?.holding.as_ref();
        return silent(holding.filter(|holding| holding.vnic.mac == mac)?, &facts.display_name);
    }
    let label = &havip.facts.havip.display_name;
    let what = format!("nobody holds the HAVIP {label}: no member has announced it");
    let remedy =
        "look whether keepalived is master on a member, and whether its announcement reaches the gateway";
    Some(problem("NO_HOLDER", what, remedy, "docs/runbooks/no-holder.md", Some(havip.at)))
}

fn silent(holding: &Holding, havip: &Label) -> Option<Problem> {
    let Silence { since, gateway, at } = holding.silence.as_deref()?;
    let (instance, since) = (&holding.vnic.instance, crate::moment::time(*since));
    let what = format!(
        "{instance} holds the HAVIP {havip} and answers no more: gateway {gateway} heard it last at {since}"
    );
    let remedy =
        "look at the instance and its link; the traffic goes there until another member announces the HAVIP";
    Some(problem("HOLDER_SILENT", what, remedy, "docs/runbooks/holder-silent.md", Some(*at)))
}
