//! The region's log as NATS has it, and as every process has copied it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use mooring_domain::Event;
use mooring_event_log::jetstream::{Options, connect::Login, connect::Servers, durability::Durability};
use mooring_event_log::{EventLog, Filter, JetStream, Position, Record, Segments, segments};
use mooring_proto::stored;

use super::Cluster;

/// How many records are read at once.
const PAGE: usize = 1000;

type Records = Vec<Arc<Record>>;

impl Cluster {
    /// Every record that NATS has, in order, each looked at: CRCs, hashes, positions.
    pub fn log(&self) -> Result<Records> {
        let copy = tempfile::tempdir()?;
        let login = Login::default();
        let options = Options {
            servers: Servers::parse("--log", &self.nats.url(), &login)?,
            durability: Durability::parse(&[self.nats.monitor()], false, &login)?,
            region: "r1".to_owned(),
            copy: copy.path().join("copy"),
            segments: segments::Options::default(),
            writes: BTreeSet::new(),
        };
        runtime()?.block_on(async {
            let log = JetStream::open(options, &[]).await?;
            let records = all(&*log).await;
            log.close().await;
            records
        })
    }

    /// Fails unless every process, none of which runs, has copied exactly this. Gives the number of copies. Only receipts of
    /// failovers, which are told behind everything, can have come after a process was stopped.
    pub fn copies_are(&self, log: &[Arc<Record>]) -> Result<usize> {
        let parts = self.parts();
        for part in &parts {
            let copied = copied(&self.part(*part).data().join("log/r1"))?;
            let differs = copied.iter().zip(log).find(|(copied, record)| copied != record);
            ensure!(differs.is_none(), "the copy of {part:?} is not the log: {differs:?}");
            let (its, ends) = (copied.len(), log.len());
            let rest = log.get(its..).unwrap_or_default();
            let told_behind = its <= ends && rest.iter().all(|record| has_only_receipts(record));
            ensure!(told_behind, "the copy of {part:?} ends at {its}, the log at {ends}");
        }
        Ok(parts.len())
    }
}

fn has_only_receipts(record: &Record) -> bool {
    let mut events = record.commits.iter().flat_map(|commit| &commit.events);
    events.all(|event| matches!(stored::decode(event), Ok(Event::FailoverMeasured(_))))
}

fn copied(folder: &Path) -> Result<Records> {
    let opened = Segments::open(folder, segments::Options::default(), &[])?;
    ensure!(opened.repaired.is_none(), "{} had a torn end after a stop", folder.display());
    let records = runtime()?.block_on(all(&*opened.log));
    opened.log.close();
    records
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

async fn all(log: &dyn EventLog) -> Result<Records> {
    let mut records = Records::new();
    loop {
        let after = records.last().map_or(Position(0), |record| record.position);
        let page = log.read(&Filter::All, after, PAGE).await?;
        if page.is_empty() {
            return Ok(records);
        }
        records.extend(page);
    }
}
