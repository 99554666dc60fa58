//! The region's VPCs on this gateway: a worker for each, and how far each one got.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mooring_dataplane::{Driver, Fault, Kernel, Place};
use mooring_domain::{id::VpcId, name::RegionId, nat::Actual};
use mooring_runtime::readiness::Latch;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet, block_in_place},
};

use crate::{
    claims::Claims,
    drifts::Drifts,
    emptied::Emptied,
    entered::{Audit, open_kernel},
    fold::Folded,
    probing::{Answers, Probed, Probing},
    progress::Progress,
    receipts::Receipts,
    target::{Distributed, PlacesFile, Target},
    urgent::Urgent,
    watch::{DroppedClaims, Entries, Sinks},
    worker::{AuditRequest, Request, Worker},
};

/// How often the operator's file is looked at.
const PLACES: Duration = Duration::from_secs(1);
const WAITING: usize = 256;

struct Handle {
    target: watch::Sender<Target>,
    progress: watch::Receiver<Progress>,
    requests: mpsc::Sender<Request>,
    dropped: DroppedClaims,
    probed: Probed,
    /// Resolves when the worker has ended.
    ended: oneshot::Receiver<()>,
}

/// What is known of every VPC. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Vpcs {
    handles: Arc<Mutex<BTreeMap<VpcId, Handle>>>,
    changed: Arc<Notify>,
}

/// Where workers hand on what they see and find.
#[derive(Clone)]
pub(crate) struct Ways {
    pub(crate) claims: Claims,
    pub(crate) drifts: Drifts,
    pub(crate) probing: Probing,
    pub(crate) receipts: Receipts,
    pub(crate) urgent: Urgent,
}

pub(crate) fn start(
    region: RegionId,
    folded: watch::Receiver<Folded>,
    places: PlacesFile,
    ways: Ways,
    latch: Latch,
) -> (Vpcs, JoinHandle<()>) {
    let vpcs = Vpcs::default();
    let distributed = Distributed::default();
    let emptied = Emptied::new(open_place);
    let (tasks, known) = (JoinSet::new(), vpcs.clone());
    let workers = Workers { region, places, ways, distributed, vpcs: known, emptied, tasks };
    (vpcs, tokio::spawn(workers.run(folded, latch)))
}

