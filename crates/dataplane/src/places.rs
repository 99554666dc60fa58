//! The operator's file: which VPC lives in which namespace, between which links.
//!
//! ```toml
//! [[vpc]]
//! vpc = "projects/shop/regions/north/vpcs/front"   # or an id at the end; or: name = "front-*"
//! netns = "vpc-{name}"                             # none: the namespace of the process
//! inside = "in0"
//! outside = "out0"
//! arp = true                                       # false: EIPs are routed to this gateway
//! hairpin = false                                  # true: every inside host reaches the VPC's EIPs, tracked
//! ```

use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    time::SystemTime,
};

use mooring_domain::{
    id::{self, VpcId},
    name::{Label, ProjectId, RegionId, Scope, parse_scoped},
};
use serde::Deserialize;
use toml::Spanned;

use crate::Place;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPlaces {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no TOML, or a field is missing or does not belong there; the message has line and column.
    #[error("{}: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// An entry says something that cannot be.
    #[error("{}: line {line}: {field}: {problem}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// The operator's file, as read once.
#[derive(Clone, Debug)]
pub struct Places {
    path: PathBuf,
    stamp: Option<Stamp>,
    entries: Vec<Entry>,
}

/// A file's time and length: another one was written when they differ.
type Stamp = (SystemTime, u64);

#[derive(Clone, Debug)]
struct Entry {
    which: Which,
    /// The namespace may have `{name}` in it.
    place: Place,
}

#[derive(Clone, Debug)]
enum Which {
    One { scope: Scope, last: String },
    Named { pattern: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    vpc: Vec<Spanned<Written>>,
}

/// An entry as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    vpc: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    netns: Option<Spanned<String>>,
    inside: Spanned<String>,
    outside: Spanned<String>,
    #[serde(default = "yes")]
    arp: bool,
    #[serde(default)]
    hairpin: bool,
}

fn yes() -> bool {
    true
}

/// Where in the file, in which field, what.
type Problem = (Range<usize>, &'static str, String);

impl Places {
    /// Read the file.
    pub fn load(path: &Path) -> Result<Self, BadPlaces> {
        let unreadable = |source| BadPlaces::Unreadable { path: path.to_owned(), source };
        // Before the text: a change that comes between is seen as one.
        let stamp = stamp(path);
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let file: File = toml::from_str(&text)
            .map_err(|error| BadPlaces::Malformed { path: path.to_owned(), message: error.to_string() })?;
        let entries: Result<Vec<_>, _> = file.vpc.into_iter().map(entry).collect();
        let entries = entries.map_err(|(span, field, problem)| BadPlaces::Entry {
            path: path.to_owned(),
            line: text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1,
            field,
            problem,
        })?;
        Ok(Self { path: path.to_owned(), stamp, entries })
    }

    /// Whether the file is another by now (by its time and length), or gone. The caller loads it again.
    pub fn changed(&self) -> bool {
        stamp(&self.path) != self.stamp
    }

    /// Where a VPC lives on this gateway; `None`: not here. The first entry that matches counts.
    pub fn place(&self, project: &ProjectId, region: &RegionId, vpc: VpcId, name: &Label) -> Option<Place> {
        let matches = |which: &Which| match which {
            Which::One { scope, last } => {
                scope.project == *project
                    && scope.region == *region
                    && (last == name.as_str() || last.parse() == Ok(vpc))
            }
            Which::Named { pattern } => fits(pattern, name.as_str()),
        };
        let entry = self.entries.iter().find(|entry| matches(&entry.which))?;
        let netns = entry.place.netns.as_ref().map(|netns| netns.replace("{name}", name.as_str()));
        Some(Place { netns, ..entry.place.clone() })
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn entry(written: Spanned<Written>) -> Result<Entry, Problem> {
    let span = written.span();
    let Written { vpc, name, netns, inside, outside, arp, hairpin } = written.into_inner();
    let which = match (vpc, name) {
        (Some(vpc), None) => {
            let (scope, last) = parse_scoped::<id::Vpc>(vpc.get_ref())
                .map_err(|error| (vpc.span(), "vpc", error.to_string()))?;
            Which::One { scope, last: last.to_owned() }
        }
        (None, Some(name)) if name.get_ref().is_empty() => {
            return Err((name.span(), "name", "an empty pattern fits nothing".to_owned()));
        }
        (None, Some(name)) => Which::Named { pattern: name.into_inner() },
        (None, None) => return Err((span, "vpc", "say which one: vpc = … or name = …".to_owned())),
        (Some(_), Some(name)) => {
            return Err((name.span(), "name", "either vpc or name, not both".to_owned()));
        }
    };
    let outside_span = outside.span();
    let (inside, outside) = (link("inside", inside)?, link("outside", outside)?);
    if inside == outside {
        return Err((outside_span, "outside", format!("{outside:?} is the inside already")));
    }
    let netns = netns.map(namespace).transpose()?;
    Ok(Entry { which, place: Place { netns, inside, outside, arp, hairpin } })
}

/// A link's name as the kernel takes it.
fn link(field: &'static str, name: Spanned<String>) -> Result<String, Problem> {
    let text = name.get_ref();
    let fits = (1..libc::IFNAMSIZ).contains(&text.len())
        && text != "."
        && text != ".."
        && !text.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control());
    if !fits {
        let rule = "1–15 bytes without blanks, '/' and ':'";
        return Err((name.span(), field, format!("{text:?} is no link's name: {rule}")));
    }
    Ok(name.into_inner())
}

fn namespace(name: Spanned<String>) -> Result<String, Problem> {
    let text = name.get_ref();
    let rest = text.replace("{name}", "");
    if text.is_empty() || text == "." || text == ".." || rest.contains(['/', '{', '}', '\0']) {
        let rule = "a name as in `ip netns`, in which {name} stands for the VPC's display name";
        return Err((name.span(), "netns", format!("{text:?} is no namespace's name: {rule}")));
    }
    Ok(name.into_inner())
}

/// Whether the text fits the pattern, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        // The one before was followed by another `*`: its first place is as good as any.
        if let Some(before) = last.replace(part) {
            match rest.find(before) {
                Some(at) => rest = &rest[at + str::len(before)..],
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |last: &str| rest.ends_with(last))
}
