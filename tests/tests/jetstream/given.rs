//! What the stories begin with: a server, the JetStream stream of a region, engines on it.

use std::{
    collections::BTreeSet,
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use mooring_event_log::{
    Commit, EventLog, Filter, Hash, JetStream, LogError, Position, Record, StreamName, Witness,
    jetstream::{
        Options, Standing, admin,
        connect::{Login, Servers},
        durability::Durability,
    },
    segments,
};
use mooring_tests::{NatsServer, proxy::Proxy};
use tempfile::TempDir;
use tokio::{
    runtime::Builder,
    task::block_in_place,
    time::{sleep, timeout},
};
use uuid::Uuid;

/// What takes longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The pause before an append is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// So often a read is tried that the servers do not answer. Each try waits for them, too.
const TRIES: u32 = 20;

/// The region of every story.
pub const REGION: &str = "r1";

/// A server with an empty JetStream stream, and folders for copies.
pub struct Given {
    pub nats: NatsServer,
    pub folder: TempDir,
}

impl Given {
    /// A fresh one.
    pub async fn new() -> Self {
        let given = Self { nats: NatsServer::start().unwrap(), folder: tempfile::tempdir().unwrap() };
        given.init().await;
        given
    }

    /// Makes the region's JetStream stream, as an administrator.
    pub async fn init(&self) {
        let at = self.servers().connect("administrator").await.unwrap();
        admin::init(&at, REGION, 1).await.unwrap();
    }

    pub fn servers(&self) -> Servers {
        Servers::parse("--log", &self.nats.url(), &Login::default()).unwrap()
    }

    /// The folder of a copy.
    pub fn copy(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn options(&self, name: &str) -> Options {
        options(self.servers(), &[self.nats.monitor()], &self.copy(name))
    }

    /// An engine with a copy of this name.
    pub async fn open(&self, name: &str) -> Arc<JetStream> {
        self.try_open(name, &[]).await.unwrap()
    }

    /// An engine that reaches the server through a proxy.
    pub async fn open_through(&self, proxy: &Between, name: &str) -> Arc<JetStream> {
        let servers =
            Servers::parse("--log", &format!("nats://{}", proxy.address()), &Login::default()).unwrap();
        let options = options(servers, &[self.nats.monitor()], &self.copy(name));
        JetStream::open(options, &[]).await.unwrap()
    }

    /// A proxy in front of the server.
    pub fn proxy(&self) -> Between {
        Between(Some(block_in_place(|| Proxy::start(&self.nats.address()).unwrap())))
    }

    pub async fn try_open(&self, name: &str, witnesses: &[Witness]) -> Result<Arc<JetStream>, LogError> {
        JetStream::open(self.options(name), witnesses).await
    }
}

/// How a log is opened over these servers.
pub fn options(servers: Servers, monitors: &[String], copy: &Path) -> Options {
    Options {
        servers,
        durability: Durability::parse(monitors, false, &Login::default()).unwrap(),
        region: REGION.to_owned(),
        copy: copy.to_owned(),
        segments: segments::Options::default(),
        writes: BTreeSet::new(),
    }
}

pub fn stream(name: &str) -> StreamName {
    StreamName::new(name)
}

/// A commit with one event of this text.
pub fn commit(text: &str) -> Commit {
    Commit {
        id: Uuid::now_v7(),
        request_id: None,
        request_hash: Bytes::new(),
        actor: "ann".into(),
        recorded_at: 1_000,
        observed_at: None,
        trace_parent: "".into(),
        events: vec![Bytes::copy_from_slice(text.as_bytes())],
    }
}

/// Appends one commit where its stream ends now.
pub async fn write(log: &dyn EventLog, name: &str, text: &str) -> Result<Position, LogError> {
    let stream = stream(name);
    let last = log.tail().await?.streams.get(&stream).map(|(position, _)| *position).unwrap_or_default();
    log.append(&stream, last, vec![commit(text)]).await
}

/// Every record, asked for again while the servers do not answer.
pub async fn all(log: &dyn EventLog) -> Vec<Arc<Record>> {
    let mut tries = 0;
    loop {
        match log.read(&Filter::All, Position(0), usize::MAX).await {
            Err(LogError::Unavailable(_)) if tries < TRIES => tries += 1,
            read => return read.unwrap(),
        }
        sleep(PAUSE).await;
    }
}

/// The texts of all events, in order.
pub async fn texts(log: &dyn EventLog) -> Vec<String> {
    let text = |record: &Arc<Record>| String::from_utf8_lossy(&record.commits[0].events[0]).into_owned();
    all(log).await.iter().map(text).collect()
}

/// Each record's hash, in order.
pub async fn hashes(log: &dyn EventLog) -> Vec<Hash> {
    all(log).await.iter().map(|record| record.hash).collect()
}

/// Waits for the engine to stand as wanted, and says how it stood last if it does not.
pub async fn stands(log: &JetStream, within: Duration, wanted: impl Fn(&Standing) -> bool) -> Standing {
    let mut standing = log.standing();
    match timeout(within, standing.wait_for(|standing| wanted(standing))).await {
        Ok(reached) => reached.unwrap().clone(),
        Err(_) => panic!("it stands so after {within:?}: {:?}", log.standing().borrow()),
    }
}

/// Waits for damage, and says what it is.
pub async fn damage(log: &JetStream) -> String {
    match stands(log, PATIENCE, |standing| matches!(standing, Standing::Damaged(_))).await {
        Standing::Damaged(why) => why.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Appends the same commits until the outcome is known, as every caller must.
pub async fn until_known(
    log: &JetStream,
    stream: &StreamName,
    expected: Position,
    commits: Vec<Commit>,
) -> Result<Position, LogError> {
    timeout(PATIENCE, async {
        loop {
            match log.append(stream, expected, commits.clone()).await {
                Err(LogError::Unknown(_) | LogError::Unavailable(_)) => sleep(PAUSE).await,
                known => return known,
            }
        }
    })
    .await
    .expect("the outcome becomes known")
}

/// A proxy. It has a runtime of its own, which can't be dropped in another one's task just like that.
pub struct Between(Option<Proxy>);

impl Deref for Between {
    type Target = Proxy;

    fn deref(&self) -> &Proxy {
        self.0.as_ref().unwrap()
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        block_in_place(|| drop(self.0.take()));
    }
}

/// Runs a story that must come to its end in time.
pub fn story<F: Future<Output = ()>>(story: impl FnOnce() -> F) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { timeout(3 * PATIENCE, story()).await.expect("the story hangs") });
}
