//! `moor replay`: a region as it was, folded from its log where it lies.

mod namespace;
mod nft;
mod step;
mod vpc;

use clap::{Args, ValueEnum};
use mooring_domain::name::RegionId;
use mooring_past::{Folded, Last};
use serde_json::{Map, Value, json};

use crate::{
    failure::Failure,
    invocation::Invocation,
    past::{Place, sections},
    resolve::Argument,
    wire,
};

/// Show a region as it was: resources, bindings, holders and the NAT table, from its log where it lies
///
/// No server is asked. The log may be that of a stopped system, a backup, or one that a process is writing: nothing in it is
/// locked or changed. With --project only that project's things are shown, beside the pools and gateways of the region.
#[derive(Debug, Args)]
pub struct Replay {
    /// The log: file:FOLDER or FOLDER, a data folder or the folder of one region's log
    place: String,
    /// Up to where: POSITION, POSITION.INDEX, a time as in RFC 3339 (the last commit recorded at or before it), or end
    #[arg(long, value_name = "MOMENT", default_value = "end")]
    at: String,
    /// Go commit by commit, with what each one changed
    #[arg(long, conflicts_with = "at")]
    step: bool,
    /// With --step: only the commits after this moment
    #[arg(long, value_name = "MOMENT", default_value = "0", requires = "step")]
    from: String,
    /// With --step: only the commits up to this moment
    #[arg(long, value_name = "MOMENT", default_value = "end", requires = "step")]
    to: String,
    /// Print what the kernel of a gateway should have had for a VPC, in this form. What stands in it as a comment the
    /// form can't say
    #[arg(long = "as", value_name = "FORM", conflicts_with = "step")]
    form: Option<Form>,
    /// Put it into the kernel of a router namespace that is made for it, with a namespace beyond each of its links
    /// (NAME-inside, NAME-outside), so that packets can be sent through it; all are gone again when this ends
    #[arg(long, value_name = "NAME", conflicts_with_all = ["step", "form"])]
    in_namespace: Option<String>,
    #[command(flatten)]
    chosen: vpc::Chosen,
}

/// A form for what a kernel should have had.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// A ruleset that the nft command loads
    Nft,
}

impl Replay {
    /// Prints it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = Place::find(&self.place, &moor.home)?;
        if self.step {
            let (from, to) = (Argument::new("--from", &self.from), Argument::new("--to", &self.to));
            return step::run(moor, &place, from, to);
        }
        let folded = place.fold(Argument::new("--at", &self.at))?;
        if let Some(Form::Nft) = self.form {
            return nft::run(moor, &folded, &self.chosen);
        }
        if let Some(name) = &self.in_namespace {
            return namespace::run(moor, &folded, &self.chosen, name).await;
        }
        let things: Vec<_> = folded.things(moor.home.project.as_ref()).collect();
        let sections = sections(&things)?;
        let region = folded.region().or(place.region.as_ref());
        let mut text = vec![format!("{} at {}", region_of(region), sentence(&folded))];
        text.extend(sections.iter().filter_map(|section| section.text()));
        if text.len() == 1 {
            text.push("nothing is there yet".to_owned());
        }
        let mut value = moment(&folded);
        value.insert("region".to_owned(), region.map(RegionId::as_str).into());
        value.insert("log".to_owned(), place.to_string().into());
        value.extend(sections.iter().map(|section| (section.key.to_owned(), section.json())));
        moor.output.say(&text.join("\n\n"), &Value::Object(value))
    }
}

/// The region, for people.
pub fn region_of(region: Option<&RegionId>) -> String {
    region.map_or_else(|| "a region without a name yet".to_owned(), |region| format!("region {region}"))
}

/// Where the fold stands, for people.
pub fn sentence(folded: &Folded) -> String {
    folded.last.as_ref().map_or_else(|| "0, before everything".to_owned(), sentence_of)
}

/// A commit, for people.
fn sentence_of(last: &Last) -> String {
    let (time, stream) = (wire::time_ns(last.recorded_at.0), last.stream.name());
    format!("{}, recorded {time} by {} ({stream})", last.at, last.actor.0)
}

/// Where the fold stands, for programs.
pub fn moment(folded: &Folded) -> Map<String, Value> {
    moment_of(folded.last.as_ref())
}

fn moment_of(last: Option<&Last>) -> Map<String, Value> {
    let fields = [
        ("position", json!(last.map_or(0, |last| last.at.position.0))),
        ("index", json!(last.map(|last| last.at.index))),
        ("recorded_at", json!(last.map(|last| wire::time_ns(last.recorded_at.0)))),
        ("stream", json!(last.map(|last| last.stream.name()))),
        ("actor", json!(last.map(|last| &*last.actor.0))),
        ("request_id", json!(last.and_then(|last| last.request_id).map(|id| id.0.to_string()))),
    ];
    fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}
