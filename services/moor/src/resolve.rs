//! From what a person writes for a thing to the name that the API takes.

use mooring_domain::{
    id::Kind,
    name::{ProjectId, RegionId, Scope, parse_regional, parse_scoped},
};
use uuid::Uuid;

use crate::failure::Failure;

/// Where short names belong: what `--project` and `--region` say.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// The project, if said.
    pub project: Option<ProjectId>,
    /// The region, if said.
    pub region: Option<RegionId>,
}

impl Home {
    /// The region, or a usage error that says how to give it.
    pub fn region(&self) -> Result<&RegionId, Failure> {
        self.region
            .as_ref()
            .ok_or_else(|| Failure::usage("which region? Say --region, or set MOORING_REGION"))
    }

    /// `regions/{region}`.
    pub fn regional_parent(&self) -> Result<String, Failure> {
        Ok(format!("regions/{}", self.region()?))
    }

    /// Project and region, or a usage error that says how to give them.
    pub fn scope(&self) -> Result<Scope, Failure> {
        let region = self.region()?.clone();
        let project = self.project.clone();
        let project =
            project.ok_or_else(|| Failure::usage("which project? Say --project, or set MOORING_PROJECT"))?;
        Ok(Scope { project, region })
    }
}

/// What a person wrote for a thing, and where.
#[derive(Clone, Copy, Debug)]
pub struct Argument<'a> {
    /// Its place on the command line, as `--help` calls it: `EIP`, `--vpc`.
    pub place: &'static str,
    /// What was written there.
    pub text: &'a str,
}

impl<'a> Argument<'a> {
    /// `text` at `place`.
    pub fn new(place: &'static str, text: &'a str) -> Self {
        Self { place, text }
    }

    /// A failure of a request whose `name` this is.
    pub fn failed(self, failure: Failure) -> Failure {
        failure.of_argument("name", self.place)
    }
}

/// A name that Get takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The full name. Its last part is an id, a display name, or an EIP's address.
    pub name: String,
    /// The last part is an id: every RPC takes it as it is.
    pub by_id: bool,
}

impl Reference {
    fn new(parent: &str, collection: &str, last: &str) -> Self {
        Self { name: format!("{parent}/{collection}/{last}"), by_id: is_id(last) }
    }

    /// What `argument` says about a `K` of a project.
    pub fn scoped<K: Kind>(argument: Argument<'_>, home: &Home) -> Result<Self, Failure> {
        let text = argument.text;
        let (scope, last) = if text.contains('/') {
            parse_scoped::<K>(text).map_err(|cause| Failure::bad_name(argument, K::WORD, &cause))?
        } else {
            (home.scope()?, not_empty(argument, K::WORD)?)
        };
        Ok(Self::new(&scope.to_string(), K::COLLECTION, last))
    }

    /// What `argument` says about something that belongs to a region: a pool, a gateway.
    pub fn regional(
        argument: Argument<'_>,
        collection: &str,
        word: &str,
        home: &Home,
    ) -> Result<Self, Failure> {
        let text = argument.text;
        let (region, last) = if text.contains('/') {
            parse_regional(text, collection).map_err(|cause| Failure::bad_name(argument, word, &cause))?
        } else {
            (home.region()?.clone(), not_empty(argument, word)?)
        };
        Ok(Self::new(&format!("regions/{region}"), collection, last))
    }
}

/// The last part of a name.
pub fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn not_empty<'a>(argument: Argument<'a>, word: &str) -> Result<&'a str, Failure> {
    match argument.text {
        "" => Err(Failure::argument(argument, &format!("empty: which {word}?"))),
        text => Ok(text),
    }
}

/// Only the form with hyphens: 32 hexadecimal digits may well be a display name.
fn is_id(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use mooring_domain::id::{Eip, Havip};

    use super::*;
    use crate::failure::Exit;

    const ID: &str = "01976e2a-0000-7000-8000-000000000001";

    fn scoped<K: Kind>(text: &str, home: &Home) -> Result<Reference, Failure> {
        Reference::scoped::<K>(Argument::new("--it", text), home)
    }

    fn gateway(text: &str, home: &Home) -> Result<Reference, Failure> {
        Reference::regional(Argument::new("NAME", text), "gateways", "gateway", home)
    }

    fn home() -> Home {
        Home { project: Some("shop".parse().unwrap()), region: Some("r1".parse().unwrap()) }
    }

    #[test]
    fn short_forms_are_completed_and_only_an_id_is_exact() {
        for (text, by_id) in [(ID, true), ("web", false), ("203.0.113.7", false), ("2001:db8::7", false)] {
            let reference = scoped::<Eip>(text, &home()).unwrap();
            assert_eq!(reference, Reference { name: format!("projects/shop/regions/r1/eips/{text}"), by_id });
        }
        let hex = "0123456789abcdef0123456789abcdef";
        assert!(!scoped::<Eip>(hex, &home()).unwrap().by_id);
    }

    #[test]
    fn a_full_name_needs_no_home_and_wins_over_it() {
        let text = format!("projects/bank/regions/r2/eips/{ID}");
        for home in [Home::default(), home()] {
            let reference = scoped::<Eip>(&text, &home).unwrap();
            assert_eq!(reference, Reference { name: text.clone(), by_id: true });
        }
        let named = scoped::<Eip>("projects/bank/regions/r2/eips/web", &home()).unwrap();
        assert!(!named.by_id);
    }

    #[test]
    fn a_name_of_another_kind_is_a_usage_error() {
        let text = format!("projects/shop/regions/r1/eips/{ID}");
        let failure = scoped::<Havip>(&text, &home()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.starts_with(&format!("--it: {text:?} names no HAVIP: expected projects/")));
        assert_eq!(failure.details.argument.as_deref(), Some("--it"));
    }

    #[test]
    fn a_missing_flag_is_named() {
        let nowhere = scoped::<Eip>("web", &Home::default()).unwrap_err();
        assert!(nowhere.message.contains("--region"), "{}", nowhere.message);
        let region_only = Home { region: home().region, project: None };
        let failure = scoped::<Eip>("web", &region_only).unwrap_err();
        assert!(failure.message.contains("--project"), "{}", failure.message);
        assert!(gateway("gw-1", &region_only).is_ok());
        assert!(scoped::<Eip>("", &home()).unwrap_err().message.contains("--it: empty"));
    }

    #[test]
    fn pools_and_gateways_belong_to_a_region() {
        let short = gateway("gw-1", &home()).unwrap();
        let full = gateway("regions/r1/gateways/gw-1", &Home::default()).unwrap();
        assert_eq!(short, full);
        assert!(gateway("regions/r1/pools/x", &home()).is_err());
    }
}
