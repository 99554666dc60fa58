//! What the region's other gateways add to what the log says of an address: binding has heard from them, or has not.

use std::time::Duration;

use mooring_domain::{
    Position,
    id::VpcId,
    nat::{FoldedHash, RunningHash},
};
use mooring_proto::{
    binding::v1::{
        Attestation, Gateway, ListAttestationsRequest, ListGatewaysRequest,
        gateway_service_client::GatewayServiceClient,
    },
    dataplane::v1::{ExplainResponse, Problem},
};
use mooring_runtime::peer::Peer;
use tokio::time::timeout;
use tonic::Status;

use super::kernel::problem;
use crate::fold::Folded;

/// How long binding may take: an explanation without it is better than none.
const PATIENCE: Duration = Duration::from_secs(2);
/// A gateway reports once a second. One that has not for so long is not there, or can't reach binding.
const SILENT: Duration = Duration::from_secs(10);

const DIFFER: &str = "docs/runbooks/gateways-differ.md";

/// What binding knows of gateways.
struct Known {
    gateways: Vec<Gateway>,
    attested: Vec<Attestation>,
}

/// A VPC as the fold has it: the record that changed its elements last, and their hash.
struct Wanted {
    vpc: VpcId,
    position: Position,
    hash: RunningHash,
}

/// As they stand now; `own` is the gateway that answers, and has said more of itself.
pub(super) async fn add(
    answer: &mut ExplainResponse,
    binding: &Peer,
    (parent, own): (&str, &str),
    (vpc, folded): (VpcId, &Folded),
) {
    let Some(desired) = folded.desired.vpcs.get(&vpc) else { return };
    let known = match timeout(PATIENCE, ask(binding, parent)).await {
        Ok(Ok(known)) => known,
        Ok(Err(status)) => return unknown(answer, status.message()),
        Err(_) => return unknown(answer, "it did not answer"),
    };
    let wanted = Wanted {
        vpc,
        position: desired.position.max(folded.pools_changed),
        hash: FoldedHash::default().follow(desired, &folded.pools),
    };
    for gateway in known.gateways.iter().filter(|gateway| gateway.registered) {
        let name = last_part(&gateway.name);
        if name == own {
            continue;
        }
        let problems = wanted.problems(name, gateway, &known.attested);
        if problems.is_empty() {
            answer.kernel.push(format!(
                "gateway {name}: reported position {}, nothing that differs from the log",
                gateway.applied_position
            ));
        }
        answer.problems.extend(problems);
    }
}

fn unknown(answer: &mut ExplainResponse, why: &str) {
    answer.kernel.push(format!("the other gateways: not known, binding can't be asked: {why}"));
}

async fn ask(binding: &Peer, parent: &str) -> Result<Known, Status> {
    let mut client = GatewayServiceClient::new(binding.clone());
    let parent = parent.to_owned();
    let gateways = client.list_gateways(ListGatewaysRequest { parent: parent.clone() }).await?;
    let attested = client.list_attestations(ListAttestationsRequest { parent }).await?;
    Ok(Known { gateways: gateways.into_inner().gateways, attested: attested.into_inner().attestations })
}

impl Wanted {
    /// Of one gateway, worst first.
    fn problems(&self, name: &str, gateway: &Gateway, attested: &[Attestation]) -> Vec<Problem> {
        let silent = match gateway.report_age_ms.map(Duration::from_millis) {
            None => Some(format!("gateway {name} has not reported since binding was started")),
            Some(age) if age > SILENT => {
                Some(format!("gateway {name} has not reported for {} s", age.as_secs()))
            }
            Some(_) => None,
        };
        if let Some(what) = silent {
            let remedy = "look whether its dataplane-sync runs and reaches binding; its kernel goes on with what it had. \
                          A machine that is gone for good: `moor gateway decommission`";
            return vec![problem("NOT_REPORTING", what, remedy)];
        }
        let vpc = self.vpc.to_string();
        let stuck = gateway.stuck.iter().find(|stuck| stuck.vpc == vpc && !stuck.carries_nothing);
        let behind = match stuck {
            Some(stuck) => Some(format!(
                "gateway {name} is behind: its kernel is at position {}: {}",
                stuck.position, stuck.cause
            )),
            None if gateway.applied_position < self.position.0 => Some(format!(
                "gateway {name} is behind: it has reported position {}, and the VPC changed at {}",
                gateway.applied_position, self.position
            )),
            None => None,
        };
        let remedy =
            "`moor status --gateway URL` says what holds it up; it goes on by itself once that is right";
        let behind = behind.map(|what| problem("GATEWAY_BEHIND", what, remedy));
        behind.into_iter().chain(self.differs(name, gateway, attested)).collect()
    }

    /// Held against the fold at the position at which both are known.
    fn differs(&self, name: &str, gateway: &Gateway, attested: &[Attestation]) -> Option<Problem> {
        let vpc = self.vpc.to_string();
        let here = |one: &&Attestation| {
            one.gateway == gateway.name && one.vpc == vpc && one.position == self.position.0
        };
        let hash = RunningHash(attested.iter().find(here)?.hash[..].try_into().ok()?);
        if hash == self.hash {
            return None;
        }
        let what = format!(
            "gateway {name} has something else in its kernel at position {}: its hash is {hash}, the fold's {}",
            self.position, self.hash
        );
        let remedy = "`moor status --gateway URL` names the elements that differ";
        Some(Problem { runbook: DIFFER.to_owned(), ..problem("HASH_DIFFERS", what, remedy) })
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
