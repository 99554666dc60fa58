//! `moor log compat`: whether this version can read a log, and what is in it that it does not know.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use clap::Args;
use mooring_domain::{CommitPosition, Position, Stream};
use mooring_event_log::{Record, Walked, segments::FORMAT_VERSION, walk};
use mooring_proto::stored;
use serde_json::{Value, json};

use crate::{failure::Failure, invocation::Invocation, json, past::Place, table};

/// The version that says so.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Say whether this version can read a log: its formats, its kinds of events, and which of them are unknown here
///
/// Exit code 6 (UNREADABLE) where it can't: a start of this version on the log is refused, and a process that follows it stops at
/// the first event that it does not know. The log may be that of a stopped system, a backup, or one that a process is writing.
#[derive(Debug, Args)]
pub struct Compat {
    /// The log: file:FOLDER or FOLDER, a data folder or the folder of one region's log
    place: String,
}

/// What a log has in it.
#[derive(Default)]
struct Contents {
    /// By number.
    kinds: BTreeMap<u32, Kind>,
    /// Streams of no service that this version knows.
    streams: BTreeSet<String>,
    /// Fields of known messages that this version does not know, and would not see: by message and number.
    fields: BTreeMap<String, u64>,
    /// What a reader stops at.
    obstacle: Option<(CommitPosition, String)>,
}

/// Events of one kind.
struct Kind {
    /// Its name; none where this version has none for it.
    name: Option<String>,
    events: u64,
    first: CommitPosition,
}

impl Compat {
    /// Prints it; a failure where the log can't be read.
    pub fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = Place::find(&self.place, &moor.home)?;
        let mut contents = Contents::default();
        let walked = walk(&place.folder, |record| {
            contents.record(record);
            ControlFlow::Continue(())
        })?;
        if walked.segments == 0 {
            return Err(Failure::no_log("PLACE", &format!("there is no segment in {place}")));
        }
        moor.output.say(&contents.text(&place, &walked), &contents.json(&place, &walked))?;
        match (&contents.obstacle, &walked.damage) {
            (Some((at, why)), _) => Err(Failure::incompatible(*at, why)),
            (None, Some(damage)) => Err(Failure::damaged_log(
                damage,
                "what stands behind that is not known; `moor log verify` says more",
            )),
            (None, None) => Ok(()),
        }
    }
}

impl Contents {
    fn record(&mut self, record: &Record) {
        let stream = record.stream.as_str();
        let known = Stream::ALL.into_iter().any(|known| known.name() == stream);
        for (commit, index) in record.commits.iter().zip(0..) {
            let at = CommitPosition { position: Position(record.position.0), index };
            if !known {
                self.streams.insert(stream.to_owned());
                self.stop(at, format!("stream {stream}, which this version does not know"));
            }
            commit.events.iter().for_each(|event| self.event(at, event));
        }
    }

    fn event(&mut self, at: CommitPosition, event: &[u8]) {
        if let Ok(number) = stored::number(event) {
            let new = || Kind { name: json::event_kind(number), events: 0, first: at };
            self.kinds.entry(number).or_insert_with(new).events += 1;
        }
        match stored::decode(event) {
            Err(why) => self.stop(at, why.to_string()),
            Ok(_) => {
                for field in json::unknown_fields(event) {
                    *self.fields.entry(field).or_default() += 1;
                }
            }
        }
    }

    /// The first one counts: no reader comes further.
    fn stop(&mut self, at: CommitPosition, why: String) {
        self.obstacle.get_or_insert((at, why));
    }

    fn text(&self, place: &Place, walked: &Walked) -> String {
        let readable = self.obstacle.is_none() && walked.damage.is_none();
        let can = if readable { "can" } else { "can't" };
        let rows: Vec<_> = self.kinds.iter().map(|(number, kind)| kind.cells(*number)).collect();
        let mut text = format!(
            "{place} {can} be read by this version, {VERSION}: segments of format {FORMAT_VERSION}, up to record {}\n{}",
            walked.whole.position,
            table::of_rows(&["KIND", "NUMBER", "EVENTS", "FIRST"], &rows)
        );
        for (field, events) in &self.fields {
            text += &format!("\nfield {field} of {events} events is not known here, and not looked at");
        }
        text
    }

    fn json(&self, place: &Place, walked: &Walked) -> Value {
        let kinds = self.kinds.iter().map(|(number, kind)| {
            let Kind { name, events, first } = kind;
            json!({
                "number": number, "name": name, "known": name.is_some(), "events": events, "first": first.to_string(),
            })
        });
        let obstacle = self.obstacle.as_ref().map(|(at, why)| json!({"at": at.to_string(), "why": why}));
        json!({
            "log": place.to_string(),
            "version": VERSION,
            "readable": self.obstacle.is_none() && walked.damage.is_none(),
            "format": FORMAT_VERSION,
            "unknown_format": walked.damage.as_ref().and_then(|damage| damage.format),
            "last": walked.whole.position.0,
            "kinds": kinds.collect::<Value>(),
            "unknown_streams": self.streams,
            "unknown_fields": self.fields,
            "stops_at": obstacle,
        })
    }
}

impl Kind {
    fn cells(&self, number: u32) -> Vec<String> {
        let name = self.name.clone().unwrap_or_else(|| "unknown here".to_owned());
        vec![name, number.to_string(), self.events.to_string(), self.first.to_string()]
    }
}
