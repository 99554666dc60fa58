//! `moor diff`: what changed in a region between two moments of its log.

use std::collections::BTreeMap;

use clap::Args;
use mooring_domain::name::RegionId;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    invocation::Invocation,
    labels::Labels,
    offline::{Place, Section, Thing, labels, sections},
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

/// What became of one thing. Of both sides at least one is there.
struct Change<'a> {
    word: &'static str,
    key: &'static str,
    before: Option<&'a Thing>,
    after: Option<&'a Thing>,
}

impl Diff {
    /// Prints it.
    pub fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = Place::find(&self.place, &moor.home)?;
        let from = place.fold(Argument::new("A", &self.from))?;
        let to = place.fold(Argument::new("B", &self.to))?;
        let project = moor.home.project.as_ref();
        let (before, after) = (sections(&from, project)?, sections(&to, project)?);
        let pairs = before.iter().zip(&after);
        let changes: Vec<_> = pairs.flat_map(|(before, after)| changes(before, after)).collect();
        let region = to.region().or(from.region()).or(place.region.as_ref());
        let head = format!("{}\nfrom {}\nto   {}", region_of(region), sentence(&from), sentence(&to));
        let (then, now) = (labels(&from), labels(&to));
        let rows: Vec<_> = changes.iter().map(|change| change.cells(&then, &now)).collect();
        let text = match rows.is_empty() {
            true => format!("{head}\n\nnothing changed"),
            false => format!("{head}\n\n{}", table::of_rows(&["CHANGE", "KIND", "WHICH", "HOW"], &rows)),
        };
        let value = json!({
            "region": region.map(RegionId::as_str),
            "log": place.to_string(),
            "from": moment(&from),
            "to": moment(&to),
            "changes": changes.iter().map(Change::json).collect::<Value>(),
        });
        moor.output.say(&text, &value)
    }
}

/// What became of the things of one kind: those that were there in their order, then the new ones.
fn changes<'a>(before: &'a Section, after: &'a Section) -> Vec<Change<'a>> {
    let Section { word, key, .. } = *before;
    let there = |section: &'a Section| section.things.iter().filter(|thing| is_there(thing));
    let by_name = |section| there(section).map(|thing| (&*thing.name, thing)).collect::<BTreeMap<_, _>>();
    let (then, now) = (by_name(before), by_name(after));
    let known = there(before).map(|thing| (Some(thing), now.get(&*thing.name).copied()));
    let new = there(after).filter(|thing| !then.contains_key(&*thing.name)).map(|thing| (None, Some(thing)));
    let differ = |(before, after): &(Option<&Thing>, Option<&Thing>)| {
        before.map(|thing| &thing.value) != after.map(|thing| &thing.value)
    };
    known.chain(new).filter(differ).map(|(before, after)| Change { word, key, before, after }).collect()
}

/// A HAVIP that nobody holds has no holder: none comes or goes with it.
fn is_there(thing: &Thing) -> bool {
    thing.value["state"] != "NONE"
}

impl Change<'_> {
    fn how(&self) -> &'static str {
        match (self.before, self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        }
    }

    fn cells(&self, then: &Labels, now: &Labels) -> Vec<String> {
        let thing = self.after.or(self.before);
        let fields = self.fields().into_iter().map(|(field, before, after)| {
            format!("{field}: {} → {}", short(before, then), short(after, now))
        });
        let details = match (self.before, self.after) {
            (Some(_), Some(_)) => fields.collect::<Vec<_>>().join(", "),
            _ => thing.map(|thing| thing.brief.clone()).unwrap_or_default(),
        };
        let label = thing.map(|thing| thing.label.clone()).unwrap_or_default();
        vec![self.how().to_owned(), self.word.to_owned(), label, details]
    }

    fn json(&self) -> Value {
        let thing = self.after.or(self.before);
        let fields = self
            .fields()
            .into_iter()
            .map(|(field, before, after)| json!({"field": field, "before": before, "after": after}));
        json!({
            "change": self.how(),
            "kind": self.key,
            "name": thing.map(|thing| &thing.name),
            "label": thing.map(|thing| &thing.label),
            "fields": fields.collect::<Value>(),
            "before": self.before.map(|thing| &thing.value),
            "after": self.after.map(|thing| &thing.value),
        })
    }

    /// What differs in a thing that was there at both moments. Its position only where nothing else does.
    fn fields(&self) -> Vec<(&str, &Value, &Value)> {
        let before = self.before.and_then(|thing| thing.value.as_object());
        let after = self.after.and_then(|thing| thing.value.as_object());
        let (Some(before), Some(after)) = (before, after) else {
            return Vec::new();
        };
        let pairs =
            before.iter().map(|(field, value)| (&**field, value, after.get(field).unwrap_or(&Value::Null)));
        let mut differ: Vec<_> = pairs.filter(|(_, before, after)| before != after).collect();
        if differ.len() > 1 {
            differ.retain(|(field, ..)| *field != "position");
        }
        differ
    }
}

/// A value for people: names as their last part or display name.
fn short(value: &Value, names: &Labels) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) if text.starts_with("projects/") || text.starts_with("regions/") => {
            names.of(text)
        }
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(|value| short(value, names)).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
