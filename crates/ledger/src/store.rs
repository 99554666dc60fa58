//! Everything that a process keeps: its regions' logs, snapshots and cursors, and the cores that are folded from them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use mooring_domain::{Decider, Stream, name::RegionId};
use mooring_event_log::{EventLog, segments::Witness};
use tokio::task::JoinHandle;

use crate::{
    Cursor, FoldTask, Ledger, LogUrl, NatsArgs, OpenError, Reader, Regions, Snapshots, StoreArgs, codec,
    engine::{Engine, Kept, Opening},
    standing::{self, FoldedTo, Standing},
};

/// Between a log that does not answer and the next try.
const PAUSE: Duration = Duration::from_millis(500);

/// See the module.
pub struct Store {
    regions: BTreeMap<RegionId, Kept>,
    snapshots: Snapshots,
    folding: Vec<FoldTask>,
    folded: BTreeMap<RegionId, Vec<FoldedTo>>,
    asking: Vec<JoinHandle<()>>,
}

impl Store {
    /// Opens the snapshots and the cursors and, with both as witnesses, each region's log (L8). `writes` are the streams
    /// that this process appends to. While a log does not answer it is asked again, and `waiting` is told why.
    ///
    /// # Errors
    /// A flag that can't be used, a log that is damaged, a NATS that is not to be trusted.
    pub async fn open(
        args: &StoreArgs,
        (log, nats): (&LogUrl, &NatsArgs),
        writes: &[Stream],
        waiting: impl Fn(String),
    ) -> Result<Self> {
        let engine = Engine::new(log, nats)?;
        let folder = args.data.join("snapshots");
        let (snapshots, aside) = Snapshots::open(&folder).with_context(|| folder.display().to_string())?;
        if let Some(aside) = aside {
            tracing::warn!(aside = %aside.display(), "snapshots did not open; rebuilding them from the log");
        }
        let mut regions = BTreeMap::new();
        for region in &args.regions {
            ensure!(!regions.contains_key(region), "--region {region} is given twice");
            let path = args.data.join("cursor").join(region.as_str());
            let cursor = Cursor::open(&path).with_context(|| path.display().to_string())?;
            let mut witnesses: Vec<_> = snapshots
                .witnesses(region)?
                .iter()
                .map(|witness| Witness::of(codec::to_log_position(witness.position)))
                .collect();
            witnesses.extend(cursor.witness().with_context(|| path.display().to_string())?);
            let folder = args.data.join("log").join(region.as_str());
            let opening = Opening { region, folder: &folder, witnesses: &witnesses, writes };
            let kept = opening.open(&engine, cursor, &waiting).await?;
            regions.insert(region.clone(), kept);
        }
        Ok(Self { regions, snapshots, folding: Vec::new(), folded: BTreeMap::new(), asking: Vec::new() })
    }

    /// Folds a core of every region, and starts its loop.
    ///
    /// # Errors
    /// The log, or what is in it.
    pub async fn ledgers<D: Decider>(&mut self) -> Result<Regions<D>> {
        let mut ledgers = Vec::new();
        for (region, kept) in &self.regions {
            let snapshots = Some(self.snapshots.clone());
            let open = async || Ledger::<D>::open(kept.log.clone(), snapshots.clone(), region.clone()).await;
            let opened =
                again(open).await.with_context(|| format!("{} of region {region}", D::STREAM.name()));
            let (ledger, task) = opened?;
            let view = ledger.watch();
            let folded = self.folded.entry(region.clone()).or_default();
            folded.push(Box::new(move || view.borrow().position));
            ledgers.push((region.clone(), ledger));
            self.folding.push(task);
        }
        Ok(ledgers.into_iter().collect())
    }

    /// Folds a core of every region for `who` only reads it.
    ///
    /// # Errors
    /// The log, or what is in it.
    pub async fn readers<D: Decider>(&mut self, who: &str) -> Result<BTreeMap<RegionId, Reader<D>>> {
        let mut readers = BTreeMap::new();
        for (region, kept) in &self.regions {
            let open = async || Reader::open(kept.log.clone(), Some(self.snapshots.of(region, who))).await;
            let opened = again(open).await.with_context(|| format!("{who} of region {region}"));
            let (reader, task) = opened?;
            readers.insert(region.clone(), reader);
            self.folding.push(task);
        }
        Ok(readers)
    }

    /// Every region's log and cursor, for one who follows them by himself: the cursors can be had once.
    pub fn followed(&mut self) -> BTreeMap<RegionId, (Arc<dyn EventLog>, Cursor)> {
        let one = |(region, kept): (&RegionId, &mut Kept)| {
            Some((region.clone(), (kept.log.clone(), kept.cursor.take()?)))
        };
        self.regions.iter_mut().filter_map(one).collect()
    }

    /// Where he keeps what he has folded.
    pub fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// What must hold for the process to be ready: each log answers, and what was opened before this is up to it.
    pub fn standings(&mut self) -> Vec<Standing> {
        let mut all = Vec::new();
        for (region, kept) in &self.regions {
            let folded = self.folded.remove(region).unwrap_or_default();
            let (standings, asking) = standing::watch(region.as_str(), kept.log.clone(), folded);
            all.extend(standings);
            self.asking.push(asking);
        }
        all
    }

    /// Ends every loop with a last snapshot, then lets go of the logs.
    pub async fn close(self) {
        self.asking.iter().for_each(JoinHandle::abort);
        join_all(self.folding.into_iter().map(FoldTask::close)).await;
        join_all(self.regions.into_values().map(Kept::close)).await;
    }
}

/// Folds, again for as long as the log does not answer.
async fn again<T>(open: impl AsyncFn() -> Result<T, OpenError>) -> Result<T, OpenError> {
    loop {
        match open().await {
            Err(OpenError::Log(error)) if error.retryable() => {
                tracing::warn!(%error, "the log does not answer; asking again");
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}
