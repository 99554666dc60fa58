//! `moor log archive`: old segments of a log moved to a folder of their own, where every reader still finds them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use mooring_event_log::{Position, segments::archive, verify};
use mooring_ledger::{Snapshots, now};
use serde_json::json;

use crate::{failure::Failure, invocation::Invocation, past::Place, resolve::Argument};

/// Move old segments of a region's log to an archive: those that are older than the oldest snapshot and than an age
///
/// Each is copied, synced, read again and compared, and only then removed; a small file says where it went, and everybody who reads the
/// log reads it there. It may be interrupted, and done again. Where the archive is taken away, a start still works on its snapshots, and
/// who needs what is in it says what to bring back. A process may run on the log; its snapshots can't be looked at then, so --before
/// has to say up to where.
#[derive(Debug, Args)]
pub struct Archive {
    /// The log: file:FOLDER or FOLDER, a data folder or the folder of one region's log
    place: String,
    /// The archive's folder; made where there is none
    to: PathBuf,
    /// Only segments whose last record is older, such as 90days or 12h
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    older_than: Duration,
    /// Only segments before this record, instead of before the oldest snapshot of the data folder
    #[arg(long, value_name = "POSITION")]
    before: Option<u64>,
}

impl Archive {
    /// Does it, and prints what it did.
    pub fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = Place::find(&self.place, &moor.home)?;
        let before = match self.before {
            Some(before) => before,
            None => oldest_snapshot(&place)?,
        };
        // Damage is not to be carried away unseen.
        let whole = verify(&place.folder)?;
        if let Some(damage) = &whole.damage {
            return Err(Failure::damaged_log(damage, "nothing was archived; `moor log verify` says more"));
        }
        let age = u64::try_from(self.older_than.as_nanos()).unwrap_or(u64::MAX);
        let done = archive(&place.folder, &self.to, Position(before), now().0.saturating_sub(age))?;
        let to = self.to.display();
        let value = json!({
            "log": place.to_string(),
            "archive": to.to_string(),
            "before": before,
            "segments": done.segments,
            "bytes": done.bytes,
            "last": (done.segments > 0).then_some(done.last.0),
        });
        let sentence = match done.segments {
            0 => {
                format!("nothing to archive: no whole segment of {place} before record {before} is that old")
            }
            n => format!(
                "{n} segments of {place}, {} bytes up to record {}, are in {to} now",
                done.bytes, done.last
            ),
        };
        moor.output.say(&sentence, &value)
    }
}

/// Where the oldest snapshot of the data folder is: who begins with it reads on from there.
fn oldest_snapshot(place: &Place) -> Result<u64, Failure> {
    let argument = Argument::new("--before", "");
    let data = place.region.as_ref().zip(place.folder.ancestors().nth(2));
    let Some((region, data)) = data else {
        let what = "PLACE is the folder of one log, whose snapshots are not known: up to which record?";
        return Err(Failure::argument(argument, what));
    };
    let oldest = snapshots(data).and_then(|snapshots| {
        let witnesses = snapshots.witnesses(region).map_err(|error| error.to_string())?;
        witnesses.iter().map(|witness| witness.position.0).min().ok_or("there is none".to_owned())
    });
    oldest.map_err(|why| {
        let what =
            format!("no snapshot of {} says up to which record a start needs nothing: {why}", data.display());
        Failure::argument(argument, &what)
    })
}

fn snapshots(data: &Path) -> Result<Snapshots, String> {
    let folder = data.join("snapshots");
    if !folder.is_dir() {
        return Err("there is none".to_owned());
    }
    Snapshots::open(&folder).map(|(snapshots, _)| snapshots).map_err(|error| error.to_string())
}
