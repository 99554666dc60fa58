//! `moor log verify`: whether a log is whole, every segment of it, where it lies.

use clap::Args;
use mooring_domain::name::RegionId;
use mooring_event_log::{Damage, Hash, Walked, verify};
use serde_json::{Value, json};

use crate::{failure::Failure, invocation::Invocation, past::Place, wire};

/// Check every segment of a log where it lies: CRCs, hash chains, positions, order, times
///
/// Says how far the log is whole and, if not to its end, in which file, at which record and byte what is wrong (exit code 1).
/// The log may be that of a stopped system, a backup, or one that a process is writing: nothing in it is locked or changed.
/// That records are missing at the end, whole as the rest is, only a witness can tell: a start asks all it has.
#[derive(Debug, Args)]
pub struct Verify {
    /// The log: file:FOLDER or FOLDER, a data folder or the folder of one region's log
    place: String,
}

impl Verify {
    /// Prints what was found; a failure when it is damaged.
    pub fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = Place::find(&self.place, &moor.home)?;
        let walked = verify(&place.folder)?;
        if walked.segments == 0 {
            return Err(Failure::no_log("PLACE", &format!("there is no segment in {place}")));
        }
        moor.output.say(&sentence(&place, &walked), &value(&place, &walked))?;
        match &walked.damage {
            None => Ok(()),
            Some(damage) => Err(Failure::damaged_log(damage, hint(&walked))),
        }
    }
}

fn hint(walked: &Walked) -> &'static str {
    match walked.at_the_end {
        true => {
            "nothing whole stands behind it: a write that did not finish looks the same. The next start sets it aside if \
             nobody has seen it, and otherwise refuses; docs/runbooks/log-lost-its-end.md"
        }
        false => "the start of a process on it is refused; docs/runbooks/log-lost-its-end.md",
    }
}

fn sentence(place: &Place, walked: &Walked) -> String {
    let Walked { whole, recorded_at, segments, bytes, damage, .. } = walked;
    let position = whole.position;
    let files = if *segments == 1 { "1 segment".to_owned() } else { format!("{segments} segments") };
    let read = format!("{bytes} bytes in {files} were read");
    let far = match (damage, position.0) {
        (None, 0) => format!("{place} is whole, and has no record yet"),
        (None, _) => {
            format!("{place} is whole up to its end: record {position} of {}", wire::time_ns(*recorded_at))
        }
        (Some(damage), 0) => format!("{place} is {} before its first record", state(damage)),
        (Some(damage), _) => {
            let (time, state) = (wire::time_ns(*recorded_at), state(damage));
            format!("{place} is whole up to record {position} of {time}, and {state} behind it")
        }
    };
    let streams = whole.streams.iter().map(|(stream, (position, hash))| {
        format!("\n  stream {:<8}  last record {position}, hash {}", stream.as_str(), hex(hash))
    });
    format!("{far}; {read}{}", streams.collect::<String>())
}

fn state(damage: &Damage) -> &'static str {
    if damage.format.is_some() { "of another format" } else { "damaged" }
}

fn value(place: &Place, walked: &Walked) -> Value {
    let Walked { log, whole, recorded_at, segments, bytes, damage, at_the_end } = walked;
    let streams = whole.streams.iter().map(|(stream, (position, hash))| {
        json!({"stream": stream.as_str(), "last": position.0, "hash": hex(hash)})
    });
    json!({
        "region": place.region.as_ref().map(RegionId::as_str),
        "log": place.to_string(),
        "id": log.map(|id| id.to_string()),
        "whole": damage.is_none(),
        "last": whole.position.0,
        "recorded_at": (*recorded_at > 0).then(|| wire::time_ns(*recorded_at)),
        "streams": streams.collect::<Value>(),
        "segments": segments,
        "bytes": bytes,
        "damage": damage.as_ref().map(|damage| of_damage(damage, *at_the_end)),
    })
}

fn of_damage(damage: &Damage, at_the_end: bool) -> Value {
    let Damage { record, file, byte, why, format } = damage;
    json!({
        "file": file.display().to_string(),
        "record": record.0,
        "byte": byte,
        "why": why,
        "at_the_end": at_the_end,
        "unknown_format": format,
    })
}

fn hex(hash: &Hash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}
