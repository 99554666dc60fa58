//! What this gateway's own kernel adds to what the log says of an address.

use std::net::IpAddr;

use mooring_domain::Timestamp;
use mooring_proto::dataplane::v1::{ExplainResponse, Problem, ProvisionalHolder, VpcStatus};

/// As the gateway stands now; `asked` is the position up to which the answer was folded.
pub(crate) fn add(answer: &mut ExplainResponse, gateway: &str, vpc: &VpcStatus, asked: u64) {
    let VpcStatus { netns, applied_position, fault, differences, drops, warnings, .. } = vpc;
    if netns.is_empty() && fault.is_empty() {
        answer
            .kernel
            .push(format!("gateway {gateway}: the VPC does not live here, its file maps it nowhere"));
        return;
    }
    let mut problems = Vec::new();
    if !fault.is_empty() {
        let remedy = "put right what it says; the gateway tries again every second";
        problems.push(problem("FAULT", format!("gateway {gateway}: {fault}"), remedy));
    } else if *applied_position < asked {
        let what = format!(
            "gateway {gateway} is behind: its kernel is at position {applied_position}, the log at {asked}"
        );
        problems.push(problem("GATEWAY_BEHIND", what, "`moor status` says what holds it up"));
    }
    problems.extend(differences.iter().map(|difference| {
        let what = format!("gateway {gateway}: kernel and fold differ: {difference}");
        problem("DRIFT", what, "the gateway mends it by itself; `moor status --verify` shows whether it did")
    }));
    problems.extend(warnings.iter().map(|warning| {
        problem(
            "WARNING",
            format!("gateway {gateway}: {warning}"),
            "change that setting or rule on the gateway",
        )
    }));
    answer.problems.extend(problems);
    if differences.is_empty() && fault.is_empty() {
        answer.kernel.push(format!(
            "gateway {gateway}: {netns} is at position {applied_position}, and was read back: as the log says"
        ));
    }
    let dropped = drops.iter().filter(|drop| drop.packets > 0);
    let dropped: Vec<_> = dropped.map(|drop| format!("{} {}", drop.packets, drop.reason)).collect();
    if !dropped.is_empty() {
        answer.kernel.push(format!("gateway {gateway}: dropped in this VPC: {}", dropped.join(", ")));
    }
}

/// What the gateway has decided by itself about the HAVIP.
pub(super) fn decided(answer: &mut ExplainResponse, gateway: &str, vpc: &VpcStatus, havip: Option<IpAddr>) {
    let Some(havip) = havip.map(|havip| havip.to_string()) else { return };
    let own = vpc.provisional.iter().filter(|own| own.address == havip);
    answer.kernel.extend(own.map(|ProvisionalHolder { address, mac, observed_at }| {
        let seen = mooring_past::time(Timestamp(*observed_at));
        format!(
            "gateway {gateway}: {address} is at {mac} by its own decision, seen {seen}; health has not decided on that yet"
        )
    }));
}

pub(super) fn problem(reason: &str, what: String, remedy: &str) -> Problem {
    let (reason, remedy) = (reason.to_owned(), remedy.to_owned());
    Problem { reason, what, remedy, ..Problem::default() }
}
