//! The worker over a kernel that fails: it says what is wrong, holds up no other VPC, and recovers by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong says so by panicking")]

use std::{collections::BTreeSet, sync::Arc};

use ipnet::IpNet;
use mooring_dataplane::{Driver, Fake, Places, fake::Call};
use mooring_domain::{
    address::Mac,
    id::Id,
    nat::{Actual, RunningHash, diff, wanted},
};
use tokio::{task::JoinHandle, time::timeout};

use super::*;
use crate::{
    claims::{self, Decided},
    drifts::Drifts,
    probing::{Answers, Played, Probed, Word},
    receipts::{Left, for_a_story},
    target::Distributed,
    watch::{DroppedClaims, Entries},
};

mod ask;
mod drift;
mod own;
mod probe;
mod receipts;

/// As long as it can be told from a slow answer.
const STALE_AFTER: Duration = Duration::from_millis(500);
/// Claims that may wait for health.
const ROOM: usize = 2;
/// Longer than a retry and a busy machine take.
const SOON: Duration = Duration::from_secs(10);
const HOLDER: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const EVERY: [Call; 5] = [Call::Read, Call::Apply, Call::Generation, Call::Announce, Call::Ask];
const ERRORS: [i32; 6] = [105, 16, 17, 2, 1, 12];

fn eip(last: u8) -> IpAddr {
    [203, 0, 113, last].into()
}

fn havip(last: u8) -> IpAddr {
    [10, 0, 1, last].into()
}

/// As an operator's file has it: the fake lives nowhere else.
fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("places.toml");
    std::fs::write(&file, "[[vpc]]\nname = \"*\"\ninside = \"in0\"\noutside = \"out0\"\n").unwrap();
    let (project, region, name) =
        ("shop".parse().unwrap(), "north".parse().unwrap(), "front".parse().unwrap());
    Places::load(&file).unwrap().place(&project, &region, Id::new(uuid::Uuid::from_u128(7)), &name).unwrap()
}

/// A VPC with these EIPs, each on the HAVIP of its number.
fn target(version: u64, eips: &[u8]) -> Target {
    let mut desired = VpcDesired::new("shop".parse().unwrap(), "front".parse().unwrap(), Position(version));
    desired.subnets.insert("10.0.1.0/24".parse().unwrap());
    for last in eips {
        desired.nat.insert(eip(*last), havip(*last));
        desired.holders.insert(havip(*last), Some(HOLDER));
    }
    let pools: BTreeSet<IpNet> = ["203.0.113.0/24".parse().unwrap()].into();
    let (version, carried) = (Position(version), Some(Position(version)));
    let observed = imbl::OrdMap::new();
    let silent = imbl::OrdSet::new();
    Target { desired, observed, silent, pools: Arc::new(pools), version, place: Some(place()), carried }
}

