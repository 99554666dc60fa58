//! Taking snapshots: beside the loop, never two at once, and whole or not at all also when the process is killed.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use mooring_domain::Position;
use mooring_ledger::{Saver, Snapshot, Snapshots, Witness};
use serde::{Serialize, Serializer, ser::Error};

use crate::stories::region;

const VERSION: u32 = 7;

fn witness(position: u64) -> Witness {
    Witness { position: Position(position), hash: [5; 32] }
}

fn saved(snapshot: &Snapshot) -> Option<u64> {
    snapshot.load(VERSION).unwrap().map(|(witness, _)| witness.position.0)
}

/// A state that takes as long to encode as the story wants.
struct Large {
    begun: mpsc::Sender<()>,
    goes_on: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Serialize for Large {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.begun.send(()).map_err(S::Error::custom)?;
        let goes_on = self.goes_on.lock().unwrap().recv_timeout(Duration::from_secs(20));
        goes_on.map_err(S::Error::custom)?;
        serializer.serialize_str("large")
    }
}

fn large() -> (Large, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((begun, has_begun), (go_on, goes_on)) = (mpsc::channel(), mpsc::channel());
    (Large { begun, goes_on: goes_on.into() }, has_begun, go_on)
}

#[tokio::test]
async fn a_large_state_is_encoded_beside_the_loop_and_another_is_not_begun_before_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = Snapshots::open(folder.path()).unwrap().0.of(&region(), "binding");
    let mut saver = Saver::new(Some(snapshot.clone()), VERSION, Position(0));
    saver.offer(witness(9_999), || "not yet due").await;
    let (state, begun, go_on) = large();
    saver.offer(witness(10_000), || state).await;
    begun.recv_timeout(Duration::from_secs(20)).expect("it was due");
    saver.offer(witness(30_000), || -> &str { panic!("two at once") }).await;
    assert_eq!(saved(&snapshot), None);
    go_on.send(()).unwrap();
    saver.last(witness(40_000), "the last").await;
    assert_eq!(saved(&snapshot), Some(40_000));
}

#[tokio::test]
async fn a_stop_waits_for_the_snapshot_that_is_being_taken_and_takes_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = Snapshots::open(folder.path()).unwrap().0.of(&region(), "binding");
    let mut saver = Saver::new(Some(snapshot.clone()), VERSION, Position(0));
    let (state, begun, go_on) = large();
    saver.offer(witness(10_000), || state).await;
    begun.recv_timeout(Duration::from_secs(20)).unwrap();
    go_on.send(()).unwrap();
    let (twice, begun, _) = large();
    saver.last(witness(10_000), twice).await;
    assert_eq!(saved(&snapshot), Some(10_000));
    assert!(begun.try_recv().is_err(), "it was taken twice");
}

/// What the state is at a position: more than one chunk, and told apart by every byte.
fn state(position: u64) -> Vec<u8> {
    vec![u8::try_from(position % 251).unwrap(); 600_000 + usize::try_from(position % 7).unwrap() * 100_000]
}

const TEST: &str =
    "saving::a_process_that_is_killed_while_it_takes_a_snapshot_leaves_the_last_one_or_the_new_one";

#[test]
fn a_process_that_is_killed_while_it_takes_a_snapshot_leaves_the_last_one_or_the_new_one() {
    if let Some(folder) = env::var_os("MOORING_LEDGER_CHILD") {
        return save_for_ever(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut newer) = (0, 0);
    for round in 0..20_u64 {
        acknowledged = save_until_killed(folder.path(), acknowledged + 1 + round % 3, round * 700);
        let snapshot = Snapshots::open(folder.path()).unwrap().0.of(&region(), "binding");
        let (witness, bytes) = snapshot.load(VERSION).unwrap().expect("the last one is lost");
        let found = witness.position.0;
        assert!(
            found == acknowledged || found == acknowledged + 1,
            "{acknowledged} was durable, found {found}"
        );
        assert!(bytes == state(found), "snapshot {found} is not what was saved");
        newer += found - acknowledged;
        acknowledged = found;
    }
    assert!(acknowledged >= 20, "only {acknowledged} were taken");
    println!("{acknowledged} snapshots, {newer} durable without an answer");
}

/// A child saves one after the other; it is killed some microseconds after it said that `until` is durable.
fn save_until_killed(folder: &Path, until: u64, micros: u64) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture", "--test-threads=1"])
        .env("MOORING_LEDGER_CHILD", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut numbers = lines.filter_map(|line| line.strip_prefix("saved ")?.parse::<u64>().ok());
    let mut last = numbers.by_ref().find(|saved| *saved >= until).expect("the child ended");
    std::thread::sleep(Duration::from_micros(micros));
    child.kill().unwrap();
    child.wait().unwrap();
    last = numbers.last().unwrap_or(last);
    last
}

fn save_for_ever(folder: &Path) {
    let snapshot = Snapshots::open(folder).unwrap().0.of(&region(), "binding");
    let first = saved(&snapshot).unwrap_or_default() + 1;
    for position in first..first + 10_000 {
        snapshot.save(VERSION, witness(position), &state(position)).unwrap();
        println!("\nsaved {position}");
    }
}
