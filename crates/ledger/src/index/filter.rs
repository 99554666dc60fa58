//! Which events are asked for: read from the API's filter, then looked up, in the index or in a log that is read through.

use std::net::IpAddr;

use mooring_domain::{
    Commit, Event, Rejection, Timestamp,
    id::{Eip, EipId, Havip, HavipId, Kind},
    name::{Label, ProjectId, RegionId, parse_scoped},
};
use mooring_proto::{
    dataplane::v1 as api,
    status::{bad_field, bad_name, from_rejection},
    together::{each, together},
};
use tonic::Status;

use super::concerns::Term;

/// A filter that says nothing wrong. What its names stand for is still to be looked up.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Things that are asked for by name.
    pub things: Vec<Thing>,
    /// What is asked for as it is, with the field that says it: some event must be of it.
    pub terms: Vec<(&'static str, Term)>,
    /// Kinds; none for all of them.
    pub kinds: Vec<&'static str>,
    /// Recorded at or after.
    pub from: Option<Timestamp>,
    /// Recorded at or before.
    pub to: Option<Timestamp>,
}

/// An EIP or a HAVIP by its id, its display name or its address.
#[derive(Clone, Debug)]
pub struct Thing {
    /// The field that names it.
    pub field: &'static str,
    /// Its name as it was given.
    pub name: String,
    word: &'static str,
    project: ProjectId,
    /// Any of these is at its beginning.
    terms: Vec<Term>,
}

impl EventFilter {
    /// Reads the API's form, for a log of this region.
    ///
    /// # Errors
    /// INVALID_ARGUMENT, with the field and its rule.
    pub fn parse(asked: &api::EventFilter, region: Option<&RegionId>) -> Result<Self, Status> {
        let project = match asked.project.as_str() {
            "" => Ok(None),
            project => project.parse::<ProjectId>().map(Some).map_err(bad_name("filter.project")),
        };
        let (eip, havip, project, kinds) = together((
            scoped::<Eip>("filter.eip", &asked.eip, region),
            scoped::<Havip>("filter.havip", &asked.havip, region),
            project,
            each(asked.kinds.iter().map(|kind| word(kind))),
        ))?;
        let mut filter = Self { kinds, ..Self::default() };
        if let Some((project, last)) = eip {
            let address = last.parse::<IpAddr>().ok().map(Term::Address);
            let id = last.parse().ok().map(|id: EipId| Term::Eip(id));
            filter.things.push(Thing::new::<Eip>("filter.eip", &asked.eip, project, last, [id, address]));
        }
        if let Some((project, last)) = havip {
            let id = last.parse().ok().map(|id: HavipId| Term::Havip(id));
            filter.things.push(Thing::new::<Havip>("filter.havip", &asked.havip, project, last, [id, None]));
        }
        if let Some(project) = project {
            filter.terms.push(("filter.project", Term::Project(project)));
        }
        if !asked.actor.is_empty() {
            filter.terms.push(("filter.actor", Term::Actor(asked.actor.as_str().into())));
        }
        filter.from = (asked.recorded_from > 0).then_some(Timestamp(asked.recorded_from));
        filter.to = (asked.recorded_to > 0).then_some(Timestamp(asked.recorded_to));
        if filter.from.zip(filter.to).is_some_and(|(from, to)| from > to) {
            return Err(bad_field("filter.recorded_to", "must not be before filter.recorded_from"));
        }
        Ok(filter)
    }

    /// The kinds that are asked for.
    pub fn kinds(&self) -> Vec<Term> {
        let all = if self.kinds.is_empty() { Event::WORDS } else { &self.kinds };
        all.iter().map(|word| Term::Kind(word)).collect()
    }

    /// Whether it was recorded when it was asked for.
    pub fn at_its_time(&self, commit: &Commit) -> bool {
        self.from.is_none_or(|from| commit.recorded_at >= from)
            && self.to.is_none_or(|to| commit.recorded_at <= to)
    }
}

fn scoped<'a, K: Kind>(
    field: &'static str,
    name: &'a str,
    region: Option<&RegionId>,
) -> Result<Option<(ProjectId, &'a str)>, Status> {
    if name.is_empty() {
        return Ok(None);
    }
    let (scope, last) = parse_scoped::<K>(name).map_err(bad_name(field))?;
    match region.filter(|region| **region != scope.region) {
        Some(region) => Err(bad_field(field, format!("must be in region {region}, whose log is asked"))),
        None => Ok(Some((scope.project, last))),
    }
}

fn word(kind: &str) -> Result<&'static str, Status> {
    let known = Event::WORDS.iter().find(|word| **word == kind);
    known.copied().ok_or_else(|| {
        let words = Event::WORDS.join(", ");
        bad_field("filter.kinds", format!("{kind:?} is no kind of event; the kinds are {words}"))
    })
}

impl Thing {
    /// The kinds with which a thing comes to be, or comes to be called what it is.
    pub const BEGINNINGS: [&'static str; 3] = ["eip_allocated", "eip_updated", "havip_created"];

    fn new<K: Kind>(
        field: &'static str,
        name: &str,
        project: ProjectId,
        last: &str,
        terms: [Option<Term>; 2],
    ) -> Self {
        let label = last.parse::<Label>().ok();
        let named = label.map(|label| Term::Named(K::COLLECTION, project.clone(), label));
        let terms = terms.into_iter().chain([named]).flatten().collect();
        Self { field, name: name.to_owned(), word: K::WORD, project, terms }
    }

    /// What the event with which it comes to be, or gets its name, concerns: any of these.
    pub fn beginnings(&self) -> Vec<Term> {
        self.terms.clone()
    }

    /// The thing itself, if it comes to be with this event or gets its name, of which these are the concerns.
    pub fn begins(&self, event: &Event, concerns: &[Term]) -> Option<Term> {
        let (project, term) = match event {
            Event::EipAllocated(it) | Event::EipUpdated(it) => (&it.eip.project, Term::Eip(it.eip.id)),
            Event::HavipCreated(havip) | Event::HavipUpdated(havip) => {
                (&havip.havip.project, Term::Havip(havip.havip.id))
            }
            _ => return None,
        };
        let asked = *project == self.project && self.terms.iter().any(|term| concerns.contains(term));
        // An address may be that of a HAVIP as well.
        let of_kind =
            matches!((&term, self.field), (Term::Eip(_), "filter.eip") | (Term::Havip(_), "filter.havip"));
        (asked && of_kind).then_some(term)
    }

    /// No event of the log is about such a thing.
    pub fn unknown(&self) -> Status {
        from_rejection(&Rejection {
            message: format!("no event of the log is about {} {}", self.word, self.name),
            ..Rejection::not_found(self.field, &self.name)
        })
    }
}

/// No event of the log is of this project, or was asked for by this actor.
pub fn unknown(field: &'static str, term: &Term) -> Status {
    let message = match term {
        Term::Project(project) => format!("no event of the log is about project {project}"),
        Term::Actor(actor) => format!("no event of the log was asked for by {actor}"),
        other => format!("no event of the log is about {other:?}"),
    };
    from_rejection(&Rejection { message, ..Rejection::not_found(field, "") })
}
