//! The value in a filter, by what its field is: in the one spelling that answers have, or refused where it could never be true.

use std::net::IpAddr;

use mooring_domain::address;
use uuid::Uuid;

/// What a field's values are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// The value of a label, which not everything has.
    Label,
    /// The full name of a thing of this collection.
    Name(&'static str),
    /// An IP address.
    Address,
    /// A block of addresses.
    Block,
    /// A MAC address.
    Mac,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// `true` or `false`.
    Flag,
}

impl Kind {
    /// The value as answers spell it. Empty is what is not set.
    pub(super) fn spelled(self, value: &str) -> Result<String, String> {
        match self {
            Self::Text | Self::Label => Ok(value.to_owned()),
            Self::Word(words) => one_of(value, &words()),
            Self::Flag => one_of(value, &["true", "false"]),
            _ if value.is_empty() => Ok(String::new()),
            Self::Name(collection) => name(value, collection),
            Self::Address => {
                let address = value.parse().map(|address: IpAddr| address.to_string());
                address.map_err(|_| format!("{value:?} is no IP address"))
            }
            Self::Block => block(value),
            Self::Mac => mac(value),
        }
    }
}

fn one_of(value: &str, words: &[&str]) -> Result<String, String> {
    match words.contains(&value) {
        true => Ok(value.to_owned()),
        false => Err(format!("{value:?} is none of its words: {}", words.join(", "))),
    }
}

fn block(value: &str) -> Result<String, String> {
    match address::block(value) {
        Ok(block) if block == block.trunc() => Ok(block.to_string()),
        Ok(block) => Err(format!("{block} has bits set after its prefix; write {}", block.trunc())),
        Err(error) => Err(format!("{value:?}: {error}")),
    }
}

/// A full name, or its last part alone, which is an id. Display names are another field, of what is named.
fn name(value: &str, collection: &str) -> Result<String, String> {
    let (parent, last) = match value.rsplit_once('/') {
        Some((parent, last)) => (Some(parent), last),
        None => (None, value),
    };
    if let Some(parent) = parent.filter(|parent| parent.rsplit('/').next() != Some(collection)) {
        return Err(format!("{parent:?} holds no {collection}: expected the name of one, or its id"));
    }
    let Ok(id) = Uuid::try_parse(last) else {
        return Err(format!(
            "{last:?} is no id: what is called so is found among the {collection}, by display_name or instance, and asked \
             for by its name or id here"
        ));
    };
    Ok(parent.map_or_else(|| id.to_string(), |parent| format!("{parent}/{id}")))
}

/// Also with dashes between its pairs.
fn mac(value: &str) -> Result<String, String> {
    let mac = value.replace('-', ":").parse().map(|mac: address::Mac| mac.to_string());
    mac.map_err(|error| format!("{value:?}: {error}"))
}
