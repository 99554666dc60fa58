//! What the stories share: resource's core over a log, and commands for it.

use std::{sync::Arc, time::Duration};

use mooring_domain::{
    Event, RequestId,
    id::VpcId,
    name::{RegionId, Scope},
    resource::{Command, CreateVpc, ResourceCore, State},
};
use mooring_event_log::{EventLog, Filter, Position};
use mooring_ledger::{Caller, Ledger, Outcome, Refused, Snapshots, WriterTask};
use uuid::Uuid;

pub type Resource = Ledger<ResourceCore>;

pub fn region() -> RegionId {
    "r1".parse().unwrap()
}

pub fn scope() -> Scope {
    "projects/p1/regions/r1".parse().unwrap()
}

pub async fn open(log: &Arc<dyn EventLog>) -> Resource {
    Ledger::open(log.clone(), None, region()).await.unwrap().0
}

/// Opens with snapshots; closing the task takes one.
pub async fn open_with(log: &Arc<dyn EventLog>, snapshots: &Snapshots) -> (Resource, WriterTask) {
    Ledger::open(log.clone(), Some(snapshots.clone()), region()).await.unwrap()
}

pub fn vpc(name: &str) -> Command {
    let id = VpcId::new(Uuid::now_v7());
    Command::CreateVpc(CreateVpc { id, scope: scope(), display_name: name.parse().unwrap() })
}

pub fn caller() -> Caller {
    Caller::new("a-test")
}

pub fn retried(id: u128, content: &str) -> Caller {
    caller().with_request(RequestId(Uuid::from_u128(id)), content.as_bytes())
}

pub fn names(state: &State) -> Vec<String> {
    state.vpcs().iter().map(|vpc| vpc.facts.display_name.to_string()).collect()
}

pub fn created(outcome: &Outcome) -> String {
    match &outcome.events[..] {
        [Event::VpcCreated(vpc)] => vpc.display_name.to_string(),
        other => panic!("expected one VPC, got {other:?}"),
    }
}

pub async fn records(log: &Arc<dyn EventLog>) -> usize {
    log.read(&Filter::All, Position(0), 1_000).await.unwrap().len()
}

/// Waits for a condition of the state, and says the last state seen if it does not come.
pub async fn wait_for(ledger: &Resource, what: &str, reached: impl Fn(&State) -> bool) {
    let mut watch = ledger.watch();
    let waited =
        tokio::time::timeout(Duration::from_secs(10), watch.wait_for(|view| reached(&view.state))).await;
    assert!(waited.is_ok(), "{what} did not come; the state is {:?}", names(&ledger.view().state));
}

pub fn reason(refused: &Refused) -> String {
    match refused {
        Refused::Rejected(rejection) => format!("{} {}", rejection.reason, rejection.field),
        Refused::Unserved(unserved) => format!("{unserved:?}"),
    }
}
