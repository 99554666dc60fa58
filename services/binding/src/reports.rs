//! What each gateway says that its kernel is equal to. Kept in memory only: after a restart gateways report again.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use mooring_domain::{Position, binding, id::VpcId, name::GatewayName, nat::RunningHash};
use tokio::sync::watch;

/// A VPC that a gateway could not bring up to what it has folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    /// Its kernel is equal to this position.
    pub(crate) position: Position,
    /// For the operator.
    pub(crate) cause: String,
    /// There is no kernel to take anything out of.
    pub(crate) carries_nothing: bool,
}

/// A gateway's last report.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) position: Position,
    pub(crate) stuck: HashMap<VpcId, Stuck>,
    pub(crate) at: Instant,
}

impl Report {
    /// Whether the kernel has what was decided at `position` for the VPC.
    pub(crate) fn applied(&self, vpc: VpcId, position: Position) -> bool {
        self.position >= position && self.stuck.get(&vpc).is_none_or(|stuck| stuck.position >= position)
    }

    /// Whether all kernels, or that of one VPC, have what was decided at `position`.
    fn all_applied(&self, vpc: Option<VpcId>, position: Position) -> bool {
        let up_to = |stuck: &Stuck| stuck.position >= position;
        match vpc {
            Some(vpc) => self.applied(vpc, position),
            None => self.position >= position && self.stuck.values().all(up_to),
        }
    }

    /// Whether the kernel has nothing any more of what was taken out at `position`.
    fn taken_out(&self, vpc: VpcId, position: Position) -> bool {
        let gone = self.stuck.get(&vpc).is_some_and(|stuck| stuck.carries_nothing);
        self.applied(vpc, position) || (gone && self.position >= position)
    }
}

/// What gateways reported last. A report can be of every VPC of the region: whoever looks at one shares it.
pub(crate) type LastReports = BTreeMap<GatewayName, Arc<Report>>;

/// The last report of every gateway of a region. Clones share it.
#[derive(Clone)]
pub(crate) struct Reports {
    last: watch::Sender<LastReports>,
    attestations: Arc<Mutex<BTreeMap<GatewayName, Attestations>>>,
}

/// How many positions are kept of each gateway and VPC.
const KEPT: usize = 8;

/// How many VPCs a gateway is believed to have: what it says of more is left out.
const MAX_VPCS: usize = 100_000;

/// What one gateway says that it put into each VPC's kernel; the newest last.
pub(crate) type Attestations = BTreeMap<VpcId, VecDeque<(Position, RunningHash)>>;

impl Default for Reports {
    fn default() -> Self {
        Self { last: watch::Sender::new(BTreeMap::new()), attestations: Arc::default() }
    }
}

impl Reports {
    pub(crate) fn put(&self, gateway: GatewayName, report: Report) {
        self.last.send_modify(|last| {
            last.insert(gateway, Arc::new(report));
        });
    }

    /// Takes what a gateway put into kernels: what it says of a position last counts.
    pub(crate) fn attest(&self, gateway: &GatewayName, said: &[(VpcId, Position, RunningHash)]) {
        if said.is_empty() {
            return;
        }
        let mut all = self.attestations.lock().unwrap_or_else(PoisonError::into_inner);
        let of_gateway = all.entry(gateway.clone()).or_default();
        for (vpc, position, hash) in said {
            if of_gateway.len() >= MAX_VPCS && !of_gateway.contains_key(vpc) {
                continue;
            }
            let known = of_gateway.entry(*vpc).or_default();
            known.retain(|(at, _)| at != position);
            known.push_back((*position, *hash));
            if known.len() > KEPT {
                known.pop_front();
            }
        }
    }

    /// What a gateway said of its kernels.
    pub(crate) fn attestations(&self, gateway: &GatewayName) -> Attestations {
        let all = self.attestations.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(gateway).cloned().unwrap_or_default()
    }

    pub(crate) fn of(&self, gateway: &GatewayName) -> Option<Arc<Report>> {
        self.last.borrow().get(gateway).cloned()
    }

    /// Why a gateway has not applied what was decided at `position` for the VPC, for people.
    pub(crate) fn cause(&self, gateway: &GatewayName, vpc: VpcId, position: Position) -> String {
        let last = self.last.borrow();
        let Some(report) = last.get(gateway) else {
            return "has not reported since this service started".to_owned();
        };
        match report.stuck.get(&vpc) {
            Some(stuck) if report.position >= position && stuck.cause.is_empty() => {
                "is stuck with more VPCs than it says causes of".to_owned()
            }
            Some(stuck) if report.position >= position => stuck.cause.clone(),
            _ => {
                let (seen, age) = (report.position, report.at.elapsed().as_secs_f64());
                format!("has followed the log to {seen} of {position}, last heard of {age:.1} s ago")
            }
        }
    }

    /// Why a gateway's kernels, or that of one VPC, are not at `position` yet, for people; none if they are.
    pub(crate) fn behind(
        &self,
        gateway: &GatewayName,
        vpc: Option<VpcId>,
        position: Position,
    ) -> Option<String> {
        let stuck = match self.last.borrow().get(gateway) {
            Some(report) if report.all_applied(vpc, position) => return None,
            Some(report) => {
                let stuck = report.stuck.iter().filter(|(_, stuck)| stuck.position < position);
                stuck.map(|(vpc, _)| *vpc).min()
            }
            None => None,
        };
        let of = vpc.or(stuck).unwrap_or_else(|| VpcId::new(uuid::Uuid::nil()));
        Some(self.cause(gateway, of, position))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<LastReports> {
        self.last.subscribe()
    }

    /// The registered gateways whose kernel may still have what was taken out at `position`.
    pub(crate) fn in_the_way(
        &self,
        state: &binding::State,
        vpc: VpcId,
        position: Position,
    ) -> Vec<GatewayName> {
        let last = self.last.borrow();
        let registered = state.registered_gateways().map(|gateway| &gateway.facts.gateway);
        let taken_out =
            |gateway: &&GatewayName| last.get(*gateway).is_some_and(|report| report.taken_out(vpc, position));
        registered.filter(|gateway| !taken_out(gateway)).cloned().collect()
    }
}
