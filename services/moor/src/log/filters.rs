//! The filters of `moor log`: what people write, and the API's filter that it becomes.

use clap::Args;
use mooring_domain::{
    CommitPosition, Position, Timestamp,
    id::{Eip, Havip},
};
use mooring_past::Moment;
use mooring_proto::dataplane::v1::EventFilter;

use super::printer::Printer;
use crate::{
    failure::Failure,
    resolve::{Argument, Home, Reference},
};

/// Which events are wanted.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filters {
    /// What concerns this EIP: itself, its bindings, who held what it fronted
    #[arg(long, value_name = "EIP")]
    eip: Option<String>,
    /// What concerns this HAVIP: itself, its bindings, its holders
    #[arg(long, value_name = "HAVIP")]
    havip: Option<String>,
    /// What concerns this project's things; --project only says where short names belong
    #[arg(long, value_name = "PROJECT")]
    of_project: Option<String>,
    /// What this actor asked for
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Events of this kind, such as holder_changed; may be given several times
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<String>,
    /// What came after this moment: POSITION, POSITION.INDEX, a time as in RFC 3339, or end
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,
    /// What came up to this moment, and with it
    #[arg(long, value_name = "MOMENT")]
    to: Option<String>,
}

/// The fields of a request, and the arguments that they are made from.
const FIELDS: [(&str, &str); 9] = [
    ("filter.eip", "--eip"),
    ("filter.havip", "--havip"),
    ("filter.project", "--of-project"),
    ("filter.actor", "--actor"),
    ("filter.kinds", "--kind"),
    ("filter.recorded_from", "--from"),
    ("filter.recorded_to", "--to"),
    ("after_position", "--from"),
    ("up_to_position", "--to"),
];

/// Between which moments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    /// Behind this.
    pub(super) from: Option<Moment>,
    /// Up to this, and with it.
    pub(super) to: Option<Moment>,
}

impl Filters {
    pub(super) fn of_havip(havip: &str, kinds: impl Iterator<Item = &'static str>) -> Self {
        let kind = kinds.map(str::to_owned).collect();
        Self { havip: Some(havip.to_owned()), kind, ..Self::default() }
    }

    /// Whether everything is wanted.
    pub(super) fn is_empty(&self) -> bool {
        let things = [&self.eip, &self.havip, &self.of_project, &self.actor, &self.from, &self.to];
        things.iter().all(|given| given.is_none()) && self.kind.is_empty()
    }

    /// As the API takes it, but for the moments.
    pub(super) fn filter(&self, home: &Home) -> Result<EventFilter, Failure> {
        let eip =
            self.eip.as_deref().map(|text| Reference::scoped::<Eip>(Argument::new("--eip", text), home));
        let havip = self
            .havip
            .as_deref()
            .map(|text| Reference::scoped::<Havip>(Argument::new("--havip", text), home));
        for (place, text) in [("--of-project", &self.of_project), ("--actor", &self.actor)] {
            if text.as_ref().is_some_and(String::is_empty) {
                return Err(Failure::argument(Argument::new(place, ""), "empty"));
            }
        }
        Ok(EventFilter {
            eip: eip.transpose()?.map(|eip| eip.name).unwrap_or_default(),
            havip: havip.transpose()?.map(|havip| havip.name).unwrap_or_default(),
            project: self.of_project.clone().unwrap_or_default(),
            actor: self.actor.clone().unwrap_or_default(),
            kinds: self.kind.iter().map(|kind| kind.to_lowercase().replace('-', "_")).collect(),
            ..Default::default()
        })
    }

    /// Between which moments.
    pub(super) fn between(&self) -> Result<Between, Failure> {
        let moment = |place, text: &Option<String>| {
            let parsed = text.as_deref().map(|text| {
                Moment::parse(text).map_err(|error| Failure::of_the_past(Argument::new(place, text), error))
            });
            parsed.transpose()
        };
        Ok(Between { from: moment("--from", &self.from)?, to: moment("--to", &self.to)? })
    }

    /// The argument that a field is made from.
    pub(super) fn argument(&self, field: &str) -> &'static str {
        let of = FIELDS.iter().find(|(of, _)| *of == field).map_or("PLACE", |(_, argument)| argument);
        if self.from.is_none() && field == "after_position" { "--after" } else { of }
    }

    /// The failure of a request, with the arguments in place of the fields.
    pub(super) fn failed(&self, failure: Failure) -> Failure {
        FIELDS.iter().fold(failure, |failure, (field, _)| failure.of_argument(field, self.argument(field)))
    }
}

impl Between {
    /// Has only what is in between printed, and narrows what is asked for. `tail` is where the log ends.
    pub(super) fn narrow(&self, filter: &mut EventFilter, printer: &mut Printer, tail: u64) -> u64 {
        let commit = |CommitPosition { position, index }| (position.0, index);
        match self.from {
            Some(Moment::Record(Position(position))) => printer.after = position,
            Some(Moment::Commit(at)) => {
                printer.after = at.position.0.saturating_sub(1);
                printer.behind = Some(commit(at));
            }
            Some(Moment::Time(Timestamp(time))) => filter.recorded_from = time.saturating_add(1),
            Some(Moment::End) => printer.after = tail,
            None => {}
        }
        match self.to {
            Some(Moment::Record(Position(position))) => {
                printer.up_to = Some((position, u32::MAX));
                position
            }
            Some(Moment::Commit(at)) => {
                printer.up_to = Some(commit(at));
                at.position.0
            }
            Some(Moment::Time(Timestamp(time))) => {
                filter.recorded_to = time;
                0
            }
            Some(Moment::End) | None => 0,
        }
    }
}
