//! The wire format of stored events, one line per field: `Message.number name type`. Lines are only ever added.

use std::collections::BTreeMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// The package of what logs hold.
pub const PACKAGE: &str = "mooring.event.v1";

/// Fields that changed or went away, and new ones that the lock does not have yet.
pub fn findings(files: &FileDescriptorSet, lock: &str) -> Vec<String> {
    let (now, locked) = (lines(files), parsed(lock));
    let mut found = Vec::new();
    for (key, shape) in &locked {
        match now.get(key) {
            Some(same) if same == shape => {}
            Some(other) => {
                found.push(format!("stored {key} was `{shape}` and is `{other}`: old logs would be misread"))
            }
            None => found.push(format!("stored {key} `{shape}` is gone: old logs hold it")),
        }
    }
    let new = now.keys().filter(|key| !locked.contains_key(*key));
    found.extend(new.map(|key| format!("stored {key} is new: enter it with `cargo xtask proto --accept`")));
    found
}

/// The lock with what is new in it. A line that is there never changes.
pub fn with_new(files: &FileDescriptorSet, lock: &str) -> String {
    let mut all = lines(files);
    all.extend(parsed(lock));
    all.iter().map(|(key, shape)| format!("{key} {shape}\n")).collect()
}

fn parsed(lock: &str) -> BTreeMap<String, String> {
    let lines = lock.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(key, shape)| (key.to_string(), shape.to_string())).collect()
}

fn lines(files: &FileDescriptorSet) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for file in files.file.iter().filter(|file| file.package() == PACKAGE) {
        file.message_type.iter().for_each(|message| message_lines("", message, &mut out));
        file.enum_type.iter().for_each(|kind| enum_lines("", kind, &mut out));
    }
    out
}

fn message_lines(within: &str, message: &DescriptorProto, out: &mut BTreeMap<String, String>) {
    let name = format!("{within}{}", message.name());
    for field in &message.field {
        out.insert(format!("{name}.{:05}", field.number()), shape(field));
    }
    let inner = format!("{name}.");
    message.nested_type.iter().for_each(|nested| message_lines(&inner, nested, out));
    message.enum_type.iter().for_each(|kind| enum_lines(&inner, kind, out));
}

fn enum_lines(within: &str, kind: &EnumDescriptorProto, out: &mut BTreeMap<String, String>) {
    for value in &kind.value {
        out.insert(format!("{within}{}={:05}", kind.name(), value.number()), value.name().to_string());
    }
}

fn shape(field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Repeated => "repeated ",
        // An optional field is a oneof of its own in the descriptor.
        _ if field.proto3_optional() => "optional ",
        _ if field.oneof_index.is_some() => "oneof ",
        _ => "",
    };
    let kind = match field.r#type() {
        Type::Message | Type::Enum | Type::Group => field.type_name().trim_start_matches('.').to_string(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    format!("{label}{kind} {}", field.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(body: &str) -> FileDescriptorSet {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("event.proto");
        std::fs::write(&file, format!("syntax = \"proto3\"; package {PACKAGE};\n{body}")).unwrap();
        protox::compile([file], [folder.path()]).unwrap()
    }

    const BEFORE: &str =
        "message Bound { bytes eip_id = 1; repeated string tags = 2; optional uint32 size = 3; }";

    #[test]
    fn what_was_accepted_passes() {
        let lock = with_new(&compiled(BEFORE), "");
        assert_eq!(
            lock,
            "Bound.00001 bytes eip_id\nBound.00002 repeated string tags\nBound.00003 optional uint32 size\n"
        );
        assert!(findings(&compiled(BEFORE), &lock).is_empty());
    }

    #[test]
    fn a_changed_type_a_renumbered_field_and_a_lost_one_are_found() {
        let lock = with_new(&compiled(BEFORE), "");
        let found =
            findings(&compiled("message Bound { string eip_id = 1; repeated string tags = 4; }"), &lock);
        assert_eq!(
            found,
            [
                "stored Bound.00001 was `bytes eip_id` and is `string eip_id`: old logs would be misread",
                "stored Bound.00002 `repeated string tags` is gone: old logs hold it",
                "stored Bound.00003 `optional uint32 size` is gone: old logs hold it",
                "stored Bound.00004 is new: enter it with `cargo xtask proto --accept`",
            ]
        );
    }

    #[test]
    fn accepting_never_rewrites_an_old_line() {
        let lock = with_new(
            &compiled("message Bound { string eip_id = 1; bytes more = 9; }"),
            "Bound.00001 bytes eip_id\n",
        );
        assert_eq!(lock, "Bound.00001 bytes eip_id\nBound.00009 bytes more\n");
    }

    #[test]
    fn a_field_moved_into_a_oneof_and_a_renamed_value_are_found() {
        let lock =
            with_new(&compiled("message A { bytes b = 1; } enum S { S_UNSPECIFIED = 0; S_UP = 1; }"), "");
        let now = compiled("message A { oneof c { bytes b = 1; } } enum S { S_UNSPECIFIED = 0; S_ON = 1; }");
        assert_eq!(findings(&now, &lock).len(), 2);
    }
}
