//! What the stories begin with: a server, the JetStream stream of a region, engines on it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use mooring_event_log::{
    Commit, EventLog, Filter, JetStream, LogError, Position, Record, StreamName, Witness,
    jetstream::{
        Options, admin,
        connect::{Login, Servers},
        durability::Durability,
    },
    segments,
};
use mooring_tests::NatsServer;
use tempfile::TempDir;
use uuid::Uuid;

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

pub async fn all(log: &dyn EventLog) -> Vec<Arc<Record>> {
    log.read(&Filter::All, Position(0), usize::MAX).await.unwrap()
}
