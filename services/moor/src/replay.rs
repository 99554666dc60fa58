//! `moor replay`: a region as it was, as a server tells it or folded from its log where it lies.

mod namespace;
mod nft;
mod step;
mod vpc;

use clap::{Args, ValueEnum};
use mooring_domain::name::RegionId;
use mooring_proto::dataplane::v1::{Moment, Thing};
use serde_json::{Map, Value, json};

use crate::{
    failure::Failure,
    invocation::Invocation,
    past::{Place, sections, server},
    resolve::Argument,
    wire,
};

/// Show a region as it was: resources, bindings, holders and the NAT table
///
/// Without PLACE the server is asked. With it the log is folded where it lies, and no server is asked: it may be that of a
/// stopped system, a backup, or one that a process is writing; nothing in it is locked or changed. With --project only that
/// project's things are shown, beside the pools and gateways of the region.
#[derive(Debug, Args)]
pub struct Replay {
    /// The log: file:FOLDER or FOLDER, a data folder or the folder of one region's log [default: what the server follows]
    place: Option<String>,
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

/// A region as it was, and whence that is known.
pub struct Past {
    region: Option<RegionId>,
    log: String,
    moment: Moment,
    /// Kind by kind; with --project only what is that project's, beside pools and gateways.
    things: Vec<Thing>,
}

impl Replay {
    /// Prints it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = moor.place(self.place.as_deref())?;
        if self.step {
            let (from, to) = (Argument::new("--from", &self.from), Argument::new("--to", &self.to));
            return match place {
                Some(place) => step::of_place(moor, &place, from, to),
                None => step::of_server(moor, from, to).await,
            };
        }
        let at = Argument::new("--at", &self.at);
        let past = match place {
            Some(place) => Past::of_place(moor, &place, at)?,
            None => Past::of_server(moor, at).await?,
        };
        match (&self.form, &self.in_namespace) {
            (Some(Form::Nft), _) => nft::run(moor, &past, &self.chosen),
            (None, Some(name)) => namespace::run(moor, &past, &self.chosen, name).await,
            (None, None) => past.show(moor),
        }
    }
}

impl Past {
    fn of_place(moor: &Invocation, place: &Place, at: Argument<'_>) -> Result<Self, Failure> {
        let folded = place.fold(at)?;
        let things = folded.things(moor.home.project.as_ref()).collect();
        let region = folded.region().or(place.region.as_ref()).cloned();
        Ok(Self { region, log: place.to_string(), moment: folded.moment(), things })
    }

    async fn of_server(moor: &Invocation, at: Argument<'_>) -> Result<Self, Failure> {
        let (moment, things) = server::replay(moor, at).await?;
        let region = Some(moor.home.region()?.clone());
        Ok(Self { region, log: moor.dataplane.server().url.clone(), moment, things })
    }

    /// Prints what there was.
    fn show(&self, moor: &Invocation) -> Result<(), Failure> {
        let sections = sections(&self.things)?;
        let mut text = vec![format!("{} at {}", region_of(self.region.as_ref()), sentence(&self.moment))];
        text.extend(sections.iter().filter_map(|section| section.text()));
        if text.len() == 1 {
            text.push("nothing is there yet".to_owned());
        }
        let mut value = moment(&self.moment);
        value.insert("region".to_owned(), self.region.as_ref().map(RegionId::as_str).into());
        value.insert("log".to_owned(), self.log.clone().into());
        value.extend(sections.iter().map(|section| (section.key.to_owned(), section.json())));
        moor.output.say(&text.join("\n\n"), &Value::Object(value))
    }
}

/// The region, for people.
pub fn region_of(region: Option<&RegionId>) -> String {
    region.map_or_else(|| "a region without a name yet".to_owned(), |region| format!("region {region}"))
}

/// A commit, for people.
pub fn sentence(at: &Moment) -> String {
    match at.position {
        0 => "0, before everything".to_owned(),
        position => {
            let time = wire::time_ns(at.recorded_at);
            format!("{position}.{}, recorded {time} by {} ({})", at.index, at.actor, at.stream)
        }
    }
}

/// A commit, for programs.
pub fn moment(at: &Moment) -> Map<String, Value> {
    let there = at.position > 0;
    let text = |text: &str| (there && !text.is_empty()).then(|| text.to_owned());
    let fields = [
        ("position", json!(at.position)),
        ("index", json!(there.then_some(at.index))),
        ("recorded_at", json!(there.then(|| wire::time_ns(at.recorded_at)))),
        ("stream", json!(text(&at.stream))),
        ("actor", json!(text(&at.actor))),
        ("request_id", json!(text(&at.request_id))),
    ];
    fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}
