//! The history from a log where it lies: read through from its start, with no server and no index; twice where a thing is asked
//! for by name, which it may have got late. What an event concerns is told by the same fold that the index is made with.

use std::ops::ControlFlow;

use mooring_domain::Commit;
use mooring_event_log::{Record, walk};
use mooring_ledger::{
    Undecodable, commits,
    index::{Concerns, EventFilter, Term, unknown},
};
use mooring_past::{NoAnswer, told};

use super::{filters::Filters, printer::Printer};
use crate::{
    failure::Failure,
    invocation::Invocation,
    past::Place,
    resolve::{Argument, Home},
};

pub(super) fn run(
    moor: &Invocation,
    place: &Place,
    filters: &Filters,
    mut printer: Printer,
) -> Result<(), Failure> {
    let region = moor.home.region.clone().or(place.region.clone());
    let home = Home { region: region.clone(), ..moor.home.clone() };
    let (mut asked, between) = (filters.filter(&home)?, filters.between()?);
    let up_to = between.narrow(&mut asked, &mut printer, u64::MAX);
    let of_status = |status| filters.failed(moor.dataplane.failure(&status));
    let filter = EventFilter::parse(&asked, region.as_ref()).map_err(of_status)?;
    let mut reading = Reading::new(filter, printer);
    if !reading.filter.things.is_empty() {
        walk(&place.folder, |record| reading.look_up(record))?;
    }
    let walked = walk(&place.folder, |record| reading.record(record))?;
    if let Some(failure) = reading.failure {
        return Err(failure);
    }
    if let Some(error) = reading.unreadable {
        return Err(Failure::of_the_past(Argument::new("PLACE", ""), NoAnswer::Unreadable(error)));
    }
    if reading.done {
        return Ok(());
    }
    let end = walked.whole.position.0;
    if let Some(damage) = walked.damage {
        let whole = mooring_domain::Position(end);
        return Err(Failure::of_the_past(Argument::new("PLACE", ""), NoAnswer::Damaged { damage, whole }));
    }
    let after = if reading.printer.after == u64::MAX { 0 } else { reading.printer.after };
    for (field, position) in [("after_position", after), ("up_to_position", up_to)] {
        if position > end {
            let what = format!("there is no record {position}: the log ends at {end}");
            let argument = filters.argument(field);
            return Err(Failure::of_the_past(Argument::new(argument, ""), NoAnswer::Outside(what)));
        }
    }
    reading.all_known().map_err(of_status)?;
    reading.printer.end()
}

/// Reading under way.
struct Reading {
    filter: EventFilter,
    printer: Printer,
    concerns: Concerns,
    /// What each thing of the filter stands for.
    found: Vec<Vec<Term>>,
    /// Which other terms of the filter some event was of.
    met: Vec<bool>,
    kinds: Vec<Term>,
    failure: Option<Failure>,
    unreadable: Option<Undecodable>,
    done: bool,
}

impl Reading {
    fn new(filter: EventFilter, printer: Printer) -> Self {
        let (found, met) = (vec![Vec::new(); filter.things.len()], vec![false; filter.terms.len()]);
        let (kinds, concerns) = (filter.kinds(), Concerns::default());
        Self { filter, printer, concerns, found, met, kinds, failure: None, unreadable: None, done: false }
    }

    fn record(&mut self, record: &Record) -> ControlFlow<()> {
        let read = match commits(record) {
            Ok(read) => read,
            Err(error) => {
                self.unreadable = Some(error);
                return ControlFlow::Break(());
            }
        };
        for (mut commit, stored) in read.into_iter().zip(&record.commits) {
            self.keep_asked(&mut commit);
            let wanted = commit.at.position.0 > self.printer.after && self.filter.at_its_time(&commit);
            let full = told(&commit, stored);
            if commit.events.is_empty() || !wanted {
                continue;
            }
            match self.printer.print(&full) {
                Ok(true) => {}
                Ok(false) => self.done = true,
                Err(failure) => self.failure = Some(failure),
            }
            if self.done || self.failure.is_some() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Finds what the names stand for, anywhere in the log.
    fn look_up(&mut self, record: &Record) -> ControlFlow<()> {
        // Whoever reads what is asked for says what is wrong with it.
        let Ok(read) = commits(record) else { return ControlFlow::Break(()) };
        for commit in read {
            let empty = Commit { events: Vec::new(), ..commit.clone() };
            for event in &commit.events {
                let concerns = Concerns::default().of(&empty, event);
                for (thing, found) in self.filter.things.iter().zip(&mut self.found) {
                    found.extend(thing.begins(event, &concerns));
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Leaves a commit the events that are asked for, and learns from all of them.
    fn keep_asked(&mut self, commit: &mut Commit) {
        let (mut events, empty) = (Vec::new(), Commit { events: Vec::new(), ..commit.clone() });
        for event in std::mem::take(&mut commit.events) {
            let concerns = self.concerns.of(&empty, &event);
            for ((_, term), met) in self.filter.terms.iter().zip(&mut self.met) {
                *met |= concerns.contains(term);
            }
            self.printer.names.pass(&mooring_proto::stored::to_wire(&event));
            if self.asks_for(&concerns) {
                events.push(event);
            }
        }
        commit.events = events;
    }

    fn asks_for(&self, concerns: &[Term]) -> bool {
        let any = |terms: &[Term]| terms.iter().any(|term| concerns.contains(term));
        self.found.iter().all(|found| any(found))
            && self.filter.terms.iter().all(|(_, term)| concerns.contains(term))
            && any(&self.kinds)
    }

    /// Whether everything that the filter names is in the log.
    fn all_known(&self) -> Result<(), tonic::Status> {
        let nothing = self.filter.things.iter().zip(&self.found).find(|(_, found)| found.is_empty());
        if let Some((thing, _)) = nothing {
            return Err(thing.unknown());
        }
        let unmet = self.filter.terms.iter().zip(&self.met).find(|(_, met)| !**met);
        unmet.map_or(Ok(()), |((field, term), _)| Err(unknown(field, term)))
    }
}
