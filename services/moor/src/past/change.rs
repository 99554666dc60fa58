//! What became of things, field by field.

use mooring_proto::dataplane::v1::{Change, Thing};
use serde_json::{Value, json};

use super::section::{Shown, labels, shown};
use crate::{failure::Failure, labels::Labels};

/// One thing on both sides. Of both at least one is there.
struct Compared {
    before: Option<Shown>,
    after: Option<Shown>,
}

/// A row for each change: what became of it, its kind, which one, and how.
pub fn rows(changes: &[Change]) -> Result<Vec<Vec<String>>, Failure> {
    let then = labels(changes.iter().filter_map(|change| change.before.as_ref()));
    let now = labels(changes.iter().filter_map(|change| change.after.as_ref()));
    changes.iter().map(|change| Ok(compared(change)?.cells(&then, &now))).collect()
}

/// The same for programs, with all of it before and after.
pub fn json(changes: &[Change]) -> Result<Value, Failure> {
    changes.iter().map(|change| Ok(compared(change)?.json())).collect()
}

fn compared(change: &Change) -> Result<Compared, Failure> {
    let side = |thing: &Thing| shown(thing, &labels([thing].into_iter()));
    let before = change.before.as_ref().map(side).transpose()?;
    let after = change.after.as_ref().map(side).transpose()?;
    Ok(Compared { before, after })
}

impl Compared {
    fn how(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        }
    }

    fn cells(&self, then: &Labels, now: &Labels) -> Vec<String> {
        let thing = self.after.as_ref().or(self.before.as_ref());
        let fields = self.fields().into_iter().map(|(field, before, after)| {
            format!("{field}: {} → {}", short(before, then), short(after, now))
        });
        let details = match (&self.before, &self.after) {
            (Some(_), Some(_)) => fields.collect::<Vec<_>>().join(", "),
            _ => thing.map(|thing| thing.brief.clone()).unwrap_or_default(),
        };
        let (word, label) = thing.map(|thing| (thing.word, thing.label.clone())).unwrap_or_default();
        vec![self.how().to_owned(), word.to_owned(), label, details]
    }

    fn json(&self) -> Value {
        let thing = self.after.as_ref().or(self.before.as_ref());
        let fields = self
            .fields()
            .into_iter()
            .map(|(field, before, after)| json!({"field": field, "before": before, "after": after}));
        json!({
            "change": self.how(),
            "kind": thing.map(|thing| thing.key),
            "name": thing.map(|thing| &thing.name),
            "label": thing.map(|thing| &thing.label),
            "fields": fields.collect::<Value>(),
            "before": self.before.as_ref().map(|thing| &thing.value),
            "after": self.after.as_ref().map(|thing| &thing.value),
        })
    }

    /// What differs in a thing that was there at both moments. Its position only where nothing else does.
    fn fields(&self) -> Vec<(&str, &Value, &Value)> {
        let before = self.before.as_ref().and_then(|thing| thing.value.as_object());
        let after = self.after.as_ref().and_then(|thing| thing.value.as_object());
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
