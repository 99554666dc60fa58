//! The region's other gateways in `moor explain`. The other one is played by the test.

use mooring_proto::binding::v1::{
    Attestation, RegisterGatewayRequest, ReportAppliedRequest, Stuck,
    gateway_service_client::GatewayServiceClient,
};
use mooring_tests::{
    Mooringd,
    channel::{Channel, connect},
    wait_for,
};
use serde_json::Value;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tonic::transport::Endpoint;

use crate::given::bound;

const GW_2: &str = "regions/r1/gateways/gw-2";
const PATIENCE: Duration = Duration::from_secs(15);

/// A gateway that says what it is told to.
struct Played {
    runtime: Runtime,
    client: GatewayServiceClient<Channel>,
}

impl Played {
    fn register(server: &Mooringd) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
        let channel = runtime.block_on(connect(endpoint)).unwrap();
        let mut client = GatewayServiceClient::new(channel);
        let request =
            RegisterGatewayRequest { name: GW_2.to_owned(), equal_to: tail(server), ..Default::default() };
        runtime.block_on(client.register_gateway(request)).unwrap();
        Self { runtime, client }
    }

    fn report(&mut self, position: u64, stuck: Vec<Stuck>, attestations: Vec<Attestation>) {
        let request = ReportAppliedRequest { name: GW_2.to_owned(), position, stuck, attestations };
        self.runtime.block_on(self.client.report_applied(request)).unwrap();
    }
}

/// What `moor status` says; it exits with 5 where gateways do not agree.
fn status(server: &Mooringd, field: &str) -> u64 {
    let status: Value = serde_json::from_str(&server.moor("status -o json").unwrap().out).unwrap();
    status["status"][field].to_string().trim_matches('"').parse().unwrap()
}

fn tail(server: &Mooringd) -> u64 {
    status(server, "tail")
}

/// Waits until this gateway has folded what is in the log: until then it can't say what another lacks.
fn of_the_other(server: &Mooringd) -> (Vec<(String, String, String)>, String) {
    let tail = tail(server);
    wait_for("the gateway to have folded the log", PATIENCE, || match status(server, "folded_position") {
        folded if folded >= tail => Ok(()),
        folded => Err(format!("{folded} of {tail}")),
    })
    .unwrap();
    let answer = server.ask("explain web").unwrap();
    let all = answer["problems"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let all = all.map(|one| (text(one, "reason"), text(one, "what"), text(one, "runbook")));
    (all.filter(|(_, what, _)| what.contains("gateway gw-2")).collect(), answer["kernel"].to_string())
}

#[test]
fn what_the_other_gateways_have_said_is_a_reason_with_what_to_do() {
    let server = bound();
    let vpc =
        server.ask("vpc get blue").unwrap()["name"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut other = Played::register(&server);
    let (problems, _) = of_the_other(&server);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].0, "NOT_REPORTING", "{problems:?}");

    let end = tail(&server);
    let stuck =
        Stuck { vpc: vpc.clone(), position: end - 1, cause: "no link".into(), carries_nothing: false };
    other.report(end, vec![stuck.clone()], Vec::new());
    let (problems, _) = of_the_other(&server);
    assert_eq!(problems[0].0, "GATEWAY_BEHIND", "{problems:?}");
    assert!(problems.len() == 1 && problems[0].1.ends_with(": no link"), "{problems:?}");

    other.report(1, Vec::new(), Vec::new());
    let (problems, _) = of_the_other(&server);
    assert!(problems.len() == 1 && problems[0].1.contains("has reported position 1"), "{problems:?}");

    // Where a VPC does not live nothing of it is missing.
    other.report(end, vec![Stuck { carries_nothing: true, ..stuck }], Vec::new());
    let (problems, kernel) = of_the_other(&server);
    assert_eq!(problems, []);
    assert!(kernel.contains(&format!("gateway gw-2: reported position {end}")), "{kernel}");
}

/// The position is that of the record that changed the VPC last, and the hash that of the fold there.
#[test]
fn another_hash_than_the_folds_is_a_reason() {
    let server = bound();
    let vpc =
        server.ask("vpc get blue").unwrap()["name"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut other = Played::register(&server);
    let end = tail(&server);
    let said = |position, hash: u8| Attestation {
        vpc: vpc.clone(),
        position,
        hash: vec![hash; 16].into(),
        ..Attestation::default()
    };
    // Of every position: one of them is that at which the VPC changed last.
    other.report(end, Vec::new(), (end.saturating_sub(7)..=end).map(|at| said(at, 7)).collect());
    let (problems, _) = of_the_other(&server);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let (reason, what, runbook) = &problems[0];
    assert_eq!((reason.as_str(), runbook.as_str()), ("HASH_DIFFERS", "docs/runbooks/gateways-differ.md"));
    let (at, hashes) = what.split_once("at position ").unwrap().1.split_once(':').unwrap();
    let (at, fold) = (at.parse().unwrap(), hashes.split_once("the fold's ").unwrap().1);
    let hash: Vec<u8> =
        (0..16).map(|byte| u8::from_str_radix(&fold[byte * 2..byte * 2 + 2], 16).unwrap()).collect();
    other.report(end, Vec::new(), vec![Attestation { hash: hash.into(), ..said(at, 0) }]);
    let (problems, kernel) = of_the_other(&server);
    assert_eq!(problems, [], "{kernel}");
}
