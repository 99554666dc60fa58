//! Resource names: `projects/{project}/regions/{region}/{collection}/{id}`, and the labels in them.

mod shared;

use std::{borrow::Borrow, cmp::Ordering, fmt, net::IpAddr, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{Id, Kind};

/// The text is no such name; says what one looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct BadName {
    /// The shape that was expected.
    pub expected: String,
}

fn bad(expected: impl Into<String>) -> BadName {
    BadName { expected: expected.into() }
}

/// The shape of a [`Label`].
pub const LABEL_RULE: &str = "1–63 characters of a–z, A–Z, 0–9, '.', ':', '_' and '-'";

/// A display name or an instance's name: [`LABEL_RULE`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(Arc<str>);

impl Label {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is besides, if it is by itself something that things are named by: nobody may call a thing so. Names that were
    /// stored before that was a rule are read as they are.
    pub fn reads_as(&self) -> Option<&'static str> {
        if Uuid::try_parse(&self.0).is_ok() {
            return Some("a UUID, and may be another thing's id");
        }
        self.0.parse::<IpAddr>().is_ok().then_some("an address, and may be another thing's")
    }
}

impl Borrow<str> for Label {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Label {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_' | '-');
        if (1..=63).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(bad(LABEL_RULE))
        }
    }
}

/// The shape of a [`ProjectId`], a [`RegionId`] and a [`GatewayName`].
pub const SLUG_RULE: &str = "1–63 characters of a–z, 0–9 and '-', a letter or digit first and last";

fn is_slug(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

macro_rules! slugs {
    ($($(#[$doc:meta])* $slug:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $slug(#[serde(deserialize_with = "shared::deserialize")] Arc<str>);

        impl Ord for $slug {
            /// Most that are compared are one and the same, whose text need not be looked at.
            fn cmp(&self, other: &Self) -> Ordering {
                if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
            }
        }
        impl PartialOrd for $slug {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $slug {
            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl Borrow<str> for $slug {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $slug {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $slug {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                if is_slug(text) { Ok(Self(shared::text(text))) } else { Err(bad(SLUG_RULE)) }
            }
        }
    )*};
}

slugs! {
    /// A project's id, chosen by whoever runs the cloud.
    ProjectId;
    /// A region's id, chosen by the operator.
    RegionId;
    /// A gateway's name, chosen by the operator, unique in its region.
    GatewayName;
}

/// `projects/{project}/regions/{region}`: the parent of a project's resources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The owner.
    pub project: ProjectId,
    /// The region.
    pub region: RegionId,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/regions/{}", self.project, self.region)
    }
}

impl FromStr for Scope {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let expected = || bad("projects/{project}/regions/{region}");
        match text.split('/').collect::<Vec<_>>()[..] {
            ["projects", project, "regions", region] => Ok(Self {
                project: project.parse().map_err(|_| expected())?,
                region: region.parse().map_err(|_| expected())?,
            }),
            _ => Err(expected()),
        }
    }
}

/// `regions/{region}`: the parent of what the operator owns.
pub fn parse_region(text: &str) -> Result<RegionId, BadName> {
    text.strip_prefix("regions/")
        .and_then(|region| region.parse().ok())
        .ok_or_else(|| bad("regions/{region}"))
}

/// `regions/{region}/{collection}/{last}`, taken apart.
pub fn parse_regional<'a>(text: &'a str, collection: &str) -> Result<(RegionId, &'a str), BadName> {
    let expected = || bad(format!("regions/{{region}}/{collection}/{{id}}"));
    match text.split('/').collect::<Vec<_>>()[..] {
        ["regions", region, found, last] if found == collection && !last.is_empty() => {
            Ok((region.parse().map_err(|_| expected())?, last))
        }
        _ => Err(expected()),
    }
}

/// `{scope}/{collection}/{last}`, taken apart: the last part may be an id or a display name.
pub fn parse_scoped<K: Kind>(text: &str) -> Result<(Scope, &str), BadName> {
    let expected = || bad(format!("projects/{{project}}/regions/{{region}}/{}/{{id}}", K::COLLECTION));
    let (parent, last) = text.rsplit_once('/').ok_or_else(expected)?;
    let scope = parent.strip_suffix(K::COLLECTION).and_then(|scope| scope.strip_suffix('/'));
    let scope = scope.and_then(|scope| scope.parse().ok()).ok_or_else(expected)?;
    if last.is_empty() { Err(expected()) } else { Ok((scope, last)) }
}

/// The full name of one resource of a project, by id.
pub struct Name<K> {
    /// Owner and region.
    pub scope: Scope,
    /// Which one.
    pub id: Id<K>,
}

impl<K: Kind> Clone for Name<K> {
    fn clone(&self) -> Self {
        Self { scope: self.scope.clone(), id: self.id }
    }
}
impl<K: Kind> fmt::Debug for Name<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K: Kind> PartialEq for Name<K> {
    fn eq(&self, other: &Self) -> bool {
        self.scope == other.scope && self.id == other.id
    }
}

impl<K: Kind> fmt::Display for Name<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.scope, K::COLLECTION, self.id)
    }
}

impl<K: Kind> FromStr for Name<K> {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (scope, last) = parse_scoped::<K>(text)?;
        let id = last.parse().map_err(|_| {
            bad(format!("projects/{{project}}/regions/{{region}}/{}/{{id}}, the id a UUID", K::COLLECTION))
        })?;
        Ok(Self { scope, id })
    }
}
