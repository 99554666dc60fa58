//! How the loop ends, and what it takes at once: order, sizes, and reads that see what others wrote.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::stories::*;
use mooring_domain::{
    holder::HolderCore,
    id::PoolId,
    resource::{Command, CreatePool},
};
use mooring_event_log::{
    Commit, EventLog, Filter, Follow, LogError, Position, Record, StreamName, Tail, memory::Memory,
};
use mooring_ledger::{Ledger, Snapshots};
use uuid::Uuid;

fn log() -> Arc<dyn EventLog> {
    Arc::new(Memory::new())
}

#[tokio::test]
async fn a_writer_that_is_closed_ends_although_others_hold_its_ledger_and_leaves_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = Snapshots::open(folder.path()).unwrap();
    let (ledger, task) = open_with(&log(), &snapshots).await;
    ledger.submit(caller(), vpc("blue")).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(10), task.close()).await;
    closed.expect("it waits for the ledger's handle").unwrap();
    assert_eq!(snapshots.witnesses(&region()).unwrap().len(), 1);
    let refused = ledger.submit(caller(), vpc("red")).await.unwrap_err();
    assert_eq!(reason(&refused), "Closed");
    assert_eq!(names(&ledger.view().state), ["blue"], "reads go on");
}

#[tokio::test]
async fn what_waits_when_a_writer_is_closed_is_still_served() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = Snapshots::open(folder.path()).unwrap();
    let (ledger, task) = open_with(&log(), &snapshots).await;
    let waiting = tokio::spawn({
        let ledger = ledger.clone();
        let commands: Vec<_> = (0..100).map(|n| vpc(&format!("v{n}"))).collect();
        async move { ledger.submit_all(&caller(), commands).await }
    });
    // On this single-threaded runtime the commands are queued before the writer hears of its end.
    tokio::task::yield_now().await;
    task.close().await.unwrap();
    assert!(waiting.await.unwrap().iter().all(Result::is_ok));
    assert_eq!(names(&ledger.view().state).len(), 100);
}

#[tokio::test]
async fn a_start_that_folded_everything_leaves_a_snapshot_also_when_nothing_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = Snapshots::open(folder.path()).unwrap();
    let log = log();
    open(&log).await.submit(caller(), vpc("blue")).await.unwrap();
    let (_ledger, task) = open_with(&log, &snapshots).await;
    task.close().await.unwrap();
    let witnesses = snapshots.witnesses(&region()).unwrap();
    assert_eq!(witnesses.iter().map(|witness| witness.position.0).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn many_commands_are_decided_and_answered_in_their_order() {
    let ledger = open(&log()).await;
    let commands = (0..1500).map(|n| vpc(&format!("v{n}")));
    let outcomes = ledger.submit_all(&caller(), commands).await;
    let created: Vec<_> = outcomes.iter().map(|outcome| created(outcome.as_ref().unwrap())).collect();
    assert_eq!(created, (0..1500).map(|n| format!("v{n}")).collect::<Vec<_>>());
    assert!(outcomes.is_sorted_by_key(|outcome| outcome.as_ref().unwrap().at));
}

fn pool(name: &str, first: u32, blocks: u32) -> Command {
    let cidr = |n| format!("{}/32", Ipv4Addr::from(first + 2 * n)).parse().unwrap();
    let cidrs = (0..blocks).map(cidr).collect();
    let id = PoolId::new(Uuid::now_v7());
    Command::CreatePool(CreatePool {
        id,
        region: region(),
        display_name: name.parse().unwrap(),
        cidrs,
        cooling: Duration::ZERO,
    })
}

#[tokio::test]
async fn a_command_too_large_for_a_record_is_refused_and_those_beside_it_are_not() {
    let ledger = open(&log()).await;
    let commands = [vpc("blue"), pool("huge", 0x0b00_0000, 60_000), vpc("red")];
    let [blue, huge, red] = &ledger.submit_all(&caller(), commands).await[..] else {
        panic!("three answers")
    };
    assert!(blue.is_ok() && red.is_ok());
    assert_eq!(reason(huge.as_ref().unwrap_err()), "INVALID_FIELD request");
}

#[tokio::test]
async fn large_commands_that_wait_together_take_several_records() {
    let log = log();
    let ledger = open(&log).await;
    let pools = (0..12).map(|n| pool(&format!("p{n}"), 0x0b00_0000 + n * 0x0001_0000, 8_000));
    assert!(ledger.submit_all(&caller(), pools).await.iter().all(Result::is_ok));
    assert!(records(&log).await > 1, "all of them are more than a record holds");
}

#[tokio::test]
async fn a_read_sees_what_another_service_has_just_written() {
    let log = log();
    let resource = open(&log).await;
    let (health, _task) = Ledger::<HolderCore>::open(log.clone(), None, region()).await.unwrap();

    for n in 0..200 {
        let at = resource.submit(caller(), vpc(&format!("v{n}"))).await.unwrap().at.unwrap();
        assert!(health.current().await.unwrap().position >= at.position);
    }
}

/// A log that is found damaged when told so.
struct Damaged {
    inner: Memory,
    found: AtomicBool,
}

#[async_trait::async_trait]
impl EventLog for Damaged {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, LogError> {
        self.look()?;
        self.inner.append(stream, expected, commits).await
    }

    async fn read(
        &self,
        filter: &Filter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, LogError> {
        self.inner.read(filter, after, limit).await
    }

    fn follow(&self, filter: Filter, after: Position) -> Follow {
        self.inner.follow(filter, after)
    }

    async fn tail(&self) -> Result<Tail, LogError> {
        self.look()?;
        self.inner.tail().await
    }
}

impl Damaged {
    fn look(&self) -> Result<(), LogError> {
        match self.found.load(Ordering::SeqCst) {
            true => Err(LogError::Damaged("a flipped bit".into())),
            false => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_damaged_log_stops_writes_and_reads_go_on() {
    let log = Arc::new(Damaged { inner: Memory::new(), found: AtomicBool::new(false) });
    let ledger = open(&(log.clone() as Arc<dyn EventLog>)).await;
    ledger.submit(caller(), vpc("blue")).await.unwrap();
    log.found.store(true, Ordering::SeqCst);
    assert_eq!(reason(&ledger.submit(caller(), vpc("red")).await.unwrap_err()), "Damaged");
    assert_eq!(names(&ledger.current().await.unwrap().state), ["blue"]);
    log.found.store(false, Ordering::SeqCst);
    let still = ledger.submit(caller(), vpc("red")).await.unwrap_err();
    assert_eq!(reason(&still), "Damaged", "damage does not heal by itself");
}
