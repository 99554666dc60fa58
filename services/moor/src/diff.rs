//! `moor diff`: what changed in a region between two moments of its log.

use clap::Args;
use mooring_domain::name::RegionId;
use mooring_past::changes;
use serde_json::json;

use crate::{
    failure::Failure,
    invocation::Invocation,
    past::{Place, change_rows, changes_json},
    replay::{moment, region_of, sentence},
    resolve::Argument,
    table,
};

/// Show what changed in a region between two moments of its log: a line for each thing that was added, removed or changed
///
/// A moment is POSITION, POSITION.INDEX, a time as in RFC 3339 (the last commit recorded at or before it), or end; 0 is
/// before everything. From a later one to an earlier one it is what going back would change. As with `moor replay` no server
/// is asked, nothing is locked or changed, and --project leaves out what is not that project's.
#[derive(Debug, Args)]
pub struct Diff {
    /// The log: file:FOLDER or FOLDER, a data folder or the folder of one region's log
    place: String,
    /// From this moment
    #[arg(value_name = "A")]
    from: String,
    /// to this one
    #[arg(value_name = "B")]
    to: String,
}

impl Diff {
    /// Prints it.
    pub fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = Place::find(&self.place, &moor.home)?;
        let from = place.fold(Argument::new("A", &self.from))?;
        let to = place.fold(Argument::new("B", &self.to))?;
        let changes: Vec<_> = changes(&from, &to, moor.home.project.as_ref()).collect();
        let region = to.region().or(from.region()).or(place.region.as_ref());
        let head = format!("{}\nfrom {}\nto   {}", region_of(region), sentence(&from), sentence(&to));
        let rows = change_rows(&changes)?;
        let text = match rows.is_empty() {
            true => format!("{head}\n\nnothing changed"),
            false => format!("{head}\n\n{}", table::of_rows(&["CHANGE", "KIND", "WHICH", "HOW"], &rows)),
        };
        let value = json!({
            "region": region.map(RegionId::as_str),
            "log": place.to_string(),
            "from": moment(&from),
            "to": moment(&to),
            "changes": changes_json(&changes)?,
        });
        moor.output.say(&text, &value)
    }
}
