//! Stored events with one field missing or malformed: every field of every message in them, found through the
//! descriptors.

use std::collections::{BTreeMap, BTreeSet};

use mooring_proto::DESCRIPTORS;
use prost::{
    Message,
    encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint},
};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};

/// The package of stored events.
const PACKAGE: &str = "mooring.event.v1";

/// An event that was spoiled.
pub struct Spoiled {
    /// The message and its field, such as `Bound.eip`.
    pub place: String,
    /// How the error must name the field, such as `eip.address`.
    pub named: String,
    /// What is left.
    pub bytes: Vec<u8>,
}

/// The messages of stored events.
pub struct Messages(BTreeMap<String, DescriptorProto>);

/// One field as it stands in a message's bytes.
struct Field {
    number: u32,
    kind: WireType,
    /// The number, or the length and then the payload.
    value: Vec<u8>,
    payload: Vec<u8>,
}

impl Messages {
    /// As `proto/` has them.
    pub fn read() -> Self {
        let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
        let events = files.file.into_iter().filter(|file| file.package() == PACKAGE);
        Self(events.flat_map(|file| file.message_type).map(|m| (m.name().to_owned(), m)).collect())
    }

    /// The kinds of an event: field number and name.
    pub fn kinds(&self) -> BTreeMap<u32, String> {
        let fields = self.0["Event"].field.iter();
        fields.map(|field| (field.number().unsigned_abs(), field.name().to_owned())).collect()
    }

    /// Every field of every message but the event itself.
    pub fn places(&self) -> BTreeSet<String> {
        let messages = self.0.iter().filter(|(name, _)| *name != "Event");
        let places =
            messages.flat_map(|(name, m)| m.field.iter().map(move |f| format!("{name}.{}", f.name())));
        places.collect()
    }

    /// The event with each field in turn left out, and each text or byte string in turn made nonsense.
    pub fn spoil(&self, event: &[u8]) -> Vec<Spoiled> {
        self.spoil_message("Event", "", event)
            .into_iter()
            .filter(|spoiled| !spoiled.bytes.is_empty())
            .collect()
    }

    fn spoil_message(&self, message: &str, within: &str, bytes: &[u8]) -> Vec<Spoiled> {
        let fields = fields_of(bytes);
        let mut all = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let described = self.field(message, field.number);
            let named = named(message, within, described.name());
            let place = format!("{message}.{}", described.name());
            let with = |value: Option<&[u8]>| joined(&fields, index, value);
            let mut add = |bytes| all.push(Spoiled { place: place.clone(), named: named.clone(), bytes });
            add(with(None));
            match described.r#type() {
                Type::String => add(with(Some(b"?"))),
                Type::Bytes => add(with(Some(&[&field.payload[..], &[0]].concat()))),
                Type::Message => {
                    let inner = described.type_name().rsplit('.').next().unwrap();
                    all.extend(self.spoil_message(inner, &named, &field.payload).into_iter().map(
                        |spoiled| Spoiled { bytes: joined(&fields, index, Some(&spoiled.bytes)), ..spoiled },
                    ));
                }
                _ => {}
            }
        }
        all
    }

    fn field(&self, message: &str, number: u32) -> &FieldDescriptorProto {
        self.0[message].field.iter().find(|field| field.number().unsigned_abs() == number).unwrap()
    }
}

/// How an error names a field: addresses and blocks by the field that they are in, facts by what they are about.
fn named(message: &str, within: &str, field: &str) -> String {
    match message {
        "Address" | "Cidr" | "Label" => within.to_owned(),
        "EipFacts" => format!("eip.{field}"),
        "HavipFacts" => format!("havip.{field}"),
        "Vnic" => format!("vnic.{field}"),
        "Claim" => format!("claim.{field}"),
        _ => field.to_owned(),
    }
}

fn fields_of(mut bytes: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (number, kind) = decode_key(&mut bytes).unwrap();
        let start = bytes;
        let varint = decode_varint(&mut bytes).unwrap();
        let payload = match kind {
            WireType::LengthDelimited => {
                bytes.split_off(..usize::try_from(varint).unwrap()).unwrap().to_vec()
            }
            WireType::Varint => Vec::new(),
            other => panic!("{other:?}: stored events have none of those yet"),
        };
        fields.push(Field { number, kind, value: start[..start.len() - bytes.len()].to_vec(), payload });
    }
    fields
}

/// The fields as bytes again, one of them with another payload or left out.
fn joined(fields: &[Field], at: usize, payload: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        match payload {
            None if index == at => {}
            Some(payload) if index == at => {
                encode_key(field.number, field.kind, &mut bytes);
                encode_varint(payload.len() as u64, &mut bytes);
                bytes.extend(payload);
            }
            _ => {
                encode_key(field.number, field.kind, &mut bytes);
                bytes.extend(&field.value);
            }
        }
    }
    bytes
}
