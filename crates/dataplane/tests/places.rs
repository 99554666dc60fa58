//! The operator's file: what it says, and how it says that something is wrong with it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong says so by panicking")]

use std::{fs, path::PathBuf};

use mooring_dataplane::{Place, Places};
use mooring_domain::{id::VpcId, name::Label};

const ID: &str = "01980000-0000-7000-8000-000000000001";

/// A file of a test's own, deleted when dropped.
struct File(tempfile::TempDir);

impl File {
    fn new(text: &str) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        fs::write(file.path(), text).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("places.toml")
    }

    fn place(&self, name: &str) -> Option<Place> {
        let (name, id): (Label, VpcId) = (name.parse().unwrap(), ID.parse().unwrap());
        let places = Places::load(&self.path()).unwrap();
        places.place(&"shop".parse().unwrap(), &"north".parse().unwrap(), id, &name)
    }

    fn error(&self) -> String {
        Places::load(&self.path()).unwrap_err().to_string()
    }
}

#[test]
fn a_vpc_is_found_by_its_name_or_its_id() {
    for last in ["front", ID] {
        let file = File::new(&format!(
            "[[vpc]]\nvpc = \"projects/shop/regions/north/vpcs/{last}\"\ninside = \"in0\"\noutside = \"out0\"\n"
        ));
        let place =
            Place { netns: None, inside: "in0".into(), outside: "out0".into(), arp: true, hairpin: false };
        assert_eq!(file.place("front"), Some(place), "by {last}");
    }
}

#[test]
fn another_projects_vpc_of_the_same_name_is_another() {
    let file = File::new(
        "[[vpc]]\nvpc = \"projects/other/regions/north/vpcs/front\"\ninside = \"in0\"\noutside = \"out0\"\n",
    );
    assert_eq!(file.place("front"), None);
}

#[test]
fn the_first_entry_that_matches_counts_and_the_name_goes_into_the_namespace() {
    let file = File::new(
        "[[vpc]]\nname = \"front-*\"\nnetns = \"vpc-{name}\"\ninside = \"in0\"\noutside = \"out0\"\narp = false\n\
         [[vpc]]\nname = \"*\"\nnetns = \"rest\"\ninside = \"in0\"\noutside = \"out0\"\n",
    );
    let place = file.place("front-7").unwrap();
    assert_eq!((place.netns.as_deref(), place.arp), (Some("vpc-front-7"), false));
    let place = file.place("back").unwrap();
    assert_eq!((place.netns.as_deref(), place.arp), (Some("rest"), true));
}

#[test]
fn hairpins_are_off_unless_the_file_says_otherwise() {
    for (line, hairpin) in [("", false), ("hairpin = false\n", false), ("hairpin = true\n", true)] {
        let file = File::new(&format!("[[vpc]]\nname = \"*\"\ninside = \"in0\"\noutside = \"out0\"\n{line}"));
        assert_eq!(file.place("front").unwrap().hairpin, hairpin, "{line}");
    }
}

#[test]
fn a_star_stands_for_anything() {
    for (pattern, name, fits) in [
        ("*", "front", true),
        ("front", "front", true),
        ("front", "front-1", false),
        ("f*t", "front", true),
        ("f*t", "ft", true),
        ("f*t", "f", false),
        ("*-a-*", "x-a-y", true),
        ("*-a-*", "x-b-y", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("ab*ba", "aba", false),
    ] {
        let file =
            File::new(&format!("[[vpc]]\nname = \"{pattern}\"\ninside = \"in0\"\noutside = \"out0\"\n"));
        assert_eq!(file.place(name).is_some(), fits, "{pattern} and {name}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_field() {
    let links = "inside = \"in0\"\noutside = \"out0\"\n";
    for (text, line, word) in [
        (format!("\n[[vpc]]\n{links}"), "line 2", "vpc"),
        (format!("[[vpc]]\nvpc = \"front\"\n{links}"), "line 2", "vpc"),
        (format!("[[vpc]]\nvpc = \"projects/p/regions/r/vpcs/v\"\nname = \"*\"\n{links}"), "line 3", "name"),
        (format!("[[vpc]]\nname = \"\"\n{links}"), "line 2", "name"),
        (format!("[[vpc]]\nname = \"*\"\nnetns = \"a/b\"\n{links}"), "line 3", "netns"),
        (format!("[[vpc]]\nname = \"*\"\nnetns = \"vpc-{{id}}\"\n{links}"), "line 3", "netns"),
        ("[[vpc]]\nname = \"*\"\ninside = \"in 0\"\noutside = \"out0\"\n".to_owned(), "line 3", "inside"),
        ("[[vpc]]\nname = \"*\"\ninside = \"in0\"\noutside = \"in0\"\n".to_owned(), "line 4", "outside"),
        ("[[vpc]]\nname = \"*\"\ninside = \"in0\"\n".to_owned(), "line 1", "outside"),
        (format!("[[vpc]]\nname = \"*\"\nnetnz = \"x\"\n{links}"), "line 3", "netnz"),
        (format!("[[vpc]]\nname = \"*\"\narp = 1\n{links}"), "line 3", "boolean"),
        ("vpc = ".to_owned(), "line 1", "value"),
    ] {
        let error = File::new(&text).error();
        assert!(
            error.contains("places.toml") && error.contains(line) && error.contains(word),
            "{text}\n{error}"
        );
    }
}

#[test]
fn a_missing_file_is_named() {
    let file = File::new("");
    fs::remove_file(file.path()).unwrap();
    assert!(file.error().contains("places.toml"), "{}", file.error());
}

#[test]
fn a_change_is_seen() {
    let file = File::new("");
    let places = Places::load(&file.path()).unwrap();
    assert!(!places.changed());
    fs::write(file.path(), "# another\n").unwrap();
    assert!(places.changed());
    let places = Places::load(&file.path()).unwrap();
    assert!(!places.changed());
    fs::remove_file(file.path()).unwrap();
    assert!(places.changed());
}
