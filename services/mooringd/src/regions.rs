//! The regions on disk: a log of segment files each, snapshots beside them, and the cores folded from both.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use mooring_domain::{
    Decider, binding::BindingCore, holder::HolderCore, name::RegionId, resource::ResourceCore,
};
use mooring_event_log::{
    EventLog,
    segments::{Options, Segments, Witness},
};
use mooring_ledger::{Cursor, Ledger, Reader, Regions, Snapshots, WriterTask, to_log_position};

/// Every region's log.
pub(crate) type Logs = BTreeMap<RegionId, Arc<dyn EventLog>>;

/// How far the gateway has followed each of them.
pub(crate) type Cursors = BTreeMap<RegionId, Cursor>;

/// Everything that is folded from the logs.
pub(crate) struct Cores {
    pub(crate) resource: Regions<ResourceCore>,
    pub(crate) binding: Regions<BindingCore>,
    pub(crate) health: Regions<HolderCore>,
    /// What resource's reads merge in.
    pub(crate) bindings: BTreeMap<RegionId, Reader<BindingCore>>,
    /// The writers, to be closed at the end.
    pub(crate) writers: Vec<WriterTask>,
}

/// Opens the snapshots and the cursors and, with both as witnesses, each region's log (L8).
pub(crate) fn open(data: &Path, regions: &[RegionId]) -> Result<(Logs, Cursors, Snapshots)> {
    let folder = data.join("snapshots");
    let (snapshots, aside) = Snapshots::open(&folder).with_context(|| folder.display().to_string())?;
    if let Some(aside) = aside {
        tracing::warn!(aside = %aside.display(), "snapshots did not open; rebuilding them from the log");
    }
    let (mut logs, mut cursors) = (Logs::new(), Cursors::new());
    for region in regions {
        ensure!(!logs.contains_key(region), "--region {region} is given twice");
        let folder = data.join("log").join(region.as_str());
        let witnesses = snapshots.witnesses(region)?;
        let mut witnesses: Vec<_> =
            witnesses.iter().map(|witness| Witness::of(to_log_position(witness.position))).collect();
        let path = data.join("cursor").join(region.as_str());
        let cursor = Cursor::open(&path).with_context(|| path.display().to_string())?;
        witnesses.extend(cursor.witness().with_context(|| path.display().to_string())?);
        let opened = Segments::open(&folder, Options::default(), &witnesses)
            .with_context(|| format!("the log of region {region} in {}", folder.display()))?;
        if let Some(torn) = opened.repaired {
            tracing::warn!(
                %region, position = %torn.position, bytes = torn.bytes, file = %torn.file.display(),
                "the last record was torn and acknowledged to nobody known; it is set aside"
            );
        }
        logs.insert(region.clone(), opened.log);
        cursors.insert(region.clone(), cursor);
    }
    Ok((logs, cursors, snapshots))
}

/// Folds every core of every region.
pub(crate) async fn fold(logs: &Logs, snapshots: &Snapshots) -> Result<Cores> {
    let mut writers = Vec::new();
    let resource = ledgers(logs, snapshots, &mut writers).await?;
    let binding = ledgers(logs, snapshots, &mut writers).await?;
    let health = ledgers(logs, snapshots, &mut writers).await?;
    let mut bindings = BTreeMap::new();
    for (region, log) in logs {
        // The reader's task ends with the reader.
        let (reader, _) = Reader::open(log.clone()).await?;
        bindings.insert(region.clone(), reader);
    }
    Ok(Cores { resource, binding, health, bindings, writers })
}

async fn ledgers<D: Decider>(
    logs: &Logs,
    snapshots: &Snapshots,
    writers: &mut Vec<WriterTask>,
) -> Result<Regions<D>> {
    let mut ledgers = Vec::new();
    for (region, log) in logs {
        let opened = Ledger::<D>::open(log.clone(), Some(snapshots.clone()), region.clone()).await;
        let (ledger, writer) = opened.with_context(|| format!("{} of region {region}", D::STREAM.name()))?;
        ledgers.push((region.clone(), ledger));
        writers.push(writer);
    }
    Ok(ledgers.into_iter().collect())
}
