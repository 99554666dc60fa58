//! A start is the snapshot and the records behind it, and comes to what folding from the start comes to: whoever folds,
//! wherever the snapshot was taken, and whatever has happened to it since.

use std::{
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::stories::*;
use mooring_domain::{
    Decider,
    binding::{BindingCore, Command as Binding},
    id::{BindingId, EipId, HavipId},
    name::Name,
    resource::{Command as Asked, CreatePool, ResourceCore},
};
use mooring_event_log::{
    Commit, EventLog, Filter, Follow, LogError, Position, Record, StreamName, Tail, memory::Memory,
};
use mooring_ledger::{Ledger, OpenError, Reader, Snapshots, WriterTask};
use uuid::Uuid;

/// A log that notes from where on it is folded.
struct Watched {
    inner: Memory,
    followed: Mutex<Vec<u64>>,
}

impl Watched {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: Memory::new(), followed: Mutex::new(Vec::new()) })
    }

    /// After which record the first one who folded it since the last call began.
    fn begun(&self) -> u64 {
        let begun: Vec<u64> = std::mem::take(&mut self.followed.lock().unwrap());
        *begun.first().expect("nobody has folded it")
    }
}

#[async_trait::async_trait]
impl EventLog for Watched {
    async fn append(
        &self,
        stream: &StreamName,
        expected: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, LogError> {
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
        self.followed.lock().unwrap().push(after.0);
        self.inner.follow(filter, after)
    }

    async fn tail(&self) -> Result<Tail, LogError> {
        self.inner.tail().await
    }
}

const RECORDS: u64 = 24;

/// Records of resource and of binding in turn, each with a request's id.
async fn history() -> Vec<Arc<Record>> {
    let log: Arc<dyn EventLog> = Arc::new(Memory::new());
    let resource = open(&log).await;
    let (binding, _task) = Ledger::<BindingCore>::open(log.clone(), None, region()).await.unwrap();
    for n in 0..RECORDS / 3 {
        let name = format!("v{n}");
        resource.submit(retried(n.into(), &name), vpc(&name)).await.unwrap();
        let cidrs = vec![format!("198.18.{n}.0/24").parse().unwrap()];
        let (id, display_name) = (mooring_domain::id::Id::new(Uuid::now_v7()), name.parse().unwrap());
        let pool = Asked::CreatePool(CreatePool {
            id,
            region: region(),
            display_name,
            cidrs,
            cooling: Duration::ZERO,
        });
        resource.submit(caller(), pool).await.unwrap();
        let (eip, havip) = (EipId::new(Uuid::now_v7()), HavipId::new(Uuid::now_v7()));
        let bind = Binding::Bind {
            id: BindingId::new(Uuid::now_v7()),
            eip: Name { scope: scope(), id: eip },
            havip: Name { scope: scope(), id: havip },
        };
        binding.submit(caller(), bind).await.unwrap();
    }
    log.read(&Filter::All, Position(0), usize::MAX).await.unwrap()
}

/// A log of these records.
async fn log_of(records: &[Arc<Record>]) -> Arc<Watched> {
    let log = Watched::new();
    for record in records {
        let last = log.tail().await.unwrap().streams.get(&record.stream).copied().unwrap_or_default().0;
        log.append(&record.stream, last, record.commits.clone()).await.unwrap();
    }
    log
}

async fn ledger<D: Decider>(log: &Arc<Watched>, snapshots: Option<&Snapshots>) -> (Ledger<D>, WriterTask) {
    Ledger::<D>::open(log.clone(), snapshots.cloned(), region()).await.unwrap()
}

async fn reader(log: &Arc<Watched>, snapshots: &Snapshots) -> (Reader<BindingCore>, WriterTask) {
    Reader::open(log.clone(), Some(snapshots.of(&region(), "resource/bindings"))).await.unwrap()
}

/// Opens the folder; whoever had it last may still be letting go of it.
fn opened(folder: &Path) -> Snapshots {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match Snapshots::open(folder) {
            Ok((snapshots, None)) => return snapshots,
            Ok((_, Some(aside))) => panic!("set aside to {}", aside.display()),
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        std::thread::yield_now();
    }
}

/// Has everybody fold the log and take a last snapshot.
async fn stop(log: &Arc<Watched>, folder: &Path) {
    let snapshots = opened(folder);
    let (_resource, resource) = ledger::<ResourceCore>(log, Some(&snapshots)).await;
    let (_binding, binding) = ledger::<BindingCore>(log, Some(&snapshots)).await;
    let (_reader, reader) = reader(log, &snapshots).await;
    for task in [resource, binding, reader] {
        task.close().await.unwrap();
    }
    log.followed.lock().unwrap().clear();
}

/// Starts everybody and compares with a fold from the start; answers with where the folds began.
async fn start(log: &Arc<Watched>, folder: &Path) -> [u64; 3] {
    let snapshots = opened(folder);
    let (resource, _tasks) = ledger::<ResourceCore>(log, Some(&snapshots)).await;
    let resource_begun = log.begun();
    let (binding, _tasks) = ledger::<BindingCore>(log, Some(&snapshots)).await;
    let binding_begun = log.begun();
    let (reader, _tasks) = reader(log, &snapshots).await;
    let reader_begun = log.begun();
    let tail = log.tail().await.unwrap().position;

    let (true_resource, _tasks) = ledger::<ResourceCore>(log, None).await;
    let (true_binding, _tasks) = ledger::<BindingCore>(log, None).await;
    assert_eq!(resource.view().position.0, tail.0);
    assert_eq!(resource.view().state, true_resource.view().state);
    assert_eq!(binding.view().state, true_binding.view().state);
    assert_eq!(reader.current().await.unwrap().state, true_binding.view().state);
    for (request, name) in [(0, "v0"), (u128::from(RECORDS / 3 - 1), "v7")] {
        let first = true_resource.submit(retried(request, name), vpc(name)).await;
        let again = resource.submit(retried(request, name), vpc(name)).await;
        assert_eq!(again.unwrap().at, first.unwrap().at, "request {request} is remembered");
    }
    assert_eq!(log.tail().await.unwrap().position, tail, "a retry wrote something");
    log.followed.lock().unwrap().clear();
    [resource_begun, binding_begun, reader_begun]
}

#[tokio::test]
async fn a_snapshot_and_its_tail_are_a_fold_from_the_start_wherever_it_was_taken() {
    let records = history().await;
    let log = log_of(&records).await;
    for cut in 1..=RECORDS {
        let folder = tempfile::tempdir().unwrap();
        stop(&log_of(&records[..usize::try_from(cut).unwrap()]).await, folder.path()).await;
        assert_eq!(start(&log, folder.path()).await, [cut; 3], "folded from the snapshot on");
    }
}

#[tokio::test]
async fn snapshots_of_different_folders_are_apart_and_each_is_a_witness() {
    let folder = tempfile::tempdir().unwrap();
    let records = history().await;
    stop(&log_of(&records[..10]).await, folder.path()).await;
    let snapshots = opened(folder.path());
    let (_reader, task) = reader(&log_of(&records).await, &snapshots).await;
    task.close().await.unwrap();
    let mut seen: Vec<_> =
        snapshots.witnesses(&region()).unwrap().into_iter().map(|witness| witness.position.0).collect();
    seen.sort_unstable();
    assert_eq!(seen, [10, 10, RECORDS], "two ledgers stopped at 10, the reader went on");
    assert_eq!(snapshots.witnesses(&"r".parse().unwrap()).unwrap(), [], "region r is not region r1");
    let gateway = snapshots.of(&region(), "gateway/gw-1");
    let witness = mooring_ledger::Witness { position: mooring_domain::Position(30), hash: [3; 32] };
    gateway.save(1, witness, b"a gateway's").unwrap();
    assert!(snapshots.witnesses(&region()).unwrap().contains(&witness));
}

#[tokio::test]
async fn a_snapshot_of_another_history_is_ignored_by_everybody() {
    let folder = tempfile::tempdir().unwrap();
    stop(&log_of(&history().await[..10]).await, folder.path()).await;
    assert_eq!(start(&log_of(&history().await).await, folder.path()).await, [0; 3]);
}

#[tokio::test]
async fn a_reader_whose_snapshot_is_beyond_the_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let records = history().await;
    stop(&log_of(&records).await, folder.path()).await;
    let snapshots = opened(folder.path());
    let shorter = log_of(&records[..5]).await;
    let snapshot = snapshots.of(&region(), "resource/bindings");
    let error = Reader::<BindingCore>::open(shorter, Some(snapshot)).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::LostEnd { .. }), "{error}");
    assert!(error.to_string().contains("resource/bindings"), "says whose: {error}");
}

