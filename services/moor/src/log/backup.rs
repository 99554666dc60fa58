//! `moor log backup` and `moor log restore`: a region's log, beside the process that writes it, to a folder and back.

use std::path::{Path, PathBuf};

use clap::Args;
use mooring_domain::name::RegionId;
use mooring_event_log::{
    Walked,
    segments::{BackedUp, backup, restore},
};
use mooring_ledger::{Cursor, Snapshots};
use serde_json::{Value, json};

use crate::{failure::Failure, invocation::Invocation, past::Place, resolve::Argument};

/// Copy a region's log to a folder, beside the process that writes it: only what is new since the last time
///
/// The backup is a data folder: `moor log verify`, `replay` and the rest read it. It must be how the log begins: that of another
/// log, or one that has more than the log, is refused. In the end all of it is read again. It may be interrupted, and done again.
#[derive(Debug, Args)]
pub struct Backup {
    /// The log: file:FOLDER or FOLDER, a data folder or the folder of one region's log
    place: String,
    /// The backup's folder; made where there is none
    dest: PathBuf,
}

/// Put a backup of a region's log into a data folder that has none of that region
///
/// All of the backup is checked before, and of what was written after; nothing is ever overwritten. A data folder whose gateway or
/// services have seen more than the backup has is refused, as a start on it would be.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup: file:FOLDER or FOLDER, a data folder or the folder of one region's log
    backup: String,
    /// The data folder of a mooringd or of a service that does not run
    data: PathBuf,
}

impl Backup {
    /// Does it, and prints what it did.
    pub fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = Place::find(&self.place, &moor.home)?;
        let region = region(&place)?;
        let to = log_in(&self.dest, region);
        let BackedUp { already, copied, whole } = backup(&place.folder, &to)?;
        let (last, files) = (whole.whole.position, whole.segments);
        let value = json!({
            "region": region.as_str(),
            "log": place.to_string(),
            "backup": to.display().to_string(),
            "already": already.0,
            "last": last.0,
            "copied_bytes": copied,
            "bytes": whole.bytes,
            "segments": files,
            "verified": true,
        });
        let sentence = format!(
            "{place} is backed up to {} up to record {last}: {copied} bytes were new, after record {already}; all {} bytes in {files} \
             segments were read again, and are whole",
            to.display(),
            whole.bytes
        );
        moor.output.say(&sentence, &value)
    }
}

impl Restore {
    /// Does it, and prints what it did.
    pub fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = Place::find(&self.backup, &moor.home)?;
        let region = region(&place)?;
        let to = log_in(&self.data, region);
        let last = mooring_event_log::verify(&place.folder)?.whole.position;
        if let Some((who, seen)) = newest_witness(&self.data, region)?.filter(|(_, seen)| *seen > last.0) {
            return Err(Failure::lost_end(&self.data, &who, seen, last.0));
        }
        let walked = restore(&place.folder, &to)?;
        moor.output.say(&restored(&place, &to, &walked), &value(&place, region, &to, &walked))
    }
}

fn region(place: &Place) -> Result<&RegionId, Failure> {
    let what = "PLACE is the folder of one log: which region is it?";
    place
        .region
        .as_ref()
        .or(place.asked.as_ref())
        .ok_or_else(|| Failure::argument(Argument::new("--region", ""), what))
}

/// Where a data folder has a region's log.
fn log_in(data: &Path, region: &RegionId) -> PathBuf {
    data.join("log").join(region.as_str())
}

/// Who in a data folder has seen most of the log, and which record that was.
fn newest_witness(data: &Path, region: &RegionId) -> Result<Option<(String, u64)>, Failure> {
    let mut seen = Vec::new();
    let cursor = data.join("cursor").join(region.as_str());
    if cursor.is_file() {
        let witness = Cursor::open(&cursor).and_then(|cursor| cursor.witness());
        let witness = witness.map_err(|error| Failure::unusable(&cursor, &error))?;
        seen.extend(witness.map(|witness| ("the gateway".to_owned(), witness.position.0)));
    }
    let snapshots = data.join("snapshots");
    if snapshots.is_dir() {
        let (opened, _) =
            Snapshots::open(&snapshots).map_err(|error| Failure::unusable(&snapshots, &error))?;
        let witnesses = opened.witnesses(region).map_err(|error| Failure::unusable(&snapshots, &error))?;
        seen.extend(witnesses.iter().map(|witness| ("a snapshot".to_owned(), witness.position.0)));
    }
    Ok(seen.into_iter().max_by_key(|(_, position)| *position))
}

fn restored(place: &Place, to: &Path, walked: &Walked) -> String {
    let Walked { whole, segments, bytes, .. } = walked;
    let last = whole.position;
    format!(
        "{} has the log of {place} up to record {last}: {bytes} bytes in {segments} segments",
        to.display()
    )
}

fn value(place: &Place, region: &RegionId, to: &Path, walked: &Walked) -> Value {
    json!({
        "region": region.as_str(),
        "backup": place.to_string(),
        "log": to.display().to_string(),
        "last": walked.whole.position.0,
        "bytes": walked.bytes,
        "segments": walked.segments,
        "verified": true,
    })
}
