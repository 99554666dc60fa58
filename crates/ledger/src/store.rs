//! Everything that a process keeps: its regions' logs, snapshots and cursors, and the cores that are folded from them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

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
    folding: Mutex<Vec<FoldTask>>,
    folded: Mutex<BTreeMap<RegionId, Vec<FoldedTo>>>,
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
        for (number, region) in args.regions.iter().enumerate() {
            ensure!(!args.regions[..number].contains(region), "--region {region} is given twice");
        }
        let folder = args.data.join("snapshots");
        let (snapshots, aside) = Snapshots::open(&folder).with_context(|| folder.display().to_string())?;
        if let Some(aside) = aside {
            tracing::warn!(aside = %aside.display(), "snapshots did not open; rebuilding them from the log");
        }
        let mut regions = BTreeMap::new();
        for region in &args.regions {
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
        let (folding, folded) = (Mutex::default(), Mutex::default());
        Ok(Self { regions, snapshots, folding, folded, asking: Vec::new() })
    }

    /// Folds a core of every region, and starts its loop. Several kinds may be folded at once.
    ///
    /// # Errors
    /// The log, or what is in it.
    pub async fn ledgers<D: Decider>(&self) -> Result<Regions<D>> {
        let open = |region: &RegionId, log: Arc<dyn EventLog>| {
            let (snapshots, region) = (self.snapshots.clone(), region.clone());
            move || Ledger::<D>::open(log.clone(), Some(snapshots.clone()), region.clone())
        };
        let ledgers = self.fold(D::STREAM.name(), open).await?;
        let mut folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        for (region, ledger) in &ledgers {
            let view = ledger.watch();
            folded.entry(region.clone()).or_default().push(Box::new(move || view.borrow().position));
        }
        Ok(ledgers.into_iter().collect())
    }

    /// Folds a core of every region for `who` only reads it.
    ///
    /// # Errors
    /// The log, or what is in it.
    pub async fn readers<D: Decider>(&self, who: &str) -> Result<BTreeMap<RegionId, Reader<D>>> {
        let open = |region: &RegionId, log: Arc<dyn EventLog>| {
            let snapshot = self.snapshots.of(region, who);
            move || Reader::open(log.clone(), Some(snapshot.clone()))
        };
        self.fold(who, open).await
    }

    /// Has every region folded, all at once, each by a task of its own.
    async fn fold<T, O, F>(
        &self,
        who: &str,
        open: impl Fn(&RegionId, Arc<dyn EventLog>) -> O,
    ) -> Result<BTreeMap<RegionId, T>>
    where
        T: Send + 'static,
        O: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(T, FoldTask), OpenError>> + Send + 'static,
    {
        let begin = |(region, kept): (&RegionId, &Kept)| tokio::spawn(again(open(region, kept.log.clone())));
        let opening: Vec<_> = self.regions.iter().map(begin).collect();
        let mut opened = BTreeMap::new();
        for (region, opening) in self.regions.keys().zip(opening) {
            let (one, task) = opening.await?.with_context(|| format!("{who} of region {region}"))?;
            opened.insert(region.clone(), one);
            self.folding.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        }
        Ok(opened)
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
        let opened = self.folded.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (region, kept) in &self.regions {
            let folded = opened.remove(region).unwrap_or_default();
            let (standings, asking) = standing::watch(region.as_str(), kept.log.clone(), folded);
            all.extend(standings);
            self.asking.push(asking);
        }
        all
    }

    /// Ends every loop with a last snapshot, then lets go of the logs.
    pub async fn close(self) {
        self.asking.iter().for_each(JoinHandle::abort);
        let folding = self.folding.into_inner().unwrap_or_else(PoisonError::into_inner);
        join_all(folding.into_iter().map(FoldTask::close)).await;
        join_all(self.regions.into_values().map(Kept::close)).await;
    }
}

/// Folds, again for as long as the log does not answer.
async fn again<T, F>(open: impl Fn() -> F) -> Result<T, OpenError>
where
    F: Future<Output = Result<T, OpenError>>,
{
    loop {
        match open().await {
            Err(OpenError::Log(error)) if !error.is_final() => {
                tracing::warn!(%error, "the log does not answer; asking again");
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}