impl Vpcs {
    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<VpcId, Handle>) -> T) -> T {
        look(&mut self.handles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far each VPC got.
    pub(crate) fn progress(&self) -> BTreeMap<VpcId, Progress> {
        self.with(|handles| {
            handles.iter().map(|(vpc, handle)| (*vpc, handle.progress.borrow().clone())).collect()
        })
    }

    /// What a VPC's watcher did not look at.
    pub(crate) fn dropped_claims(&self, vpc: VpcId) -> DroppedClaims {
        self.with(|handles| handles.get(&vpc).map(|handle| handle.dropped.clone())).unwrap_or_default()
    }

    /// What a VPC's worker has of probing to show.
    pub(crate) fn probed(&self, vpc: VpcId) -> Probed {
        self.with(|handles| handles.get(&vpc).map(|handle| handle.probed.clone())).unwrap_or_default()
    }

    /// The VPCs that this gateway carries, without anything being wrong.
    pub(crate) fn entered(&self) -> BTreeSet<VpcId> {
        let carried = |handle: &Handle| {
            let progress = handle.progress.borrow();
            let well = progress.tried && progress.fault.is_none() && !progress.netns.is_empty();
            well && handle.target.borrow().carried.is_some()
        };
        self.with(|handles| {
            handles.iter().filter(|(_, handle)| carried(handle)).map(|(vpc, _)| *vpc).collect()
        })
    }

    /// Resolves when some VPC has got further since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Has a VPC's kernel read back.
    pub(crate) async fn audit(&self, vpc: VpcId, verify: bool) -> Audit {
        let (answer, audit) = oneshot::channel();
        let request = Request::Audit(AuditRequest { verify, answer });
        if self.ask(vpc, request).await { audit.await.unwrap_or_default() } else { Audit::default() }
    }

    /// What a VPC's kernel has. `None`: there is no such VPC; in it: it is not in any kernel here.
    pub(crate) async fn content(&self, vpc: VpcId) -> Option<Option<Result<Actual, Fault>>> {
        let (answer, actual) = oneshot::channel();
        if self.ask(vpc, Request::Content(answer)).await { actual.await.ok() } else { None }
    }

    /// The VPCs there are, in order.
    pub(crate) fn ids(&self) -> Vec<VpcId> {
        self.with(|handles| handles.keys().copied().collect())
    }

    /// Has what was put into a VPC's kernel compared with what is there; how long that took. `None`: it does not live here.
    pub(crate) async fn read_back(&self, vpc: VpcId) -> Option<Duration> {
        let (answer, took) = oneshot::channel();
        if self.ask(vpc, Request::ReadBack(answer)).await { took.await.ok().flatten() } else { None }
    }

    async fn ask(&self, vpc: VpcId, request: Request) -> bool {
        let requests = self.with(|handles| handles.get(&vpc).map(|handle| handle.requests.clone()));
        match requests {
            Some(requests) => requests.send(request).await.is_ok(),
            None => false,
        }
    }
}

struct Workers {
    region: RegionId,
    places: PlacesFile,
    ways: Ways,
    distributed: Distributed,
    vpcs: Vpcs,
    emptied: Emptied,
    /// The workers; they end with this.
    tasks: JoinSet<()>,
}

impl Workers {
    async fn run(mut self, mut folded: watch::Receiver<Folded>, latch: Latch) {
        let mut latch = Some(latch);
        let mut places = tokio::time::interval(PLACES);
        loop {
            let now = folded.borrow_and_update().clone();
            if now.caught_up {
                self.leave(&now).await;
                self.distribute(&now);
                if latch.is_some() {
                    self.tried_once().await;
                    latch = None;
                }
            }
            tokio::select! {
                // The log can't be followed any more: the workers end with this, and no kernel is touched (L8).
                changed = folded.changed() => if changed.is_err() { return },
                () = self.places_changed(&mut places) => {}
            }
        }
    }

    async fn places_changed(&mut self, interval: &mut tokio::time::Interval) {
        loop {
            interval.tick().await;
            if self.places.reload() || self.emptied.waiting {
                return;
            }
        }
    }

    /// The workers of VPCs that are gone end, and their places are emptied, before anybody else may live there.
    async fn leave(&mut self, folded: &Folded) {
        let of_gone = self.vpcs.with(|handles| {
            let gone = |vpc: &VpcId, _: &mut Handle| !folded.desired.vpcs.contains_key(vpc);
            handles.extract_if(.., gone).map(|(_, handle)| handle).collect::<Vec<_>>()
        });
        for Handle { target, ended, .. } in of_gone {
            drop(target);
            // It says nothing: it ends.
            let _ = ended.await;
        }
        if folded.desired.gone.len() == self.emptied.count() {
            return;
        }
        let of = |vpc: VpcId, project, name| self.places.place(project, &self.region, vpc, name);
        let live = folded.desired.vpcs.iter();
        let live = live.filter_map(|(vpc, desired)| of(*vpc, &desired.project, &desired.display_name));
        let inhabited: BTreeSet<Option<String>> = live.map(|place| place.netns).collect();
        let gone = folded.desired.gone.iter();
        let gone = gone.map(|(vpc, gone)| (*vpc, of(*vpc, &gone.project, &gone.display_name)));
        block_in_place(|| self.emptied.empty(gone, |place| inhabited.contains(&place.netns)));
    }

    /// Gives each VPC its target, where it is another.
    fn distribute(&mut self, folded: &Folded) {
        for (vpc, desired) in &folded.desired.vpcs {
            let target = self.places.target(&self.region, *vpc, folded, desired);
            let known = self.vpcs.with(|handles| {
                let sender = handles.get(vpc).map(|handle| &handle.target);
                sender.is_some_and(|sender| {
                    sender.send_if_modified(|last| {
                        let other = *last != target;
                        if other {
                            last.clone_from(&target);
                        }
                        other
                    });
                    true
                })
            });
            if !known {
                self.add(*vpc, target);
            }
        }
        self.distributed.set(folded.desired.position);
    }

    fn add(&mut self, vpc: VpcId, target: Target) {
        let (target_sender, target) = watch::channel(target);
        let (worker_sender, seen) = mpsc::channel(WAITING);
        let (requests_sender, requests) = mpsc::channel(WAITING);
        let (progress_sender, progress) = watch::channel(Progress::default());
        let Ways { claims, drifts, probing, receipts, urgent } = self.ways.clone();
        let sinks = Sinks {
            vpc,
            target,
            distributed: self.distributed.clone(),
            claims,
            drifts,
            receipts,
            dropped: DroppedClaims::default(),
            probing,
            probed: Probed::default(),
            answers: Answers::default(),
            entries: Entries::default(),
            worker: worker_sender,
        };
        let (dropped, probed) = (sinks.dropped.clone(), sinks.probed.clone());
        let worker = Worker::new(Arc::new(open_kernel), sinks, seen, requests, progress_sender);
        let (ends, ended) = oneshot::channel();
        let work = async move {
            worker.run().await;
            drop(ends);
        };
        self.tasks.spawn_on(work, urgent.handle());
        self.tasks.spawn(tell(progress.clone(), self.vpcs.changed.clone()));
        let (target, requests) = (target_sender, requests_sender);
        let handle = Handle { target, progress, requests, dropped, probed, ended };
        self.vpcs.with(|handles| handles.insert(vpc, handle));
    }

    /// Until every VPC there is has had its first round.
    async fn tried_once(&self) {
        let all: Vec<_> =
            self.vpcs.with(|handles| handles.values().map(|handle| handle.progress.clone()).collect());
        for mut progress in all {
            // A worker that has ended has had its round.
            let _ = progress.wait_for(|progress| progress.tried).await;
        }
    }
}

fn open_place(place: &Place) -> Result<Box<dyn Driver>, Fault> {
    Ok(Box::new(Kernel::open(place)?))
}

async fn tell(mut progress: watch::Receiver<Progress>, changed: Arc<Notify>) {
    while progress.changed().await.is_ok() {
        changed.notify_one();
    }
}
