//! Messages of the API as JSON, with the field names of `proto/`. Read off the descriptors, so that no field is missed:
//! enums are their words without the prefix, ids, MACs and addresses are text, times are RFC 3339 with nanoseconds.

use std::sync::LazyLock;

use mooring_proto::DESCRIPTORS;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage, Value as Field,
};
use serde_json::{Map, Value, json};

use crate::{failure::Failure, wire};

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).ok());

/// A message as JSON; `proto` is its full name, such as `mooring.resource.v1.Eip`.
pub fn of(proto: &str, message: &impl prost::Message) -> Result<Value, Failure> {
    let descriptor = POOL.as_ref().and_then(|pool| pool.get_message_by_name(proto));
    let descriptor = descriptor.ok_or_else(|| Failure::bad_answer(format!("{proto} is not in this moor")))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice());
    let dynamic = dynamic.map_err(|cause| Failure::bad_answer(format!("{proto} can't be read: {cause}")))?;
    Ok(of_message(&dynamic))
}

/// The name of an event's kind by its number in `mooring.event.v1.Event`, if this version has one.
pub fn event_kind(number: u32) -> Option<String> {
    Some(event()?.get_field(number)?.name().to_owned())
}

/// The fields in the stored bytes of an event that this version does not know, as `Message.number`.
pub fn unknown_fields(stored: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(message) = event().and_then(|event| DynamicMessage::decode(event, stored).ok()) {
        collect_unknown(&message, &mut found);
    }
    found
}

fn event() -> Option<MessageDescriptor> {
    POOL.as_ref()?.get_message_by_name("mooring.event.v1.Event")
}

fn collect_unknown(message: &DynamicMessage, found: &mut Vec<String>) {
    let name = message.descriptor().name().to_owned();
    found.extend(message.unknown_fields().map(|field| format!("{name}.{}", field.number())));
    for (_, value) in message.fields() {
        match value {
            Field::Message(inner) => collect_unknown(inner, found),
            Field::List(items) => {
                items.iter().filter_map(Field::as_message).for_each(|inner| collect_unknown(inner, found));
            }
            _ => {}
        }
    }
}

fn of_message(message: &DynamicMessage) -> Value {
    let descriptor = message.descriptor();
    match (descriptor.full_name(), descriptor.fields().next()) {
        ("mooring.event.v1.Address", Some(octets)) => text(&message.get_field(&octets), wire::ip),
        ("mooring.event.v1.Cidr", _) => of_cidr(message),
        ("mooring.event.v1.Event", _) if message.fields().next().is_none() => json!({"unknown": {}}),
        _ => {
            let shown = descriptor.fields().filter(|field| in_a_chosen_oneof(message, field));
            Value::Object(
                shown
                    .map(|field| (field.name().to_owned(), of_field(message, &field)))
                    .collect::<Map<_, _>>(),
            )
        }
    }
}

/// Of a oneof only what is set is shown; a lone optional field is a oneof for protobuf only.
fn in_a_chosen_oneof(message: &DynamicMessage, field: &FieldDescriptor) -> bool {
    let alone = field.containing_oneof().is_none_or(|oneof| oneof.fields().len() == 1);
    alone || message.has_field(field)
}

fn of_field(message: &DynamicMessage, field: &FieldDescriptor) -> Value {
    if field.supports_presence() && !message.has_field(field) {
        return Value::Null;
    }
    of_value(field, &message.get_field(field))
}

fn of_value(field: &FieldDescriptor, value: &Field) -> Value {
    match value {
        Field::U64(nanos) if field.name().ends_with("_at") => match nanos {
            0 => Value::Null,
            nanos => wire::time_ns(*nanos).into(),
        },
        Field::Bool(value) => (*value).into(),
        Field::I32(value) => (*value).into(),
        Field::I64(value) => (*value).into(),
        Field::U32(value) => (*value).into(),
        Field::U64(value) => (*value).into(),
        Field::F32(value) => (*value).into(),
        Field::F64(value) => (*value).into(),
        Field::String(value) => value.as_str().into(),
        // Of an element without one.
        Field::Bytes(octets) if field.name() == "mac" && octets.is_empty() => Value::Null,
        Field::Bytes(_) if field.name() == "mac" => text(value, wire::mac),
        Field::Bytes(_) if field.name().ends_with("hash") => text(value, wire::hash),
        Field::Bytes(_) => text(value, wire::id),
        Field::EnumNumber(number) => match field.kind() {
            Kind::Enum(kind) => of_enum(&kind, *number),
            _ => (*number).into(),
        },
        Field::Message(inner) => of_message(inner),
        Field::List(items) => items.iter().map(|item| of_value(field, item)).collect(),
        Field::Map(entries) => {
            let pair = |(key, value): (&MapKey, &Field)| Some((key.as_str()?.to_owned(), text_of(value)?));
            Value::Object(entries.iter().filter_map(pair).collect())
        }
    }
}

/// Maps of the API are from text to text.
fn text_of(value: &Field) -> Option<Value> {
    value.as_str().map(Value::from)
}

