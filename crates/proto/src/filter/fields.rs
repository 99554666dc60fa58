//! What a filter can ask for, by kind of thing: fields of the API's message under their own names, enums by their words.

use std::borrow::Cow;

use super::value::Kind::{self, Address, Block, Flag, Label, Mac, Name, Text, Word};
use crate::{binding::v1 as binding, health::v1 as health, resource::v1 as resource};

/// A field of a kind of thing.
pub struct Field {
    /// As in the API; `labels.KEY` stands for the labels, one by one.
    name: &'static str,
    /// What its values are.
    pub(super) kind: Kind,
    /// Whether a list can be ordered by it: then it has one value.
    ordered: bool,
}

/// A thing that a filter can look at.
pub trait Fields {
    /// The fields there are.
    const FIELDS: &'static [Field];
    /// The values of one of them; several for a list, none for what is not set.
    fn values(&self, field: &str) -> Vec<Cow<'_, str>>;

    /// The field of this name: `labels.KEY` is one for every key.
    fn field(name: &str) -> Option<&'static Field> {
        let labelled = name.strip_prefix("labels.").is_some_and(|key| !key.is_empty());
        Self::FIELDS.iter().find(|field| match field.name {
            LABELS => labelled,
            known => known == name,
        })
    }

    /// The names there are, for people.
    fn names() -> String {
        Self::FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
    }

    /// Those that a list can be ordered by.
    fn ordered() -> impl Iterator<Item = &'static str> {
        Self::FIELDS.iter().filter(|field| field.ordered).map(|field| field.name)
    }
}

/// Stands for the labels, one by one.
const LABELS: &str = "labels.KEY";

/// `IN_USE` for `STATE_IN_USE`.
fn word(name: &'static str, prefix: &str) -> Vec<Cow<'static, str>> {
    vec![Cow::Borrowed(name.strip_prefix(prefix).unwrap_or(name))]
}

fn flag(value: bool) -> Vec<Cow<'static, str>> {
    vec![Cow::Borrowed(if value { "true" } else { "false" })]
}

/// Every word of an enum but that for what is not set.
macro_rules! words {
    ($of:ty, $prefix:literal) => {
        Word(|| {
            let all = (1..).map_while(|number| <$of>::try_from(number).ok());
            all.map(|one| one.as_str_name().strip_prefix($prefix).unwrap_or_default()).collect()
        })
    };
}

macro_rules! fields {
    ($($message:path {
        $($field:ident: $kind:expr),*
        $(; $($name:literal: $other:expr => |$this:ident, $key:ident| $values:expr),*)?
    })*) => {$(
        impl Fields for $message {
            const FIELDS: &'static [Field] = &[
                $(Field { name: stringify!($field), kind: $kind, ordered: true },)*
                $($(Field { name: $name, kind: $other, ordered: false },)*)?
            ];
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
        name: Name("pools"), display_name: Text;
        "cidrs": Block => |pool, _key| pool.cidrs.iter().map(|cidr| Cow::Borrowed(cidr.as_str())).collect(),
        "state": words!(resource::pool::State, "STATE_") => |pool, _key| word(pool.state().as_str_name(), "STATE_")
    }
    resource::Vpc { name: Name("vpcs"), display_name: Text }
    resource::Subnet {
        name: Name("subnets"), display_name: Text, vpc: Name("vpcs"), cidr: Block, gateway_address: Address
    }
    resource::Vnic {
        name: Name("vnics"), instance: Text, subnet: Name("subnets"), vpc: Name("vpcs"), mac: Mac, address: Address
    }
    resource::Havip {
        name: Name("havips"), display_name: Text, subnet: Name("subnets"), address: Address, vpc: Name("vpcs"),
        binding: Name("bindings");
        "members": Name("vnics") => |havip, _key| {
            havip.members.iter().map(|member| Cow::Borrowed(member.as_str())).collect()
        },
        "claim_policy": words!(resource::havip::ClaimPolicy, "CLAIM_POLICY_") => |havip, _key| {
            word(havip.claim_policy().as_str_name(), "CLAIM_POLICY_")
        },
        "announce": Flag => |havip, _key| flag(havip.announce)
    }
    resource::Eip {
        name: Name("eips"), display_name: Text, address: Address, pool: Name("pools"), binding: Name("bindings"),
        description: Text;
        "state": words!(resource::eip::State, "STATE_") => |eip, _key| word(eip.state().as_str_name(), "STATE_"),
        "delete_protection": Flag => |eip, _key| flag(eip.delete_protection),
        "labels.KEY": Label => |eip, key| {
            let value = key.strip_prefix("labels.").and_then(|key| eip.labels.get(key));
            value.map(|value| Cow::Borrowed(value.as_str())).into_iter().collect()
        }
    }
    binding::Binding {
        name: Name("bindings"), eip: Name("eips"), havip: Name("havips"), eip_address: Address,
        havip_address: Address, vpc: Name("vpcs");
        "state": words!(binding::binding::State, "STATE_") => |binding, _key| {
            word(binding.state().as_str_name(), "STATE_")
        }
    }
    health::Holder {
        havip: Name("havips"), address: Address, vpc: Name("vpcs"), vnic: Name("vnics"), instance: Text, mac: Mac,
        gateway: Text;
        "state": words!(health::holder::State, "STATE_") => |holder, _key| {
            word(holder.state().as_str_name(), "STATE_")
        }
    }
}
