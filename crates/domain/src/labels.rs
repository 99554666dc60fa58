//! What a project writes on its own things: labels, for programs to find them by, and a description, for people.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::name::BadName;

/// At most this many labels on one thing.
pub const MAX_LABELS: usize = 20;

/// The shape of a label's key.
pub const KEY_RULE: &str = "1–63 characters of a–z, 0–9, '.', '_', '/' and '-', a letter or digit first";

/// The shape of a label's value.
pub const VALUE_RULE: &str = "at most 63 characters, none of them a control character";

/// The shape of a [`Description`].
pub const DESCRIPTION_RULE: &str = "at most 256 characters, none of them a control character";

/// Keys and values, in the order of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

/// These are no labels: which one, and the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadLabels(String);

impl Labels {
    /// These labels; of a key that is there twice the last value counts.
    ///
    /// # Errors
    /// More than [`MAX_LABELS`], or one that breaks [`KEY_RULE`] or [`VALUE_RULE`].
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, BadLabels> {
        let pairs: BTreeMap<String, String> = pairs.into_iter().collect();
        if pairs.len() > MAX_LABELS {
            return Err(BadLabels(format!("{} labels are too many, {MAX_LABELS} at most", pairs.len())));
        }
        for (key, value) in &pairs {
            if !is_key(key) {
                return Err(BadLabels(format!("key {key:?}: expected {KEY_RULE}")));
            }
            if !is_value(value) {
                return Err(BadLabels(format!("value {value:?} of {key}: expected {VALUE_RULE}")));
            }
        }
        Ok(Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect()))
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        self.0.get(found).map(|(_, value)| &**value)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_key(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '/' | '-');
    (1..=63).contains(&key.len())
        && key.chars().all(fits)
        && key.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn is_value(value: &str) -> bool {
    is_text(value, 63)
}

fn is_text(text: &str, longest: usize) -> bool {
    text.chars().count() <= longest && !text.chars().any(char::is_control)
}

/// What people say about a thing: [`DESCRIPTION_RULE`]. May be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Description(Arc<str>);

impl Description {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Description {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        match is_text(text, 256) {
            true => Ok(Self(text.into())),
            false => Err(BadName { expected: DESCRIPTION_RULE.into() }),
        }
    }
}