/// Every value that is stored, each with one bit changed.
#[tokio::test]
async fn a_snapshot_with_a_changed_bit_anywhere_is_not_used() {
    let records = history().await;
    let log = log_of(&records).await;
    let folder = tempfile::tempdir().unwrap();
    stop(&log_of(&records[..10]).await, folder.path()).await;
    let trees = ["snapshot/r1/resource", "snapshot/r1/binding", "snapshot/r1/resource/bindings"];
    for (n, tree) in trees.into_iter().enumerate() {
        for (key, good) in values(folder.path(), tree) {
            for at in [0, 4, good.len() / 2, good.len() - 1] {
                let mut bad = good.clone();
                bad[at] ^= 0x40;
                let spoilt = copy(folder.path());
                put(spoilt.path(), tree, &key, &bad);
                let mut begun = [10; 3];
                begun[n] = 0;
                assert_eq!(start(&log, spoilt.path()).await, begun, "{tree}, byte {at} of {key:?}");
            }
        }
    }
    assert_eq!(start(&log, folder.path()).await, [10; 3], "all is well without a changed bit");
}

fn copy(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(folder.join(".")).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    copy
}

fn tree(folder: &Path, tree: &str) -> sled::Tree {
    drop(opened(folder));
    sled::open(folder).unwrap().open_tree(tree).unwrap()
}

fn values(folder: &Path, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = tree(folder, name).iter().map(Result::unwrap);
    let pairs: Vec<_> = pairs.map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    assert!(pairs.len() >= 2, "a header and a chunk: {pairs:?}");
    pairs
}

fn put(folder: &Path, name: &str, key: &[u8], value: &[u8]) {
    let tree = tree(folder, name);
    tree.insert(key, value).unwrap();
    tree.flush().unwrap();
}
