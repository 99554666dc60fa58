//! Old segments of a running process's own log, moved to an archive by itself: what `moor log archive` does by hand.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use clap::Args;
use mooring_domain::name::RegionId;
use mooring_event_log::{Position, segments::archive};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{LogUrl, Snapshots, StoreArgs, now};

/// A tenth of the age lies between two looks, and never less or more than these.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// What of a log is archived when. Flatten it into the parser of a process whose log is its own.
#[derive(Clone, Debug, Default, Args)]
pub struct ArchiveArgs {
    /// Move segments of the log to --archive-to once all in them is older than this, such as 90days, and than the oldest
    /// snapshot. Without it none is moved.
    #[arg(long, env = "MOORING_ARCHIVE_AFTER", value_name = "AGE", value_parser = humantime::parse_duration)]
    pub archive_after: Option<Duration>,
    /// The archive: a folder, with one of its own for each region.
    #[arg(long, env = "MOORING_ARCHIVE_TO", value_name = "DIR")]
    pub archive_to: Option<PathBuf>,
}

/// One region's log and where its old segments go.
struct Old {
    region: RegionId,
    log: PathBuf,
    to: PathBuf,
    age: Duration,
}

/// Begins to archive, if that is asked for. The task ends when it is aborted: what it has begun is ended by the next.
///
/// # Errors
/// A flag that can't be used.
pub fn start(
    args: &ArchiveArgs,
    (store, log): (&StoreArgs, &LogUrl),
    snapshots: &Snapshots,
) -> Result<Option<JoinHandle<()>>> {
    let (age, to) = match (args.archive_after, &args.archive_to) {
        (None, _) => return Ok(None),
        (Some(_), None) => {
            bail!("--archive-after needs --archive-to: the folder to which segments are moved")
        }
        (Some(age), Some(to)) => (age, to),
    };
    if *log != LogUrl::Files {
        bail!("--archive-after is for a log of segment files (--log file:): what is in NATS stays there");
    }
    let old = |region: &RegionId| Old {
        region: region.clone(),
        log: store.data.join("log").join(region.as_str()),
        to: to.join(region.as_str()),
        age,
    };
    let all = store.regions.iter().map(old).collect();
    Ok(Some(tokio::spawn(run(all, age, snapshots.clone()))))
}

async fn run(mut all: Vec<Old>, age: Duration, snapshots: Snapshots) {
    let pause = (age / 10).clamp(PAUSES.0, PAUSES.1);
    loop {
        let snapshots = snapshots.clone();
        let looked = spawn_blocking(move || {
            all.iter().for_each(|old| old.archive(&snapshots));
            all
        });
        let Ok(back) = looked.await else { return };
        all = back;
        tokio::time::sleep(pause).await;
    }
}

impl Old {
    /// Said where something was done, or could not be: it is tried again.
    fn archive(&self, snapshots: &Snapshots) {
        let (region, to) = (&self.region, self.to.display());
        match self.try_archive(snapshots) {
            Ok(None) => {}
            Ok(Some((segments, last))) => {
                tracing::info!(%region, segments, up_to = last.0, %to, "old segments of the log are in the archive");
            }
            Err(error) => {
                tracing::warn!(%region, %to, error = format!("{error:#}"), "old segments of the log stay where they are");
            }
        }
    }

    fn try_archive(&self, snapshots: &Snapshots) -> Result<Option<(usize, Position)>> {
        let witnesses = snapshots.witnesses(&self.region)?;
        // Until there is one a start needs everything.
        let Some(oldest) = witnesses.iter().map(|witness| witness.position.0).min() else { return Ok(None) };
        let age = u64::try_from(self.age.as_nanos()).unwrap_or(u64::MAX);
        let done = archive(&self.log, &self.to, Position(oldest), now().0.saturating_sub(age))?;
        Ok((done.segments > 0).then_some((done.segments, done.last)))
    }
}
