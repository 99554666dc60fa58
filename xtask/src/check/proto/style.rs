//! Names and comments of one file. A place in a file is a path of field numbers of `descriptor.proto`, as in
//! `SourceCodeInfo`: that is how a comment is found.

use std::collections::BTreeSet;

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, ServiceDescriptorProto};

const FILE_MESSAGE: i32 = 4;
const FILE_ENUM: i32 = 5;
const FILE_SERVICE: i32 = 6;
const MESSAGE_FIELD: i32 = 2;
const MESSAGE_NESTED: i32 = 3;
const MESSAGE_ENUM: i32 = 4;
const SERVICE_METHOD: i32 = 2;

/// What breaks a rule in this file.
pub fn findings(file: &FileDescriptorProto) -> Vec<String> {
    // Stored events explain a field once, where it first comes.
    let comment_fields = file.package() != super::events::PACKAGE;
    let mut walk = Walk { comment_fields, commented: commented(file), found: vec![] };
    let folder = file.name().rsplit_once('/').map_or("", |(folder, _)| folder);
    walk.need(folder.replace('/', ".") == file.package(), || {
        format!("package {} is not that of its folder {folder}", file.package())
    });
    walk.need(file.package().rsplit('.').next().is_some_and(is_version), || {
        "the package has no version".into()
    });
    for (at, service) in (0..).zip(&file.service) {
        walk.service(service, &[FILE_SERVICE, at]);
    }
    for (at, message) in (0..).zip(&file.message_type) {
        walk.message(message, &[FILE_MESSAGE, at]);
    }
    for (at, kind) in (0..).zip(&file.enum_type) {
        walk.kind(kind, &[FILE_ENUM, at]);
    }
    walk.found.iter().map(|what| format!("proto/{}: {what}", file.name())).collect()
}

struct Walk {
    comment_fields: bool,
    commented: BTreeSet<Vec<i32>>,
    found: Vec<String>,
}

impl Walk {
    fn need(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.found.push(what());
        }
    }

    fn need_comment(&mut self, at: &[i32], name: &str) {
        let there = self.commented.contains(at);
        self.need(there, || format!("{name} has no comment"));
    }

    fn service(&mut self, service: &ServiceDescriptorProto, at: &[i32]) {
        let name = service.name();
        self.need_comment(at, name);
        self.need(is_pascal(name) && name.ends_with("Service"), || {
            format!("service {name} is not called …Service")
        });
        for (index, method) in (0..).zip(&service.method) {
            self.need_comment(&[at, &[SERVICE_METHOD, index]].concat(), &format!("{name}.{}", method.name()));
            self.need(is_pascal(method.name()), || format!("{name}.{} is not in PascalCase", method.name()));
        }
    }

    fn message(&mut self, message: &DescriptorProto, at: &[i32]) {
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            return;
        }
        let name = message.name();
        self.need_comment(at, name);
        self.need(is_pascal(name), || format!("message {name} is not in PascalCase"));
        for (index, field) in (0..).zip(&message.field) {
            if self.comment_fields {
                self.need_comment(
                    &[at, &[MESSAGE_FIELD, index]].concat(),
                    &format!("{name}.{}", field.name()),
                );
            }
            self.need(is_snake(field.name()), || format!("{name}.{} is not in snake_case", field.name()));
        }
        for (index, nested) in (0..).zip(&message.nested_type) {
            self.message(nested, &[at, &[MESSAGE_NESTED, index]].concat());
        }
        for (index, kind) in (0..).zip(&message.enum_type) {
            self.kind(kind, &[at, &[MESSAGE_ENUM, index]].concat());
        }
    }

    fn kind(&mut self, kind: &EnumDescriptorProto, at: &[i32]) {
        let name = kind.name();
        self.need_comment(at, name);
        let prefix = upper_snake(name);
        let zero = kind.value.first().filter(|value| value.number() == 0).map(|value| value.name());
        self.need(zero == Some(&format!("{prefix}_UNSPECIFIED")), || {
            format!("enum {name} does not begin with {prefix}_UNSPECIFIED = 0")
        });
        for value in &kind.value {
            self.need(value.name().starts_with(&format!("{prefix}_")), || {
                format!("{} of enum {name} does not begin with {prefix}_", value.name())
            });
        }
    }
}

fn commented(file: &FileDescriptorProto) -> BTreeSet<Vec<i32>> {
    let places = file.source_code_info.iter().flat_map(|info| &info.location);
    let with_words = places.filter(|place| !place.leading_comments().trim().is_empty());
    with_words.map(|place| place.path.clone()).collect()
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok())
}

fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_snake(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') && !name.contains("__")
}

fn upper_snake(pascal: &str) -> String {
    let mut out = String::new();
    for c in pascal.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lint(source: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("mooring/pier/v1");
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("pier.proto"), format!("syntax = \"proto3\";\n{source}")).unwrap();
        let set = protox::compile([at.join("pier.proto")], [folder.path()]).unwrap();
        findings(&set.file[0]).iter().map(|line| line.split_once(": ").unwrap().1.to_string()).collect()
    }

    #[test]
    fn a_file_in_order_passes() {
        let source = "package mooring.pier.v1;
            // Piers.
            service PierService {
              // Reads one.
              rpc GetPier(Pier) returns (Pier);
            }
            // A pier.
            message Pier {
              // Where it stands.
              enum State { STATE_UNSPECIFIED = 0; STATE_OPEN = 1; }
              // For people.
              string display_name = 1;
              // Free.
              map<string, string> labels = 2;
            }";
        assert_eq!(lint(source), Vec::<String>::new());
    }

    #[test]
    fn each_broken_rule_is_found() {
        let source = "package mooring.quay.v1;
            service Piers { rpc getPier(Pier) returns (Pier); }
            message Pier { string displayName = 1; enum Kind { OPEN = 0; } }";
        let expected = [
            "package mooring.quay.v1 is not that of its folder mooring/pier/v1",
            "Piers has no comment",
            "service Piers is not called …Service",
            "Piers.getPier has no comment",
            "Piers.getPier is not in PascalCase",
            "Pier has no comment",
            "Pier.displayName has no comment",
            "Pier.displayName is not in snake_case",
            "Kind has no comment",
            "enum Kind does not begin with KIND_UNSPECIFIED = 0",
            "OPEN of enum Kind does not begin with KIND_",
        ];
        assert_eq!(lint(source), expected);
    }

    #[test]
    fn a_package_without_a_version_is_found() {
        assert!(lint("package mooring.pier;").contains(&"the package has no version".to_string()));
    }
}
