//! From the folded state to the API's messages.

use std::time::Instant;

use mooring_domain::{
    CommitPosition, Position,
    binding::{self, Phase},
    id::VpcId,
    name::{GatewayName, RegionId},
    nat::RunningHash,
};
use mooring_proto::{answer::binding as answer, binding::v1 as api};

use crate::reports::{Attestations, Report, Reports};

/// A binding, and which gateways have it in their kernels.
pub(crate) fn binding(of: &binding::Binding, state: &binding::State, reports: &Reports) -> api::Binding {
    let gateways = match &of.phase {
        Phase::Failed { .. } => Vec::new(),
        _ => state.registered_gateways().map(|gateway| progress(of, gateway, reports)).collect(),
    };
    answer::binding(of, gateways)
}

fn progress(of: &binding::Binding, gateway: &binding::Gateway, reports: &Reports) -> api::binding::Gateway {
    let name = &gateway.facts.gateway;
    api::binding::Gateway { gateway: name.to_string(), applied: applied(of, reports.of(name).as_deref()) }
}

/// Whether a gateway's kernel is at the binding's position. What would only be is at none, and nowhere.
pub(crate) fn applied(of: &binding::Binding, report: Option<&Report>) -> bool {
    match (of.facts(), report) {
        _ if of.at == CommitPosition::default() => false,
        (Some(facts), Some(report)) => report.applied(facts.havip.vpc, of.at.position),
        _ => false,
    }
}

/// A gateway, and what it reported last.
pub(crate) fn gateway(of: &binding::Gateway, report: Option<&Report>) -> api::Gateway {
    let stuck = report.into_iter().flat_map(|report| &report.stuck).map(|(vpc, stuck)| api::Stuck {
        vpc: vpc.to_string(),
        position: stuck.position.0,
        cause: stuck.cause.clone(),
        carries_nothing: stuck.carries_nothing,
    });
    let age = |report: &Report| Instant::now().duration_since(report.at).as_millis();
    api::Gateway {
        name: answer::gateway_name(of),
        registered: of.registered,
        applied_position: report.map_or(Position(0), |report| report.position).0,
        stuck: stuck.collect(),
        report_age_ms: report.map(|report| u64::try_from(age(report)).unwrap_or(u64::MAX)),
        drifts: of.drifts.count,
        last_drift_position: of.drifts.last.map_or(Position(0), |at| at.position).0,
        position: of.at.position.0,
    }
}

/// What a gateway said of its kernels, the newest first by VPC.
pub(crate) fn attestations(
    region: &RegionId,
    gateway: &GatewayName,
    said: Attestations,
) -> Vec<api::Attestation> {
    let name = format!("regions/{region}/gateways/{gateway}");
    let one = |vpc: VpcId, (position, hash): &(Position, RunningHash)| api::Attestation {
        gateway: name.clone(),
        vpc: vpc.to_string(),
        position: position.0,
        hash: hash.0.to_vec().into(),
    };
    said.iter().flat_map(|(vpc, known)| known.iter().rev().map(|said| one(*vpc, said))).collect()
}
