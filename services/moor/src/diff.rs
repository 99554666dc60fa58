//! `moor diff`: what changed in a region between two moments of its log, or differs between a moment and kernels now.

mod kernel;

use clap::Args;
use mooring_domain::name::RegionId;
use mooring_past::changes;
use mooring_proto::dataplane::v1::{Change, Moment};
use serde_json::json;

use crate::{
    failure::Failure,
    gateway::asked::Gateways,
    invocation::Invocation,
    past::{change_rows, changes_json, server},
    replay::{moment, region_of, sentence},
    resolve::Argument,
    table,
};

/// Show what changed in a region between two moments of its log: a line for each thing that was added, removed or changed
///
/// A moment is POSITION, POSITION.INDEX, a time as in RFC 3339 (the last commit recorded at or before it), or end; 0 is
/// before everything. From a later one to an earlier one it is what going back would change. Without PLACE the server is
/// asked; with it no server is, and nothing is locked or changed, as with `moor replay`. --project leaves out what is not
/// that project's.
///
/// With `kernel` as B it is what the kernels of a gateway have otherwise now than they should have had at moment A (the
/// newest, where it is left out): the gateway reads them back. Exit code 5 if anything differs.
#[derive(Debug, Args)]
#[command(override_usage = "moor diff [OPTIONS] [PLACE] <A> <B>\n       moor diff [OPTIONS] [A] kernel")]
pub struct Diff {
    /// PLACE, the log: file:FOLDER or FOLDER, a data folder or the folder of one region's log [default: what the server
    /// follows]; then from moment A to moment B
    #[arg(value_name = "PLACE, A, B", required = true, num_args = 1..=3)]
    words: Vec<String>,
    #[command(flatten)]
    gateways: Gateways,
}

/// What stands for the kernels of a gateway.
const KERNEL: &str = "kernel";

/// What was found, and whence that is known.
struct Found<'a> {
    region: Option<&'a RegionId>,
    log: &'a str,
    from: Moment,
    to: Moment,
    changes: Vec<Change>,
}

impl Diff {
    /// Prints it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let (place, from, to) = match words[..] {
            [.., KERNEL] if moor.log.is_some() => return Err(no_kernel("--log")),
            [KERNEL] => return kernel::run(moor, "end", &self.gateways).await,
            [at, KERNEL] => return kernel::run(moor, at, &self.gateways).await,
            [_, _, KERNEL] => return Err(no_kernel("PLACE")),
            [place, from, to] => (Some(place), from, to),
            [from, to] => (None, from, to),
            _ => return Err(Failure::usage("from which moment to which? Say A and B")),
        };
        let (from, to) = (Argument::new("A", from), Argument::new("B", to));
        let Some(place) = moor.place(place)? else {
            let region = Some(moor.home.region()?);
            let (from, to, changes) = server::diff(moor, from, to).await?;
            let log = &moor.dataplane.server().url;
            return Found { region, log, from, to, changes }.show(moor);
        };
        let (from, to) = (place.fold(from)?, place.fold(to)?);
        let changes = changes(&from, &to, moor.home.project.as_ref()).collect();
        let region = to.region().or(from.region()).or(place.region.as_ref());
        let log = &place.to_string();
        Found { region, log, from: from.moment(), to: to.moment(), changes }.show(moor)
    }
}

fn no_kernel(said: &str) -> Failure {
    Failure::usage(format!("no log has a kernel: a gateway is asked, leave {said} out"))
}

impl Found<'_> {
    fn show(self, moor: &Invocation) -> Result<(), Failure> {
        let Self { region, log, from, to, changes } = self;
        let head = format!("{}\nfrom {}\nto   {}", region_of(region), sentence(&from), sentence(&to));
        let rows = change_rows(&changes)?;
        let text = match rows.is_empty() {
            true => format!("{head}\n\nnothing changed"),
            false => format!("{head}\n\n{}", table::of_rows(&["CHANGE", "KIND", "WHICH", "HOW"], &rows)),
        };
        let value = json!({
            "region": region.map(RegionId::as_str),
            "log": log,
            "from": moment(&from),
            "to": moment(&to),
            "changes": changes_json(&changes)?,
        });
        moor.output.say(&text, &value)
    }
}