/// `IN_USE` for `STATE_IN_USE`; a number that this moor does not know stays a number.
fn of_enum(kind: &EnumDescriptor, number: i32) -> Value {
    kind.get_value(number).map_or(number.into(), |value| {
        let word = value.name();
        word.strip_prefix(&prefix(kind)).unwrap_or(word).into()
    })
}

/// What each word of an enum begins with: `CLAIM_POLICY_` for `ClaimPolicy`.
fn prefix(kind: &EnumDescriptor) -> String {
    let mut prefix = String::new();
    for letter in kind.name().chars() {
        if letter.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    prefix + "_"
}

fn of_cidr(message: &DynamicMessage) -> Value {
    let network = message.get_field_by_name("network");
    let length = message.get_field_by_name("prefix_length");
    let network = network.as_deref().and_then(Field::as_message).map(of_message);
    match (network, length.as_deref().and_then(Field::as_u32)) {
        (Some(Value::String(network)), Some(length)) => format!("{network}/{length}").into(),
        _ => Value::Null,
    }
}

fn text(value: &Field, read: fn(&[u8]) -> String) -> Value {
    value.as_bytes().map_or(Value::Null, |octets| read(octets).into())
}

#[cfg(test)]
mod tests {
    use mooring_proto::{binding, dataplane, event, resource};

    use super::*;

    #[test]
    fn an_eip_has_every_field_of_the_api_and_its_state_as_a_word() {
        let eip = resource::v1::Eip {
            name: "projects/shop/regions/r1/eips/01976e2a-0000-7000-8000-000000000001".into(),
            display_name: "web".into(),
            address: "203.0.113.7".into(),
            state: resource::v1::eip::State::InUse.into(),
            position: 12,
            labels: [("env", "prod"), ("tier", "")].map(|(key, value)| (key.into(), value.into())).into(),
            ..Default::default()
        };
        let expected = json!({
            "name": "projects/shop/regions/r1/eips/01976e2a-0000-7000-8000-000000000001",
            "display_name": "web", "address": "203.0.113.7", "pool": "", "state": "IN_USE", "binding": "",
            "position": 12, "description": "", "labels": {"env": "prod", "tier": ""}, "delete_protection": false,
            "cooling_ends_at": null,
        });
        assert_eq!(of("mooring.resource.v1.Eip", &eip).unwrap(), expected);
    }

    #[test]
    fn a_commit_shows_ids_addresses_and_times_as_text_and_only_the_event_that_happened() {
        let address = |octets: [u8; 4]| Some(event::v1::Address { octets: octets.to_vec().into() });
        let subnet = event::v1::SubnetCreated {
            subnet_id: vec![1; 16].into(),
            vpc_id: vec![2; 16].into(),
            project: "shop".into(),
            region: "r1".into(),
            display_name: "web".into(),
            cidr: Some(event::v1::Cidr { network: address([10, 0, 1, 0]), prefix_length: 24 }),
            gateway_address: address([10, 0, 1, 1]),
            reserved: Vec::new(),
        };
        let commit = dataplane::v1::Commit {
            position: 3,
            recorded_at: 1_795_181_156_123_456_789,
            events: vec![event::v1::Event { kind: Some(event::v1::event::Kind::SubnetCreated(subnet)) }],
            ..Default::default()
        };
        let json = of("mooring.dataplane.v1.Commit", &commit).unwrap();
        assert_eq!(json["recorded_at"], "2026-11-20T13:25:56.123456789Z");
        let expected = json!([{"subnet_created": {
            "subnet_id": "01010101-0101-0101-0101-010101010101", "vpc_id": "02020202-0202-0202-0202-020202020202",
            "project": "shop", "region": "r1", "display_name": "web", "cidr": "10.0.1.0/24",
            "gateway_address": "10.0.1.1", "reserved": [],
        }}]);
        assert_eq!(json["events"], expected);
    }

    #[test]
    fn what_is_unset_is_null_and_an_unknown_event_is_said() {
        let gateway = binding::v1::Gateway { name: "regions/r1/gateways/gw-1".into(), ..Default::default() };
        assert_eq!(of("mooring.binding.v1.Gateway", &gateway).unwrap()["report_age_ms"], Value::Null);
        let json = of("mooring.event.v1.Event", &event::v1::Event { kind: None }).unwrap();
        assert_eq!(json, json!({"unknown": {}}));
        let rejected = event::v1::ClaimRejected {
            claim: Some(event::v1::Claim { mac: vec![2; 6].into(), ..Default::default() }),
            ..Default::default()
        };
        let json = of("mooring.event.v1.ClaimRejected", &rejected).unwrap();
        assert_eq!((&json["vnic"], &json["claim"]["mac"]), (&Value::Null, &json!("02:02:02:02:02:02")));
    }

    #[test]
    fn every_enum_of_the_api_has_states_that_are_shown_as_short_words() {
        let pool = POOL.as_ref().unwrap();
        let enums: Vec<_> =
            pool.all_enums().filter(|kind| kind.full_name().starts_with("mooring.")).collect();
        assert!(!enums.is_empty());
        for kind in enums {
            for value in kind.values() {
                assert!(value.name().starts_with(&prefix(&kind)), "{}: {}", kind.full_name(), value.name());
            }
        }
    }
}
