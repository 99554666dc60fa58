//! What a filter can ask for, by kind of thing: fields of the API's message under their own names, enums by their words.

use std::borrow::Cow;

use crate::{binding::v1 as binding, health::v1 as health, resource::v1 as resource};

/// A thing that a filter can look at.
pub trait Fields {
    /// The fields there are.
    const NAMES: &'static [&'static str];
    /// Those that a list can be ordered by: each has one value.
    const ORDERED: &'static [&'static str];
    /// The values of one of them; several for a list, none for what is not set.
    fn values(&self, field: &str) -> Vec<Cow<'_, str>>;

    /// Whether there is such a field: `labels.KEY` stands for every key.
    fn has(field: &str) -> bool {
        let labelled = field.strip_prefix("labels.").is_some_and(|key| !key.is_empty());
        Self::NAMES.contains(&field) && field != LABELS || labelled && Self::NAMES.contains(&LABELS)
    }
}

/// Stands for the labels, one by one.
const LABELS: &str = "labels.KEY";

/// `IN_USE` for `STATE_IN_USE`.
fn word(name: &'static str, prefix: &str) -> Vec<Cow<'static, str>> {
    vec![Cow::Borrowed(name.strip_prefix(prefix).unwrap_or(name))]
}

macro_rules! fields {
    ($($message:path { $($field:ident),* $(; $($name:literal => |$this:ident, $key:ident| $values:expr),*)? })*) => {$(
        impl Fields for $message {
            const NAMES: &'static [&'static str] = &[$(stringify!($field),)* $($($name,)*)?];
            const ORDERED: &'static [&'static str] = &[$(stringify!($field),)*];
            fn values(&self, field: &str) -> Vec<Cow<'_, str>> {
                match field {
                    $(stringify!($field) => vec![Cow::Borrowed(self.$field.as_str())],)*
                    $($(field if stands_for($name, field) => {
                        let ($this, $key) = (self, field);
                        let _ = $key;
                        $values
                    })*)?
                    _ => Vec::new(),
                }
            }
        }
    )*};
}

fn stands_for(name: &str, field: &str) -> bool {
    name == field || name == LABELS && field.starts_with("labels.")
}

fields! {
    resource::Pool {
        name, display_name;
        "cidrs" => |pool, _key| pool.cidrs.iter().map(|cidr| Cow::Borrowed(cidr.as_str())).collect(),
        "state" => |pool, _key| word(pool.state().as_str_name(), "STATE_")
    }
    resource::Vpc { name, display_name }
    resource::Subnet { name, display_name, vpc, cidr, gateway_address }
    resource::Vnic { name, instance, subnet, vpc, mac, address }
    resource::Havip {
        name, display_name, subnet, address, vpc, binding;
        "members" => |havip, _key| havip.members.iter().map(|member| Cow::Borrowed(member.as_str())).collect()
    }
    resource::Eip {
        name, display_name, address, pool, binding;
        "state" => |eip, _key| word(eip.state().as_str_name(), "STATE_"),
        "labels.KEY" => |eip, key| {
            let value = key.strip_prefix("labels.").and_then(|key| eip.labels.get(key));
            value.map(|value| Cow::Borrowed(value.as_str())).into_iter().collect()
        }
    }
    binding::Binding {
        name, eip, havip, eip_address, havip_address;
        "state" => |binding, _key| word(binding.state().as_str_name(), "STATE_")
    }
    health::Holder {
        havip, address, vnic, instance, mac, gateway;
        "state" => |holder, _key| word(holder.state().as_str_name(), "STATE_")
    }
}