/// A worker at work, its kernel, and what it says.
struct Stage {
    fake: Fake,
    target: watch::Sender<Target>,
    progress: watch::Receiver<Progress>,
    requests: mpsc::Sender<Request>,
    drifts: Drifts,
    _folder: tempfile::TempDir,
    claims: claims::Claims,
    /// As it is handed in to health.
    handed_in: mpsc::Receiver<mooring_proto::health::v1::Claim>,
    decided: watch::Sender<Decided>,
    played: Played,
    answers: Answers,
    entries: Entries,
    distributed: Distributed,
    /// What it has left of failovers.
    left: Left,
    sees: mpsc::Sender<Sight>,
    task: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stage {
    fn start(fake: Fake, first: Target) -> Stage {
        let its = fake.clone();
        Stage::opening(
            fake,
            first,
            Arc::new(move |_, _| Ok((Box::new(its.clone()) as Box<dyn Driver>, None))),
        )
    }

    fn opening(fake: Fake, first: Target, open: Open) -> Stage {
        let (target, receiver) = watch::channel(first);
        let (claims, handed_in, decided) = claims::for_a_story(ROOM);
        let (probing, played) = Played::start("gw-1".parse().unwrap(), STALE_AFTER);
        let (receipts, left) = for_a_story();
        let (distributed, answers, entries) =
            (Distributed::default(), Answers::default(), Entries::default());
        let (worker, seen) = mpsc::channel(8);
        let (asking, requests) = mpsc::channel(8);
        let (sender, progress) = watch::channel(Progress::default());
        let vpc = Id::new(uuid::Uuid::from_u128(7));
        let folder = tempfile::tempdir().unwrap();
        let drifts =
            Drifts::open("gw-1".parse().unwrap(), "north".parse().unwrap(), folder.path().join("drifts"));
        let (sees, its_claims, its_distributed) = (worker.clone(), claims.clone(), distributed.clone());
        let sinks = Sinks {
            vpc,
            target: receiver,
            distributed: its_distributed,
            claims: its_claims,
            drifts: drifts.clone(),
            receipts,
            dropped: DroppedClaims::default(),
            probing,
            probed: Probed::default(),
            answers: answers.clone(),
            entries: entries.clone(),
            worker,
        };
        let task = tokio::spawn(Worker::new(open, sinks, seen, requests, sender).run());
        Stage {
            fake,
            target,
            progress,
            requests: asking,
            drifts,
            claims,
            handed_in,
            decided,
            played,
            answers,
            entries,
            distributed,
            left,
            sees,
            _folder: folder,
            task,
        }
    }

    /// Waits until the worker says that this version is applied, and nothing is wrong.
    async fn applied(&mut self, version: u64) {
        let done = |progress: &Progress| progress.applied == Position(version) && progress.fault.is_none();
        let waited = timeout(SOON, self.progress.wait_for(done)).await.map(|waited| waited.map(drop));
        assert!(waited.is_ok(), "version {version}: {:?}", self.progress.borrow());
    }

    /// Waits until the worker says what is wrong.
    async fn fault(&mut self) -> Progress {
        let failed = |progress: &Progress| progress.fault.is_some();
        let waited =
            timeout(SOON, self.progress.wait_for(failed)).await.map(|waited| waited.unwrap().clone());
        waited.unwrap_or_else(|_| panic!("no fault: {:?}", self.progress.borrow()))
    }

    fn actual(&self) -> Actual {
        self.fake.with(|memory| memory.actual.clone())
    }

    fn is(&self, target: &Target) {
        let actual = self.actual();
        assert_eq!(diff(&target.desired, &target.pools, &actual), []);
        assert_eq!(actual, wanted(&target.desired, &target.pools, true));
    }

    /// Waits until a stranger's change is mended.
    async fn mended(&self, target: &Target) {
        let mended = async {
            while self.actual() != wanted(&target.desired, &target.pools, true) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(SOON, mended).await.is_ok(), "{:?}", self.actual());
    }
}

/// One error of the kernel at one call, then another change of what is desired.
async fn after(call: Call, errno: i32) {
    let fake = Fake::new(true);
    fake.fail_with(call, errno);
    let first = target(1, &[7]);
    let mut stage = Stage::start(fake, first.clone());
    let said = stage.fault().await.fault.unwrap();
    let expected = if errno == 1 { "CAP_NET_ADMIN".to_owned() } else { format!("os error {errno}") };
    assert!(said.contains(&expected), "{call:?} with {errno}: {said}");
    stage.applied(1).await;
    stage.is(&first);
    let second = target(2, &[7, 8]);
    stage.target.send_replace(second.clone());
    stage.applied(2).await;
    stage.is(&second);
    assert!(stage.fake.with(|memory| memory.announced.contains(&[203, 0, 113, 8].into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_error_at_any_call_it_says_so_and_recovers() {
    let all: Vec<_> =
        EVERY.into_iter().flat_map(|call| ERRORS.map(|errno| tokio::spawn(after(call, errno)))).collect();
    for one in all {
        one.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_step_it_recovers() {
    let (first, second) = (target(1, &[7, 9]), target(2, &[7, 8]));
    let steps = diff(&second.desired, &second.pools, &wanted(&first.desired, &first.pools, true)).len();
    assert!(steps > 5, "{steps}");
    let stopped = (0..steps).map(|step| {
        let (first, second) = (first.clone(), second.clone());
        tokio::spawn(async move {
            let mut stage = Stage::start(Fake::new(true), first);
            stage.applied(1).await;
            stage.fake.with(|memory| memory.stops_at = Some((step, 105)));
            stage.target.send_replace(second.clone());
            let progress = stage.fault().await;
            assert_eq!(progress.applied, Position(0), "nothing is known for certain");
            stage.applied(2).await;
            stage.is(&second);
        })
    });
    for one in stopped.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

/// The element is there already or gone already when the transaction comes: the worker reads again.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_changed_in_the_middle_is_read_again() {
    let (first, second) = (target(1, &[7, 9]), target(2, &[7, 8]));
    for (meanwhile, errno) in
        [(Op::MapEip(eip(8), havip(99)), "17"), (Op::UnmapEip(eip(9)), "2"), (Op::MakeRuleset, "2")]
    {
        let mut stage = Stage::start(Fake::new(true), first.clone());
        stage.applied(1).await;
        stage.fake.with(|memory| memory.meanwhile = vec![meanwhile]);
        stage.target.send_replace(second.clone());
        let said = stage.fault().await.fault.unwrap();
        assert!(said.contains(&format!("os error {errno}")), "{meanwhile:?}: {said}");
        stage.applied(2).await;
        stage.is(&second);
    }
}

/// A change that breaks nothing of ours is seen afterwards: the generation is not the one expected.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_the_middle_that_refuses_nothing_is_mended() {
    let (first, second) = (target(1, &[7]), target(2, &[7, 8]));
    let mut stage = Stage::start(Fake::new(true), first);
    stage.applied(1).await;
    stage.fake.with(|memory| memory.meanwhile = vec![Op::AllowHolder(havip(7), Mac([2, 0, 0, 0, 0, 0x66]))]);
    stage.target.send_replace(second.clone());
    stage.applied(2).await;
    stage.mended(&second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_vpcs_failures_hold_up_no_other() {
    let broken = Fake::new(true);
    broken.fail(Call::Apply, 1_000);
    let mut broken = Stage::start(broken, target(1, &[7]));
    let mut other = Stage::start(Fake::new(true), target(1, &[7]));
    broken.fault().await;
    for version in 2..=50 {
        let next = target(version, &[7, version as u8 + 10]);
        other.target.send_replace(next.clone());
        other.applied(version).await;
        other.is(&next);
    }
    assert!(broken.fault().await.applied == Position(0), "{:?}", broken.progress.borrow());
    // And it has gone on trying.
    broken.fake.with(|memory| memory.failing.clear());
    broken.applied(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_opened_is_tried_again() {
    let fake = Fake::new(true);
    let (its, tries) = (fake.clone(), Arc::new(std::sync::atomic::AtomicU32::new(0)));
    let open: Open = Arc::new(move |_, _| match tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => {
            Err(Fault::NoNamespace { name: "vpc-front".to_owned(), path: "/run/netns/vpc-front".to_owned() })
        }
        1 => Err(Fault::NoLink { link: "in0".to_owned(), namespace: "vpc-front".to_owned() }),
        _ => Ok((Box::new(its.clone()) as Box<dyn Driver>, None)),
    });
    let first = target(1, &[7]);
    let mut stage = Stage::opening(fake, first.clone(), open);
    let progress = stage.fault().await;
    assert!(progress.carries_nothing && progress.fault.unwrap().contains("vpc-front"));
    let no_link = |progress: &Progress| progress.fault.as_ref().is_some_and(|fault| fault.contains("in0"));
    let waited = timeout(SOON, stage.progress.wait_for(no_link)).await.map(|waited| waited.unwrap().clone());
    assert!(!waited.unwrap().carries_nothing, "a namespace without its link may carry something");
    stage.applied(1).await;
    stage.is(&first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_preflight_finds_is_told_and_keeps_nothing_from_being_carried() {
    let fake = Fake::new(true);
    fake.fail_with(Call::Preflight, 1);
    let first = target(1, &[7]);
    let mut stage = Stage::start(fake, first.clone());
    stage.applied(1).await;
    stage.is(&first);
    let warnings = async |verify| {
        let (answer, audit) = oneshot::channel();
        stage.requests.send(Request::Audit(AuditRequest { verify, answer })).await.unwrap();
        timeout(SOON, audit).await.unwrap().unwrap().warnings
    };
    assert!(warnings(false).await[0].contains("CAP_NET_ADMIN"), "that it could not look is told, too");
    stage.fake.with(|memory| memory.findings = vec!["a chain drops it".to_owned()]);
    assert_eq!(warnings(true).await, ["a chain drops it"]);
    assert_eq!(warnings(false).await, ["a chain drops it"]);
    stage.fake.with(|memory| memory.findings.clear());
    assert_eq!(warnings(true).await, Vec::<String>::new());
}

/// The last thing that the worker says of its kernel.
fn attested(stage: &Stage) -> Attested {
    *stage.progress.borrow().attested.back().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_is_recorded_once_and_what_was_put_there_is_attested() {
    let (first, second) = (target(1, &[7, 8]), target(2, &[7, 9]));
    let mut stage = Stage::start(Fake::new(true), first.clone());
    stage.applied(1).await;
    stage.fake.with(|memory| {
        memory.actual.eip_to_havip.remove(&eip(7));
        memory.actual.neighbours.insert(havip(8), Mac([2, 0, 0, 0, 0, 0xb]));
        memory.generation += 1;
    });
    stage.mended(&first).await;
    let told = async {
        while stage.progress.borrow().drifts == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, told).await.unwrap();
    let drift = stage.drifts.pop().unwrap();
    let said: Vec<_> = drift.differences.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "eip_to_havip 203.0.113.7 : 10.0.1.7 is missing",
            "neighbours 10.0.1.8 . 02:00:00:00:00:0a is changed: neighbours 10.0.1.8 . 02:00:00:00:00:0b",
        ]
    );
    assert_eq!((drift.position, drift.rules, drift.differing), (Position(1), false, 2));
    assert_eq!((attested(&stage).position, attested(&stage).hash), (Position(1), attested(&stage).folded));
    stage.target.send_replace(second.clone());
    stage.applied(2).await;
    let of = |target: &Target| RunningHash::of(&wanted(&target.desired, &target.pools, true));
    let now = attested(&stage);
    assert_eq!((now.position, now.hash, now.folded), (Position(2), of(&second), of(&second)));
    assert_eq!(stage.drifts.pop(), None, "a change of its own is none");
}

/// Somebody deletes the table: of one that is not ours no element is read, and so none is said to be missing.
#[tokio::test(flavor = "multi_thread")]
async fn of_rules_that_are_not_ours_no_element_is_named() {
    let first = target(1, &[7]);
    let mut stage = Stage::start(Fake::new(true), first.clone());
    stage.applied(1).await;
    stage.fake.with(|memory| {
        let (neighbours, routes) = (memory.actual.neighbours.clone(), memory.actual.routes.clone());
        memory.actual = Actual { arp: true, neighbours, routes, ..Actual::default() };
        memory.generation += 1;
    });
    stage.mended(&first).await;
    let told = async {
        loop {
            match stage.drifts.pop() {
                Some(drift) => return drift,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let drift = timeout(SOON, told).await.unwrap();
    assert_eq!((drift.rules, drift.differing), (true, 0), "{drift:?}");
    assert_eq!(attested(&stage).hash, attested(&stage).folded);
}
