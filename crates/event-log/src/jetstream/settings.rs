//! The settings that a region's JetStream stream must have, and how what a server says it has differs from them.
//!
//! What comes back is compared as the server's own JSON, key by key: a server may silently leave out what it does not
//! know, and may have something that this program does not know. Both are differences.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value, json};

/// For so long a server knows a `Nats-Msg-Id` again, in nanoseconds: two minutes.
const DUPLICATE_WINDOW: u64 = 120_000_000_000;

/// One setting that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name in the API.
    pub setting: Arc<str>,
    /// What it must be.
    pub wanted: Arc<str>,
    /// What the server has.
    pub found: Arc<str>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, wanted, found } = self;
        write!(f, "setting {setting}: wanted {wanted}, the server has {found}")
    }
}

/// The name of a region's JetStream stream.
pub fn name(region: &str) -> String {
    format!("mooring-{region}")
}

/// The subject of one stream in a region.
pub fn subject(region: &str, stream: &str) -> String {
    format!("mooring.{region}.{stream}")
}

/// All subjects of a region, as its JetStream stream takes them.
pub fn subjects(region: &str) -> String {
    subject(region, "*")
}

/// What a request to create the JetStream stream says. Every line is there because one that is left out is the
/// server's to choose.
pub fn wanted(region: &str, replicas: usize) -> Value {
    json!({
        "name": name(region),
        "subjects": [subjects(region)],
        "storage": "file",
        "num_replicas": replicas,
        "retention": "limits",
        "discard": "new",
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "max_consumers": -1,
        "deny_delete": true,
        "deny_purge": true,
        "allow_rollup_hdrs": false,
        "allow_direct": true,
        "duplicate_window": DUPLICATE_WINDOW,
    })
}

/// What may be as it likes: it changes neither what is kept nor in which order.
const FREE: [&str; 4] = ["metadata", "description", "placement", "compression"];

/// Everything in which the settings that a server has differ from the wanted ones. `replicas`: how many there must
/// be; nothing takes any number.
pub fn differences(region: &str, replicas: Option<usize>, found: &Map<String, Value>) -> Vec<Difference> {
    let mut wanted = wanted(region, replicas.unwrap_or(1));
    let Some(wanted) = wanted.as_object_mut() else { return Vec::new() };
    if replicas.is_none() {
        wanted.remove("num_replicas");
    }
    let free = |name: &str| FREE.contains(&name) || (name == "num_replicas" && replicas.is_none());
    let known = wanted.iter().filter(|(name, wanted)| !same(wanted, found.get(*name)));
    let known = known.map(|(name, wanted)| difference(name, wanted.to_string(), found.get(name)));
    let foreign = found
        .iter()
        .filter(|(name, value)| !wanted.contains_key(*name) && !free(name) && !is_off(name, value));
    let foreign = foreign.map(|(name, value)| difference(name, "nothing".to_owned(), Some(value)));
    known.chain(foreign).collect()
}

fn difference(name: &str, wanted: String, found: Option<&Value>) -> Difference {
    let found = found.map_or_else(|| "no such setting".to_owned(), Value::to_string);
    Difference { setting: name.into(), wanted: wanted.into(), found: found.into() }
}

/// A limit of 0 is none, as -1 is, and so is one that was left out; a switch that was left out is off.
fn same(wanted: &Value, found: Option<&Value>) -> bool {
    let no_limit = |value: &Value| matches!(value.as_i64(), Some(-1 | 0));
    match found {
        Some(found) if no_limit(wanted) => no_limit(found),
        Some(found) => found == wanted,
        None => no_limit(wanted) || *wanted == Value::Bool(false),
    }
}

/// A setting that this program does not name, and that changes nothing by its value.
fn is_off(name: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(word) => word.is_empty() || (name == "persist_mode" && word == "default"),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What nats-server 2.15.1 answers for the wanted settings.
    fn good() -> Map<String, Value> {
        let mut found = wanted("r1", 1).as_object().unwrap().clone();
        let added = json!({
            "compression": "none", "mirror_direct": false, "sealed": false, "consumer_limits": {},
            "allow_msg_ttl": false, "metadata": {"_nats.level": "5"},
        });
        found.extend(added.as_object().unwrap().clone());
        found
    }

    fn said(found: &Map<String, Value>) -> Vec<String> {
        differences("r1", Some(1), found).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_server_adds_by_itself_is_no_difference() {
        assert_eq!(said(&good()), Vec::<String>::new());
    }

    #[test]
    fn every_wanted_setting_is_missed_when_it_is_another() {
        for (name, wanted) in wanted("r1", 1).as_object().unwrap() {
            let other = match wanted {
                Value::Bool(on) => json!(!on),
                Value::Number(_) => json!(77),
                _ => json!("other"),
            };
            let mut found = good();
            found.insert(name.clone(), other.clone());
            let expected = format!("setting {name}: wanted {wanted}, the server has {other}");
            assert_eq!(said(&found), [expected]);
        }
    }

    #[test]
    fn a_setting_that_the_server_dropped_is_missed() {
        for name in [
            "deny_delete",
            "deny_purge",
            "allow_direct",
            "discard",
            "storage",
            "duplicate_window",
            "subjects",
        ] {
            let mut found = good();
            found.remove(name);
            let said = said(&found);
            assert!(said[0].starts_with(&format!("setting {name}: wanted ")), "{said:?}");
            assert!(said[0].ends_with("the server has no such setting"), "{said:?}");
        }
    }

    #[test]
    fn a_setting_nobody_asked_for_is_refused_whether_it_is_known_or_not() {
        for (name, value) in [
            ("mirror", json!({"name": "other"})),
            ("sources", json!([{"name": "other"}])),
            ("republish", json!({"src": ">", "dest": "x.>"})),
            ("subject_transform", json!({"src": "a", "dest": "b"})),
            ("sealed", json!(true)),
            ("no_ack", json!(true)),
            ("discard_new_per_subject", json!(true)),
            ("persist_mode", json!("async")),
            ("allow_msg_ttl", json!(true)),
            ("subject_delete_marker_ttl", json!(1_000_000_000)),
            ("allow_msg_counter", json!(true)),
            ("allow_atomic", json!(true)),
            ("first_seq", json!(7)),
            ("something_of_the_future", json!("on")),
        ] {
            let mut found = good();
            found.insert(name.to_owned(), value.clone());
            assert_eq!(said(&found), [format!("setting {name}: wanted nothing, the server has {value}")]);
        }
    }

    #[test]
    fn replicas_are_compared_when_a_number_is_wanted() {
        let mut found = good();
        found.insert("num_replicas".to_owned(), json!(3));
        assert_eq!(differences("r1", None, &found), []);
        assert_eq!(said(&found), ["setting num_replicas: wanted 1, the server has 3"]);
    }
}
